"""Waiting for something to become true, with a deadline and never longer than needed."""

import contextlib
import threading
import time

POLL_SECONDS = 0.02  # at first; what takes longer is asked about less often, so that many rows can wait side by side
POLL_SHARE = 0.05  # of the time that has passed
POLL_SECONDS_MAX = 0.2

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
    began = time.monotonic()
    while True:
        try:
            value = predicate()
            last = f"it said {value!r}"
        except (OSError, AssertionError, LookupError, TypeError) as error:
            value = None
            last = f"it raised {type(error).__name__}: {error}"
        if value:
            return value
        passed = time.monotonic() - began
        if passed > deadline:
            what = describe() if callable(describe) else describe
            raise AssertionError(f"after {deadline:g} s still not: {what or predicate.__name__}; {last[:2000]}")
        if _is_over.wait(min(POLL_SECONDS + passed * POLL_SHARE, POLL_SECONDS_MAX)):
            raise AssertionError("given up: the tests are over")
