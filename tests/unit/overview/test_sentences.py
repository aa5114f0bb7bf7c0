"""Sentences that hold moments: as a terminal renders them, and as JSON has them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tasks.overview.sentences import (
    Moment,
    as_json,
    render,
    sentence,
    time_lasting,
    time_of_day,
    time_since,
    time_until,
)

NOW = datetime(2030, 3, 1, 14, 2, 3, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "read"),
    [
        (time_of_day(NOW), "14:02"),
        (time_of_day(NOW - timedelta(days=1)), "2030-02-28 14:02"),
        (time_until(NOW + timedelta(seconds=12)), "12 s"),
        (time_until(NOW - timedelta(seconds=12)), "a moment"),
        (time_since(NOW - timedelta(seconds=40)), "40 s"),
        (time_lasting(NOW - timedelta(minutes=4)), "4 min"),
    ],
)
def test_a_moment_is_read_by_its_style(moment: Moment, read: str) -> None:
    """A time of day, or how long until then or since."""
    assert render(sentence("it is ", moment, "."), NOW, UTC) == f"it is {read}."


def test_a_time_of_day_is_the_readers() -> None:
    """Also when his day is another one."""
    assert render((time_of_day(NOW),), NOW, timezone(timedelta(hours=12))) == "02:02"


def test_texts_side_by_side_become_one() -> None:
    """And what is missing leaves no gap."""
    assert sentence("a", None, ("b", time_of_day(NOW)), "", "c", "d") == ("ab", time_of_day(NOW), "cd")


def test_json_has_texts_and_moments() -> None:
    """In UTC, to the millisecond."""
    assert as_json(sentence("since ", time_of_day(NOW))) == [
        "since ",
        {"at": "2030-03-01T14:02:03.123Z", "as": "clock"},
    ]
