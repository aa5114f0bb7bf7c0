"""How long an answer asks us to wait: Retry-After, and the resets of rate limits that are used up."""

from collections.abc import Mapping

from tasks.calcom.http.headers import REMAINING, RESET, bounded, http_date, moment_of, number, reset_in

LEAST_WAIT = 1.0  # seconds after a 429: "reset in 0 s" is rounded, and a call at once meets the next 429


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After (a number or an HTTP date), 0 to 3600; None: it is absent or unreadable."""
    value = headers.get("retry-after", "").strip()
    seconds = number(value)
    if seconds is None and (moment := http_date(value)) is not None:
        seconds = moment.timestamp() - moment_of(headers)
    return None if seconds is None else bounded(seconds)


def throttled_for(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds a 429 blocks us, 1 to 3600; None: no header names a time.

    The time is the longest of Retry-After and X-RateLimit-Reset with any suffix (-Default, -Short, -Long). A limit with
    calls left does not count if another limit has no call left.
    """
    resets = {
        name.removeprefix(RESET): wait
        for name in headers
        if name.startswith(RESET) and (wait := reset_in(headers, name)) is not None
    }
    spent = [wait for limit, wait in resets.items() if (number(headers.get(REMAINING + limit, "")) or 0) <= 0]
    asked = retry_after(headers)
    waits = (spent or list(resets.values())) + ([] if asked is None else [asked])
    return max(*waits, LEAST_WAIT) if waits else None
