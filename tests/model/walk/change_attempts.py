"""Where the product's own attempt may leave a change, by the calls that its event tells of, as `attempts` has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import product as each
from typing import Any, ClassVar, NamedTuple

from db.event_kind import EventKind
from resilience.circuit_breaker.types import Denied, Reason, State
from tasks.calcom.access import CANCEL, RESCHEDULE
from tasks.calcom.changes.reply import ChangeAnswer
from tasks.calcom.reads import EVENT_TYPES, GET, LIST, SLOTS
from tasks.calcom.slots import Slot
from tasks.changes.evidence.case import Shown
from tasks.changes.evidence.weeks import WeeksLeft
from tasks.changes.lookup import ChangeLook
from tasks.changes.questions import OwnListed
from tests.model.changes import product
from tests.model.changes.product import THERE, Around, ChangeRow, ChangeTurn
from tests.model.changes.replies import replies
from tests.model.dealt import LOOKUP_RESULTS, KnownType, event_type
from tests.model.product import Asked
from tests.model.walk.attempts import OK, Reads, Result, failures

POSTS = frozenset({CANCEL, RESCHEDULE})
_OF_A_LIST = frozenset({LIST, GET, EVENT_TYPES})


class ChangeSeen(NamedTuple):
    """What an attempt may have been answered: its POSTs in their order, and its reads.

    `done`: Cal.com has by now what is wished, or at least something of it. `denied`: as in `attempts.Seen`. `made`:
    during the attempt Cal.com has moved the booking.
    """

    posts: tuple[Result, ...]
    reads: Reads
    done: bool
    denied: str | None = None
    made: bool = False


@contextmanager
def in_earnest(retries: int) -> Iterator[None]:
    """Have the product's attempts at changes answered by the walk."""
    with product.dealt(retries):
        yield


@cache
def change_ends(row: ChangeRow, around: Around, seen: ChangeSeen, retries: int) -> frozenset[ChangeRow]:  # noqa: ARG001
    """Return every row that the attempt may write, as `attempts.ends`."""
    found: set[ChangeRow] = set()
    _go_on(ChangeTurn(row, around), seen, 0, False, found)
    return frozenset(found)


def _go_on(turn: ChangeTurn, seen: ChangeSeen, posted: int, denied: bool, found: set[ChangeRow]) -> None:  # noqa: FBT001
    asked = product.ask(turn)
    if asked is None:
        return
    if isinstance(asked, ChangeRow):
        if posted == len(seen.posts) and denied is (seen.denied is not None):
            found.add(asked)
        return
    for answer in _answers(asked, turn, seen, posted):
        post = asked.what == "post"
        no = denied or (isinstance(answer, Denied) and answer.reason.value == seen.denied)
        _go_on(turn.then(answer), seen, posted + post, no, found)


def _answers(asked: Asked, turn: ChangeTurn, seen: ChangeSeen, posted: int) -> Iterator[Any]:  # noqa: C901, PLR0912 - a case a question
    ok = {endpoint for endpoint, result in seen.reads if result in OK}
    match asked.what:
        case "permit":
            if posted < len(seen.posts):
                yield None
            else:
                yield from _denied(seen)
        case "post":
            if posted < len(seen.posts):
                told = replies(seen.posts[posted], is_move=turn.row.is_move, done=seen.done)
                yield from (one for one in told if not (seen.made and one.reply.answer is ChangeAnswer.OTHER_BOOKING))
        case "look":
            if GET in ok:
                yield from _looks(asked.of, seen)
            failed = failures(seen.reads, {GET})
            yield from (ChangeLook(shown=Shown.UNREADABLE, reply=LOOKUP_RESULTS[name].reply) for name in failed)
            if (GET, 404) in seen.reads:
                yield ChangeLook(shown=Shown.NOT_FOUND)
            yield from _denied(seen)
        case "listed":
            if LIST in ok:
                for sight, asks_host in each((True, False), repeat=2):
                    yield OwnListed(None, None, sight, asks_host)
                    if seen.done:
                        yield OwnListed(THERE, THERE, sight, asks_host)
                    yield OwnListed(None, THERE, sight, asks_host)
            yield from failures(seen.reads, _OF_A_LIST)
            yield from _denied(seen)
        case "type":
            yield _of_type(turn.row)
            yield from failures(seen.reads, {EVENT_TYPES})
            yield from _denied(seen)
        case "slots":
            yield from Slot if SLOTS in ok else (Slot.UNASKED,)
        case "beside":  # who else is at its time: nobody, at work, of unknown outcome
            yield from (None, False, True)
        case _:  # the breaker, another booking of ours, a seat that is left
            yield from (True, False)
            yield from _denied(seen) if asked.what in ("full", "another") else ()


def _of_type(row: ChangeRow) -> Any:
    return event_type(
        KnownType(EventKind.SEATS if row.of_seat else EventKind.PLAIN, free=False, sight=True, seats=row.of_seat)
    )


def _denied(seen: ChangeSeen) -> Iterator[Denied]:
    yield Denied(Reason.BREAKER_OPEN, 1.0, State.CLOSED, 0)
    if seen.denied is not None:
        yield Denied(Reason(seen.denied), 1.0, State.OPEN, 0)


def _looks(row: ChangeRow, seen: ChangeSeen) -> Iterator[ChangeLook]:
    there: Any = _There(at=False)
    if row.of_series and not row.is_move:
        if seen.done:
            yield ChangeLook(shown=Shown.CANCELLED, lives=False)
        for week in {row.named, max(row.named - 1, 0)}:  # one that no POST has named, or the last that one has
            for shown in (Shown.ALIVE, Shown.BEGUN):
                yield ChangeLook(shown=shown, left=WeeksLeft(shown, f"week {week}", rest=not row.of_part))
        yield ChangeLook(shown=Shown.NO_WEEK, left=WeeksLeft(Shown.NO_WEEK), lives=False)
        return
    for shown in (Shown.ALIVE, Shown.MOVED):
        for wanted in (False, True) if seen.done and row.is_move else (False,):
            for lives in (True, False) if shown is Shown.MOVED else (True,):
                yield ChangeLook(shown=shown, there=there, wanted=wanted, lives=lives)
            if wanted and not row.unknown:  # a move to the start that it has: is it there?
                yield ChangeLook(shown=shown, there=_There(at=True), wanted=wanted)  # type: ignore[arg-type]
    yield ChangeLook(shown=Shown.CANCELLED, there=there, lives=False)
    if row.is_move and seen.done:
        yield ChangeLook(shown=Shown.CANCELLED, there=there, wanted=True, lives=False)


@dataclass(frozen=True)
class _There:
    """A booking that a lookup has shown: as much as an attempt reads of it."""

    marks: ClassVar[dict[str, str | None]] = {}

    at: bool  # at the wanted start

    def is_at(self, _start: object) -> bool:
        """Return whether it is at the wanted start: no other one is asked about."""
        return self.at


__all__ = ["POSTS", "ChangeSeen", "change_ends", "in_earnest"]
