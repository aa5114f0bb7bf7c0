"""Numbers, durations and moments, as a person reads them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tasks.words import ago, clock, duration, plural

NOW = datetime(2030, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (0.04, "0 s"),
        (0.42, "0.4 s"),
        (3, "3 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 days"),
    ],
)
def test_a_duration_is_written_in_the_unit_that_fits(seconds: float, words: str) -> None:
    """Rounded down, and at least two of a unit before the next larger one begins."""
    assert duration(seconds) == words


def test_a_moment_is_before_or_after_now() -> None:
    """A hold ends in a while, a request was made a while ago."""
    assert ago(NOW - timedelta(minutes=3), NOW) == "3 min ago"
    assert ago(NOW + timedelta(seconds=12), NOW) == "in 12 s"


def test_a_clock_is_in_utc() -> None:
    """An alert is read in many time zones."""
    assert clock(NOW.astimezone(timezone(timedelta(hours=2)))) == "2030-03-01 12:00:00 UTC"


def test_a_plural_is_written_for_every_number_but_one() -> None:
    """1 retry, 2 retries, 1,200 bookings."""
    assert [plural(1, "retry", "retries"), plural(2, "retry", "retries")] == ["1 retry", "2 retries"]
    assert plural(1200, "booking") == "1,200 bookings"
