"""The local stack: everything that gatecertd talks to, on loopback."""


class StackError(Exception):
    """What did not work, told to the person who ran the command."""
