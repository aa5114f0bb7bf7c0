"""How long we are asked to wait, and how many calls we are left."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from resilience.circuit_breaker.types import QuotaHeaders
from tasks.calcom.http.headers import allowance
from tasks.calcom.http.waits import retry_after, throttled_for

NOW = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
UNIX = int(NOW.timestamp())
DATE = {"date": "Tue, 24 Nov 2026 23:00:00 GMT"}  # long ago, or far ahead, by our own clock


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 0 ", 0),
        ("1.5", 1.5),
        ("-3", 0),
        ("86400", 3600),
        ("Tue, 24 Nov 2026 23:00:30 GMT", 30),
        ("Tue, 24 Nov 2026 22:00:00 GMT", 0),
        ("Fri, 24 Nov 2090 22:00:00 GMT", 3600),
        ("Tue, 24 Nov 2026 23:00:30 -0000", 30),
        *[(odd, None) for odd in ("", "soon", "1e9", "nan", "inf", "²", "99999999999999999999", "Tue, 99 Nov 2026")],
    ],
)
def test_retry_after_is_seconds_or_a_date_within_an_hour(value: str, seconds: float | None) -> None:
    """What cannot be read is as good as absent; what is absurd is bounded."""
    assert retry_after({"retry-after": value} | DATE) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x-ratelimit-reset-default": "60"}, 60),
        ({"x-ratelimit-reset": "42"}, 42),
        ({"x-ratelimit-reset-default": str(UNIX + 25)}, 25),
        ({"x-ratelimit-reset-default": "never"}, None),
        ({"x-ratelimit-reset-default": "20", "retry-after": "30"}, 30),
        ({"x-ratelimit-reset-default": "60", "retry-after": "30"}, 60),
    ],
)
def test_a_429_waits_for_the_longest_that_anyone_says(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, or a Unix time above 1e9; the app has its header, a proxy has another."""
    assert throttled_for(headers | DATE) == seconds


@pytest.mark.parametrize(
    "headers",
    [{"retry-after": "0"}, {"x-ratelimit-reset-default": "0"}, {"x-ratelimit-reset-default": str(UNIX - 25)}],
)
def test_a_429_that_asks_for_no_wait_is_waited_out_for_a_second(headers: dict[str, str]) -> None:
    """Its seconds are rounded: who takes a 0 at its word is answered 429 again, and again."""
    assert throttled_for(headers | DATE) == 1


def test_a_limit_with_calls_left_is_not_the_one_that_blocks() -> None:
    """A key with two limits is blocked by the one that is used up (recorded)."""
    short = {"x-ratelimit-remaining-short": "0", "x-ratelimit-reset-short": "2"}
    long = {"x-ratelimit-remaining-long": "3", "x-ratelimit-reset-long": "60"}

    assert throttled_for(short | long) == 2


def limit(which: str, calls: int, left: int, reset: int) -> dict[str, str]:
    """Return the headers of one limit."""
    values = {"limit": calls, "remaining": left, "reset": reset}
    return {f"x-ratelimit-{name}{which}": str(value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        (limit("-default", 120, 119, 60), QuotaHeaders(120, 119, 60)),
        (limit("", 120, 7, UNIX + 25), QuotaHeaders(120, 7, 25)),
        (limit("-short", 10, 0, 2) | limit("-long", 120, 80, 50), QuotaHeaders(120, 80, 50)),
        (limit("-short", 10, 0, 2) | limit("-long", 120, 0, 50), QuotaHeaders(10, 0, 2)),
        (limit("-default", 120, -1, 60), QuotaHeaders(120, 0, 60)),
        ({}, None),
        ({"x-ratelimit-remaining": "5"}, None),
        (limit("", 120, 7, 60) | {"x-ratelimit-limit": "many"}, None),
    ],
)
def test_of_several_limits_the_one_with_the_most_calls_left_counts(
    headers: dict[str, str], quota: QuotaHeaders | None
) -> None:
    """Cal.com blocks only when all of them are spent, and lets through when the first begins again."""
    assert allowance(headers | DATE) == quota


@pytest.mark.parametrize("off_by", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_clock_of_ours_that_is_an_hour_off_changes_no_wait(off_by: timedelta) -> None:
    """Moments are by the clock of the server that answers; without its Date only our own is left."""
    theirs = datetime.now(UTC) + off_by
    then = int((theirs + timedelta(seconds=25)).timestamp())
    date = {"date": format_datetime(theirs, usegmt=True)}

    assert throttled_for(limit("", 1, 0, then) | date) == 25
    assert retry_after({"retry-after": format_datetime(theirs + timedelta(seconds=25), usegmt=True)} | date) == 25
    news = allowance(limit("", 1, 0, then) | date)
    assert news is not None
    assert news.reset_after == 25


def test_without_a_date_a_moment_is_read_by_our_own_clock() -> None:
    """A proxy may send none."""
    wait = throttled_for({"x-ratelimit-reset": str(int(datetime.now(UTC).timestamp()) + 1000)})

    assert wait is not None
    assert 900 < wait <= 1000
