"""Where the product's own attempt may leave a row, by the calls that its event tells: the search over what no event has.

An event has of each call its endpoint and its status. What Cal.com's list, its slots and its event types said is not
there, so each answer that fits is dealt (`tests.model.product`), and each end is one that the event may tell of.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple
from unittest.mock import patch

from db.lifecycle import HoldReason
from resilience.circuit_breaker.types import Denied, Reason, State
from resilience.error_types import ErrorType
from tasks import decisions
from tasks.calcom.access import CREATE
from tasks.calcom.reads import EVENT_TYPES, GET, LIST, ME
from tasks.calcom.slots import Slot
from tasks.unknown import outcome
from tests.model import product
from tests.model.dealt import KnownType
from tests.model.product import Answered, Asked, Turn
from tests.model.rows import Change, IllegalMoveError, Row, moved, renamed

Result = int | str  # of a call: the status of its answer, or the error where none came
AS_BEFORE = 2  # ticks: a moment that the attempt found, and that has not come; the product itself writes other numbers
OK = frozenset({200, 201})

_BOOKED = ("201", "201, by another clock")
_ANOTHERS = ("201 of a guest's", "201 of his own", "201 that shows nobody")
_UNREAD = ("a 201 that is cut", "a 201 that cannot be read")
_POSTED: Mapping[Result, tuple[str, ...]] = MappingProxyType(
    {
        400: ("taken", "out of bounds", "maximum", "maximum, ours", "maximum, his other", "refused")
        + ("its database failed", "a page"),
        401: ("a refused key", "limit", "refused before any check", "a page"),
        403: ("refused before any check", "wrong settings", "a page"),
        404: ("no such type", "refused before any check", "wrong settings", "a page"),
        409: ("full", "signed up", "taken, by 409", "a page"),
        422: ("refused before any check", "a page"),
        429: ("429",),
        500: ("500", "500, not by Cal.com"),
        502: ("502",),
        503: ("503",),
        504: ("504",),
        ErrorType.LEASE_LOST: ("too old",),
        ErrorType.CREDENTIALS: ("a refused key",),
        **dict.fromkeys((ErrorType.CONNECT, ErrorType.DNS, ErrorType.TLS), ("no connection",)),
    }
)
_NOTHING_SENT = frozenset({"too old", "no connection"})
_FAILED: Mapping[Result, tuple[str, ...]] = MappingProxyType(
    {429: ("429",), 401: ("a refused key", "503"), **dict.fromkeys((200, 400, 403, 404), ("503", "a page"))}
)
_LISTED = ("absent", "absent, no such type", "absent, beside a stranger's", "absent, another has it")
_SEATS = ("a seat by half", "a seat of his own")
_DENIED = tuple(reason for reason in Reason if reason.value in set(HoldReason))
_OF_A_TYPE = frozenset({EVENT_TYPES, ME})


class Seen(NamedTuple):
    """What an attempt may have been answered: its POST (None: none was made), and its reads by endpoint.

    `booked` and `gone`: Cal.com had a booking of the row, one that lived, and one that was over. `types`: what it may
    have shown of the event type. `flips`: columns that somebody else wrote while it was at work.
    """

    post: Result | None
    reads: frozenset[tuple[str, Result]]
    booked: bool
    gone: bool
    types: tuple[KnownType, ...]
    flips: tuple[tuple[str, Any], ...] = ()
    backlog: bool = False


class End(NamedTuple):
    """Where an attempt may leave its row; `answer` is how its POST was read, `asked` whether all its reads succeeded."""

    row: Row
    answer: str | None
    denied: str | None


@contextmanager
def as_it_is() -> Iterator[None]:
    """Have the product's attempts count as many lookups as in earnest; the searches count one for three."""
    own = {name: getattr(decisions, name) for name in ("LOOKUPS", "LOOKUPS_IN_ALL")}
    ends.cache_clear()
    product.forget()
    with product.dealt(), patch.multiple(outcome, **own):
        try:
            yield
        finally:
            ends.cache_clear()
            product.forget()


@cache
def ends(row: Row, seen: Seen, *, near: bool, young: bool) -> frozenset[End]:
    """Return every row that the attempt may write; none if it would have asked otherwise than it did."""
    found: set[End] = set()
    _go_on(Turn(row, near, young=young), row, seen, None, None, found)
    return frozenset(found)


def _go_on(turn: Turn, row: Row, seen: Seen, posted: str | None, denied: str | None, found: set[End]) -> None:
    asked = product.ask(turn).next
    if asked is None:
        return
    if isinstance(asked, Change):
        if (posted is None) is (seen.post is None):
            _written(row, asked, posted, denied, found)
        return
    match asked.what:
        case "renew":
            for own in _renewed(row, asked, seen):
                _go_on(turn.then(own), own, seen, posted, denied, found)
        case "permit":
            for reason in (None,) if seen.post is not None else _DENIED:
                then = Turn(row, turn.near, asked.allowed, (reason,), turn.young)
                _go_on(then, row, seen, posted, reason and reason.value, found)
        case "post":
            for name in _posts(seen):
                answer = Answered(name, None if name in _NOTHING_SENT else 0)
                _go_on(turn.then(answer), row, seen, name, denied, found)
        case _:
            for answer in _answers(asked, seen):
                no = _reason(answer) or denied
                _go_on(turn.then(answer), row, seen, posted, no, found)


def _reason(answer: object) -> str | None:
    reason = answer.reason if isinstance(answer, Denied) else answer
    return reason.value if isinstance(reason, Reason) else None


def _written(row: Row, change: Change, posted: str | None, denied: str | None, found: set[End]) -> None:
    try:
        found.add(End(moved(row, change.to, **dict(change.sets)), posted, denied))
    except IllegalMoveError:
        return


def _renewed(row: Row, asked: Asked, seen: Seen) -> Iterator[Row]:
    for name, value in asked.of:
        row = row._replace(**renamed(name, value))
    yield row
    if seen.flips:
        yield row._replace(**dict(seen.flips))


def _posts(seen: Seen) -> Iterator[str]:
    if seen.post in OK:
        yield from (*(_BOOKED if seen.booked else ()), *_ANOTHERS, *_UNREAD)
    elif seen.post is not None:
        other = "no answer" if isinstance(seen.post, str) else "another error"
        yield from _POSTED.get(seen.post, (other, "another error of Cal.com's", "a page")[: 1 if other[0] == "n" else 3])


def _answers(asked: Asked, seen: Seen) -> Iterator[Any]:  # noqa: C901, PLR0912 - one case a question
    match asked.what:
        case "look" | "list":
            yield from _lists(seen, whole=asked.what == "list")
        case "known":
            yield from (None, *seen.types)
        case "type":
            if _has(seen, _OF_A_TYPE, ok=True):
                yield from seen.types
            if _has(seen, _OF_A_TYPE, ok=False) or not _has(seen, {EVENT_TYPES}, ok=True):
                yield None
        case "slots":
            yield from (slot.value for slot in Slot)
        case "named":
            yield from (asked.of, "not found")
        case _:  # of our own database, or of another booking
            yield from (True, False)


def _lists(seen: Seen, *, whole: bool) -> Iterator[Any]:
    if _has(seen, {LIST}, ok=True):
        yield from _LISTED if whole else _LISTED[:2]
        yield from _SEATS if whole else ()
        if seen.booked:
            yield "found"
        if seen.gone:
            yield "cancelled"
    for result in {result for endpoint, result in seen.reads if endpoint in (LIST, GET, ME)}:
        yield from _FAILED.get(result, ("503",))
    if seen.post is None:
        yield from _DENIED
        yield Denied(Reason.BREAKER_OPEN, 1.0, State.OPEN, 0)  # Cal.com's own, not that of its list


def _has(seen: Seen, endpoints: Collection[str], *, ok: bool) -> bool:
    return any(endpoint in endpoints and (result in OK) is ok for endpoint, result in seen.reads)


def post_of(calls: Collection[Mapping[str, Any]]) -> Result | None:
    """Return the result of the POST that makes a booking, of an event's calls; None: none was made."""
    return next((result_of(call) for call in calls if call["endpoint"] == CREATE), None)


def reads_of(calls: Collection[Mapping[str, Any]]) -> frozenset[tuple[str, Result]]:
    """Return the reads of an event's calls, with their results."""
    return frozenset((call["endpoint"], result_of(call)) for call in calls if call["endpoint"] != CREATE)


def result_of(call: Mapping[str, Any]) -> Result:
    """Return the status of a call's answer, or the error where none came."""
    result: Result = call["status"] if "status" in call else call["error"]
    return result
