"""How numbers, durations and moments are written for a person: by the command line, alerts, the overview, a story."""

from datetime import UTC, datetime

_UNITS = ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600))


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun or verb: 1 booking, 1,200 bookings."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Return a duration, rounded down: 0.4 s, 17 s, 5 min, 3 h, 4 days.

    Tenths are written below ten seconds, where there are any; callers that want none pass whole seconds.
    """
    seconds = max(seconds, 0)
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    for length, unit, size in _UNITS:
        if seconds < length:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds // 86_400:.0f} days"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was, or in how long it comes: 3 min ago, in 12 s."""
    seconds = (now - moment).total_seconds()
    return f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"


def clock(moment: datetime) -> str:
    """Return a moment to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
