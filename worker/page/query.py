"""Read which bookings a list's address asks for; an error is one sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection
from tornado.web import HTTPError

from booking_client.request.fields import account
from db.appointments.listing import Filter, Sort
from db.lifecycle import HoldReason, Status
from tasks.accounts.services import CalcomServices, Service

PAGE, LONGEST_PAGE = 50, 200
IDS = 1000
LONGEST_TEXT = 256  # characters
_DIGITS = 18  # what bigint holds in any case


@dataclass(frozen=True)
class ListQuery:
    """Which bookings, and which page of them."""

    filter: Filter
    after: str | None
    limit: int
    look: bool = False
    """Whether to look on behind `after` for as long as one answer may take."""


def list_query(arguments: Mapping[str, str], *, at_risk_before: datetime) -> ListQuery:
    """Read a list's query arguments; what is held and starts before that moment is at risk.

    Raises:
        HTTPError: 422, with a sentence: an argument is not known, or cannot be read.
    """
    read = {name: _read(name, value) for name, value in arguments.items() if value}
    after, limit, look = read.pop("after", None), read.pop("limit", PAGE), read.pop("look", False)
    if read.pop("at_risk", False):
        read["at_risk"] = at_risk_before
    return ListQuery(Filter(**read), after, limit, look)


def booking_id(text: str) -> int:
    """Return the id in an address. Raises HTTPError: 404, with a sentence: bigint holds no such number."""
    if len(text.lstrip("0")) > _DIGITS:
        raise HTTPError(404, f"no booking has the id {text[:40]}")
    return int(text[-_DIGITS:])


def refused(sentence: str) -> HTTPError:
    """Return the error of arguments that cannot be read."""
    return HTTPError(422, sentence.replace("%", "%%"))


def asked_service(services: CalcomServices, host: str | None, conn: Connection) -> Service:
    """Return the Cal.com at a host, None: that of the settings.

    Raises:
        HTTPError: 422, with a sentence: no account is there.
    """
    found = services.named(host, conn)
    if found is None:
        raise refused("service: no account is at a Cal.com of this host")
    return found


def _read(name: str, value: str) -> Any:
    if name not in _READERS:
        raise refused(f"{name}: there is no such filter; there are {', '.join(_READERS)}")
    if len(value) > LONGEST_TEXT and name != "ids":
        raise refused(f"{name}: too long")
    try:
        return _READERS[name](value)
    except ValueError as wrong:
        raise refused(f"{name}: {wrong}") from None


def _one_of(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return read


def _moment(value: str) -> datetime:
    """Read ISO 8601; a space counts as the `+` that it was in the browser's address."""
    try:
        moment = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        raise ValueError("must be a moment such as 2026-11-26T07:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError("lacks a time zone; write 2026-11-26T07:00:00Z")
    if not 1970 < moment.year < 3000:
        raise ValueError("must be a moment of our time")
    return moment.astimezone(UTC)


def _number(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not (value.isascii() and value.isdecimal() and len(value) < 19 and low <= int(value) <= high):
            raise ValueError(f"must be a number from {low} to {high}")
        return int(value)

    return read


def _ids(value: str) -> tuple[int, ...]:
    words = value.split(",")
    if len(words) > IDS:
        raise ValueError(f"at most {IDS:,} at once")
    return tuple(map(_number(1, 10**18), words))


_READERS: dict[str, Callable[[str], Any]] = {
    "state": lambda value: Status(_one_of(*Status)(value)),
    "reason": lambda value: HoldReason(_one_of(*HoldReason)(value)),
    "account": account,
    "event_type": str,
    "error_type": str,
    "requested_from": _moment,
    "requested_to": _moment,
    "start_from": _moment,
    "start_to": _moment,
    "at_risk": lambda value: _one_of("1", "0")(value) == "1",
    "ids": _ids,
    "sort": lambda value: Sort(_one_of(*Sort)(value)),
    "after": str,
    "limit": _number(1, LONGEST_PAGE),
    "look": lambda value: _one_of("1", "0")(value) == "1",
}
