"""Waiting for something to become true, with a deadline and never longer than needed."""

import contextlib
import threading
import time

POLL_SECONDS = 0.05

_is_over = threading.Event()


@contextlib.contextmanager
def over():
    """Nobody needs what threads wait for any more: meanwhile every wait_for fails at once."""
    _is_over.set()
    try:
        yield
    finally:
        _is_over.clear()


def wait_for(predicate, deadline=60.0, describe=None):
    """Returns the first true value of predicate(). Fails after `deadline` seconds, with what it said last.

    Not there yet is also: a refused connection, a failed assertion, a member that is missing.
    """
    until = time.monotonic() + deadline
    while True:
        try:
            value = predicate()
            last = f"it said {value!r}"
        except (OSError, AssertionError, LookupError, TypeError) as error:
            value = None
            last = f"it raised {type(error).__name__}: {error}"
        if value:
            return value
        if time.monotonic() > until:
            what = describe() if callable(describe) else describe
            raise AssertionError(f"after {deadline:g} s still not: {what or predicate.__name__}; {last[:2000]}")
        if _is_over.wait(POLL_SECONDS):
            raise AssertionError("given up: the tests are over")
