"""The pace of an account's messages by its rules: that of its limit, and at most 16 at once."""

import math

from tests.breaker_model.scope import Caller

AT_ONCE, NO_LIMIT = 16, 1000  # messages; microseconds between two of them without a limit of ours


def left(admitted: int, at: Caller) -> int:
    """Return how many messages may go now; `admitted`: when the next is due at an even pace, microseconds."""
    interval, most = _pace(at)
    return (most + interval - ahead(admitted, at)) // interval


def wait(admitted: int, at: Caller) -> int:
    """Return the ms until a message may go."""
    return max(0, math.ceil((ahead(admitted, at) - _pace(at)[1]) / 1000))


def take(admitted: int, at: Caller, count: int) -> int:
    """Return when the next is due, after so many; below 0: so many were not sent."""
    return at.now * 1000 + ahead(admitted, at) + count * _pace(at)[0]


def clamp(admitted: int, at: Caller) -> int:
    """Return when the next is due, which is never later than it can be: else a clock was set back."""
    return min(admitted, at.now * 1000 + sum(_pace(at)))


def ahead(admitted: int, at: Caller) -> int:
    """Return by how much messages are ahead of an even pace; no more than can be, whatever a clock has done."""
    return max(0, min(admitted - at.now * 1000, sum(_pace(at))))


def _pace(at: Caller) -> tuple[int, int]:
    interval = at.limits.emission_interval or NO_LIMIT
    most = (AT_ONCE - 1) * interval
    return interval, min(most, at.limits.burst_tolerance) if at.limits.emission_interval else most
