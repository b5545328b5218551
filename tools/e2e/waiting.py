"""Waiting for something to become true, with a deadline and the last thing seen."""

import time


class TimedOut(Exception):
    """A condition did not hold in time; the message says which, and what was seen last."""


class NotYet(Exception):
    """Raised by a probe to say what it saw instead of what it waits for."""


def until(what, probe, seconds, interval=0.1):
    """Calls `probe` until it returns something true, and returns that.

    A probe that raises NotYet or returns something false is asked again every
    `interval` seconds; any other exception ends the wait.
    """
    start = time.monotonic()
    while True:
        try:
            result = probe()
            seen = repr(result)
        except NotYet as reason:
            result, seen = None, str(reason)
        if result:
            return result
        if time.monotonic() - start > seconds:
            raise TimedOut(f"{what}: not within {seconds} s; last seen: {seen}")
        time.sleep(interval)
