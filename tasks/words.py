"""Write numbers, durations and times for a person: on the command line, in alerts, the overview and a story."""

from datetime import UTC, datetime

_UNITS = ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600))


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun or verb: 1 booking, 1,200 bookings."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Return a duration, rounded down: 0.4 s, 17 s, 5 min, 3 h, 4 days.

    Below ten seconds a fraction is written in tenths; whole seconds have no fraction.
    """
    seconds = max(seconds, 0)
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    for length, unit, size in _UNITS:
        if seconds < length:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds // 86_400:.0f} days"


def ago(moment: datetime, now: datetime) -> str:
    """Return the distance of `moment` from `now`: 3 min ago, in 12 s."""
    seconds = (now - moment).total_seconds()
    return f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"


def clock(moment: datetime) -> str:
    """Return a time in UTC, to the second: 2027-03-01 09:00:00 UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
