"""Where the product's own attempt may leave a row, by the calls that its event tells of: a search of what no event has.

An event has of each call its endpoint and its status. What Cal.com's list, its slots and its event types said is not
there, so each answer that fits is dealt (`tests.model.product`), and each end is one that the event may tell of.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from resilience.circuit_breaker.types import Denied, Reason, State
from resilience.error_types import ErrorType
from tasks.calcom.access import CREATE
from tasks.calcom.reads import EVENT_TYPES, GET, LIST, ME, SLOTS
from tasks.calcom.slots import Slot
from tests.model import product
from tests.model.dealt import KnownType
from tests.model.product import Answered, Asked, Turn
from tests.model.rows import Change, IllegalMoveError, Row, moved, renamed

Result = int | str  # of a call: the status of its answer, or the error where none came
Reads = frozenset[tuple[str, Result]]  # by endpoint
AS_BEFORE = 2  # ticks: a moment that the attempt found, and that has not come; the product itself writes other numbers
OK = frozenset({200, 201})

_BOOKED = ("201", "201, by another clock")
_ANOTHERS = ("201 of a guest's", "201 of his own", "201 that shows nobody")
_UNREAD = ("a 201 that is cut", "a 201 that cannot be read")
_ERRORS = ("another error", "another error of Cal.com's", "a page")
_POSTED: Mapping[Result, tuple[str, ...]] = MappingProxyType(
    {
        400: (
            "taken",
            "out of bounds",
            "maximum",
            "maximum, ours",
            "maximum, his other",
            "refused",
            "its database failed",
            "a page",
            "another error",
        ),
        401: ("a refused key", "limit", "refused before any check", "a page", "another error"),
        403: ("refused before any check", "wrong settings", "a page", "another error"),
        404: ("no such type", "refused before any check", "wrong settings", "a page", "another error"),
        409: ("full", "signed up", "taken, by 409", "a page", "another error"),
        422: ("refused before any check", "a page", "another error"),
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
_LISTED = ("absent", "absent, no such type", "absent, beside a stranger's", "absent, another has it")
_SEATS = ("a seat by half", "a seat of his own")
_OF_A_LIST = frozenset({LIST, GET, ME})
_OF_A_TYPE = frozenset({EVENT_TYPES})
_FACTS = frozenset({"known", "lately", "was here", "seated", "before"})  # of our own database


class Seen(NamedTuple):
    """What an attempt may have been answered: its POST (None: none was made), and its reads before it and after it.

    `own`: its event says that Cal.com's own answer confirms it. `booked` and `gone`: Cal.com had a booking of the row,
    and one that was over. `types`: what it may have shown of the event type. `denied`: for what the breaker, or the
    limit, denied it a call, if its event says so. `flips`: columns that somebody else wrote while it was at work.
    """

    post: Result | None
    own: bool
    before: Reads
    after: Reads
    booked: bool
    gone: bool
    types: tuple[KnownType, ...]
    denied: str | None = None
    flips: tuple[tuple[str, Any], ...] = ()


@contextmanager
def in_earnest(retries: int) -> Iterator[None]:
    """Have the product's attempts count as many retries and lookups as they do; the searches count one for three."""
    with product.in_earnest(retries):
        yield


@cache
def ends(row: Row, seen: Seen, retries: int, *, near: bool, young: bool) -> frozenset[Row]:  # noqa: ARG001 - a key
    """Return every row that the attempt may write; none if it would have asked otherwise than it did.

    `retries`: as many as `in_earnest` was told, for what is found is kept from one record to the next.
    """
    found: set[Row] = set()
    _Path(seen, found, row).go_on(Turn(row, near, young=young))
    return frozenset(found)


class _Path(NamedTuple):
    """One way through an attempt: `row` as it is by now, `facts` that were asked for before and stay."""

    seen: Seen
    found: set[Row]
    row: Row
    posted: bool = False
    denied: bool = False
    facts: tuple[tuple[str, Any], ...] = ()

    def go_on(self, turn: Turn) -> None:
        """Deal each answer that fits to the attempt's next question."""
        asked, seen = product.ask(turn).next, self.seen
        if asked is None:
            return
        if isinstance(asked, Change):
            if self.posted is (seen.post is not None) and self.denied is (seen.denied is not None):
                self._write(asked)
            return
        match asked.what:
            case "renew":
                for own in _renewed(self.row, asked, seen):
                    self._replace(row=own).go_on(turn.then(own))
            case "permit" if seen.post is not None:
                self.go_on(Turn(self.row, turn.near, asked.allowed, (None,), turn.young))
            case "permit" if seen.denied is not None:
                denied = Turn(self.row, turn.near, asked.allowed, (Reason(seen.denied),), turn.young)
                self._replace(denied=True).go_on(denied)
            case "permit":
                return
            case "post":
                for name in _posts(seen):
                    answer = Answered(name, None if name in _NOTHING_SENT else 0)
                    self._replace(posted=True).go_on(turn.then(answer))
            case _:
                self._answer(turn, asked)

    def _answer(self, turn: Turn, asked: Asked) -> None:
        known = [answer for what, answer in self.facts if what == asked.what]
        reads = self.seen.after if self.posted else self.seen.before
        for answer in known or _answers(asked, self.seen, reads):
            then = self
            if isinstance(answer, Denied) and self.seen.denied is not None:
                then = self._replace(denied=True)
            elif asked.what in _FACTS and not known:
                then = self._replace(facts=(*self.facts, (asked.what, answer)))
            elif asked.what == "type" and isinstance(answer, KnownType):
                then = self._replace(facts=(("known", answer), *self.facts))
            then.go_on(turn.then(answer))

    def _write(self, change: Change) -> None:
        try:
            self.found.add(moved(self.row, change.to, **dict(change.sets)))
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
        yield from _BOOKED if seen.own and seen.booked else () if seen.own else (*_ANOTHERS, *_UNREAD)
    elif seen.post is not None:
        yield from _POSTED.get(seen.post, ("no answer",) if isinstance(seen.post, str) else _ERRORS)


def _answers(asked: Asked, seen: Seen, reads: Reads) -> Iterator[Any]:
    match asked.what:
        case "look" | "list":
            yield from _lists(seen, reads, whole=asked.what == "list")
        case "known" | "lately":
            yield from (None, *seen.types)
        case "type":  # that of another booking counts, and is no call of this one; a failure is of its own
            yield from failures(reads, _OF_A_TYPE)
            yield from seen.types
            yield from _not_now(seen)
        case "slots":
            yield from (slot.value for slot in (Slot if _answered(reads, SLOTS) else (Slot.UNASKED,)))
        case "named":
            yield from (asked.of, "not found")
        case "beside":  # who gives up a seat of its time: nobody, at work, of unknown outcome
            yield from (None, False, True)
        case _:  # of our own database, of the breaker, or of another booking
            yield from (True, False)


def _lists(seen: Seen, reads: Reads, *, whole: bool) -> Iterator[Any]:
    if _answered(reads, LIST):
        yield from _LISTED if whole else _LISTED[:2]
        yield from _SEATS if whole else ()
        if seen.booked:
            yield "found"
        if seen.gone:
            yield "cancelled"
    yield from failures(reads, _OF_A_LIST)
    yield from _not_now(seen)


def _not_now(seen: Seen) -> Iterator[Denied]:
    yield _denied(Reason.BREAKER_OPEN, State.CLOSED)  # that of its endpoint
    if seen.denied is not None:
        yield _denied(Reason(seen.denied), State.OPEN)


def failures(reads: Reads, endpoints: Collection[str]) -> list[str]:
    """Return the names of the replies (tests.model.dealt) that reads of these endpoints may have been without result.

    Also a 200 may be one: it was cut, or is not Cal.com's.
    """
    results = {result for endpoint, result in reads if endpoint in endpoints}
    return sorted({name for result in results for name in _failed(result)})


def _failed(result: Result) -> tuple[str, ...]:
    if result == 429:
        return ("429",)
    if result == ErrorType.CREDENTIALS:
        return ("a refused key",)
    if isinstance(result, str) or result >= 500:
        return ("503",)
    return ("503", "a page", "a refused key") if result == 401 else ("503", "a page")


@cache
def _denied(reason: Reason, state: State) -> Denied:
    return Denied(reason, 1.0, state, 0)


def _answered(reads: Reads, asked: str) -> bool:
    return any(endpoint == asked and result in OK for endpoint, result in reads)


def post_of(calls: Sequence[Mapping[str, Any]]) -> Result | None:
    """Return the result of the POST that makes a booking, of an event's calls; None: none was made."""
    return next((result_of(call) for call in calls if call["endpoint"] == CREATE), None)


def reads_of(calls: Sequence[Mapping[str, Any]]) -> tuple[Reads, Reads]:
    """Return the reads of an event's calls with their results: those before its POST, and those after it."""
    told = [(call["endpoint"], result_of(call)) for call in calls]
    post = next((n for n, (endpoint, _) in enumerate(told) if endpoint == CREATE), len(told))
    return frozenset(told[:post]), frozenset(told[post + 1 :])


def result_of(call: Mapping[str, Any]) -> Result:
    """Return the status of a call's answer, or the error where none came."""
    result: Result = call["status"] if "status" in call else call["error"]
    return result
