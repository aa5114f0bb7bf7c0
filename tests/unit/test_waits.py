"""How long we are asked to wait."""

from datetime import UTC, datetime

import pytest

from tasks.calcom.waits import retry_after, throttled_for

NOW = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
UNIX = int(NOW.timestamp())


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
    assert retry_after({"retry-after": value}, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x-ratelimit-reset-default": "60"}, 60),
        ({"x-ratelimit-reset": "42"}, 42),
        ({"x-ratelimit-reset-default": str(UNIX + 25)}, 25),
        ({"x-ratelimit-reset-default": str(UNIX - 25)}, 0),
        ({"x-ratelimit-reset-default": "never"}, None),
        ({"x-ratelimit-reset-default": "20", "retry-after": "30"}, 30),
        ({"x-ratelimit-reset-default": "60", "retry-after": "30"}, 60),
    ],
)
def test_a_429_waits_for_the_longest_that_anyone_says(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, or a Unix time above 1e9; the app has its header, a proxy has another."""
    assert throttled_for(headers, NOW) == seconds


def test_a_limit_with_calls_left_is_not_the_one_that_blocks() -> None:
    """A key with two limits is blocked by the one that is used up (recorded)."""
    short = {"x-ratelimit-remaining-short": "0", "x-ratelimit-reset-short": "2"}
    long = {"x-ratelimit-remaining-long": "3", "x-ratelimit-reset-long": "60"}

    assert throttled_for(short | long, NOW) == 2
