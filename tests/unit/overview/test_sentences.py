"""Sentences that hold moments: as a terminal renders them, and as JSON has them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tasks.overview.sentences import Moment, ago, as_json, clock, lasting, render, sentence, until

NOW = datetime(2030, 3, 1, 14, 2, 3, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "read"),
    [
        (clock(NOW), "14:02"),
        (clock(NOW - timedelta(days=1)), "2030-02-28 14:02"),
        (until(NOW + timedelta(seconds=12)), "12 s"),
        (until(NOW - timedelta(seconds=12)), "0 s"),
        (ago(NOW - timedelta(seconds=40)), "40 s"),
        (lasting(NOW - timedelta(minutes=4)), "4 min"),
    ],
)
def test_a_moment_is_read_by_its_style(moment: Moment, read: str) -> None:
    """A time of day, or how long until then or since."""
    assert render(sentence("it is ", moment, "."), NOW, UTC) == f"it is {read}."


def test_a_time_of_day_is_the_readers() -> None:
    """Also when his day is another one."""
    assert render((clock(NOW),), NOW, timezone(timedelta(hours=12))) == "02:02"


def test_texts_side_by_side_become_one() -> None:
    """And what is missing leaves no gap."""
    assert sentence("a", None, ("b", clock(NOW)), "", "c", "d") == ("ab", clock(NOW), "cd")


def test_json_has_texts_and_moments() -> None:
    """In UTC, to the millisecond."""
    assert as_json(sentence("since ", clock(NOW))) == ["since ", {"at": "2030-03-01T14:02:03.123Z", "as": "clock"}]
