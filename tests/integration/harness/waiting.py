"""Waiting for something to become true, with a deadline and never longer than needed."""

import time

POLL_SECONDS = 0.05


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
        time.sleep(POLL_SECONDS)
