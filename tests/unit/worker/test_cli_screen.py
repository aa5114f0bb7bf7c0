"""Words for times and numbers, as a person says them."""

from datetime import UTC, datetime, timedelta

import pytest

from worker.console.screen import ago, plain, plural, span

NOW = datetime(2030, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (0.04, "0 s"),
        (0.42, "0.4 s"),
        (3, "3 s"),
        (59, "59 s"),
        (61, "1 min"),
        (3600, "1 h"),
        (172_800, "2 days"),
    ],
)
def test_a_span_is_said_in_the_unit_that_fits(seconds: float, words: str) -> None:
    """Nobody wants to read 86400 s."""
    assert span(seconds) == words


def test_a_moment_is_before_or_after_now() -> None:
    """A hold ends in a while, a request was made a while ago."""
    assert ago(NOW - timedelta(minutes=3), NOW) == "3 min ago"
    assert ago(NOW + timedelta(seconds=12), NOW) == "in 12 s"


def test_one_is_not_many() -> None:
    """1 retry, 2 retries, 1,200 bookings."""
    assert [plural(1, "retry", "retries"), plural(2, "retry", "retries")] == ["1 retry", "2 retries"]
    assert plural(1200, "booking") == "1,200 bookings"


def test_what_callers_wrote_cannot_steer_the_terminal() -> None:
    """No escape sequence, no line that nobody wrote, no text that reads backwards."""
    assert plain("no\x1b[2J\nstatus  confirmed\u202e ok") == "no\ufffd[2J\ufffdstatus  confirmed\ufffd ok"
    assert plain("Zoë Ånström 予約") == "Zoë Ånström 予約"
