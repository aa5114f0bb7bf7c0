"""What can happen next to a request and to what Cal.com has of it: the worker, Cal.com, strangers, hosts, time."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from db.event_kind import EventKind
from db.lifecycle import HoldReason, Status
from resilience.error_types import ErrorType
from tasks.attempts.evidence import BY_SLOTS
from tests.model import product
from tests.model.evidence import calcom
from tests.model.evidence.deals import Deal
from tests.model.evidence.kinds import Key
from tests.model.evidence.reads import answers, key_of, type_of
from tests.model.evidence.reads import kept as kept_type
from tests.model.evidence.state import (
    ENDS,
    LAG,
    Booked,
    Fate,
    Post,
    Stage,
    World,
    awaited,
    is_elsewhere,
    is_missing,
    may_tick,
    ticked,
)
from tests.model.product import SETTLE, Answered, Asked, Cell, Turn
from tests.model.rows import CLAIMABLE, Change, Row, moved, renamed, tidied, waits_for_its_type
from tests.model.search import TICK, Kind, Step

WAITING = CLAIMABLE | {Status.HELD}


class Evidence:
    """The steps out of the states of one deal; `cells` are those of the rule that it has read."""

    def __init__(self, deal: Deal) -> None:
        self.deal = deal
        self.cells: set[Cell] = set()
        self._ends: dict[tuple[Any, ...], tuple[Row, Turn | None, str]] = {}

    searched = staticmethod(product.dealt)

    def beginnings(self) -> Iterator[Step]:
        """Yield the first states: what the type is was asked for another booking, or was not."""
        world = World(Row(Status.PENDING), fate=self.deal.before)
        yield Step("enqueued", Kind.FAIR, world)
        known = world._replace(kept=self.deal.of.known_type(self.deal.key))
        yield Step("enqueued; the type is known", Kind.FAIR, known)

    def following(self, world: World) -> Iterator[Step]:
        """Yield every step out of a state; what is over and cannot be undone has none."""
        if world.row.status not in WAITING and world.turn is None:
            return
        if world.turn is None:
            yield from self._claimed(world)
        else:
            yield from self._worker(world, world.turn)
            yield Step("the worker dies", Kind.FAULT, lost_lease(world))
        for number, post in enumerate(world.posts):
            yield from self._calcom(world, number, post)
        yield from self._hosts(world)
        if may_tick(world):
            yield Step(TICK, Kind.FAIR, ticked(world))
        yield from self._others(world)

    def canonical(self, world: World) -> World:
        """Forget what can no longer matter, so that equal futures are one state."""
        row, kept, lately = _tidied(world.row), world.kept, world.lately
        if kept is not None and kept.changed and not row.unknown:
            kept = kept._replace(changed=False)  # before its next POST
        if row.error == ErrorType.HTTP_502 and not (self.deal.of.may_be_by_slots and may_go_unseen(row)):
            row = row._replace(error=ErrorType.TIMEOUT.value)
        if row.aged and not (self.deal.of.may_be_by_slots and row.ends):
            row = row._replace(aged=False)
        if lately and not (row.unknown and row.ends and kept and kept.kind in BY_SLOTS):
            lately = False
        same = row is world.row and kept is world.kept and lately is world.lately
        return world if same else world._replace(row=row, kept=kept, lately=lately)

    def describe(self, step: Step, world: World) -> tuple[str, World]:
        """Return the words of a step, and the state after it."""
        return step.text, world

    # -- the worker --------------------------------------------------------------------------------------------------

    def _claimed(self, world: World) -> Iterator[Step]:
        """Release the row if it is held, for no moment of a hold is trusted here, and claim it."""
        row = world.row
        if waits_for_its_type(row) and is_missing(world) and not row.cancel:
            return  # each minute it is looked for, and not found
        if row.status == Status.HELD:
            row = moved(row, Status.PENDING)
        near = bool(world.fate & Fate.NEAR)
        row = moved(row, Status.BOOKING)
        text = "it is claimed, to look" if row.unknown else "it is claimed"
        claimed = Step(*self._goes_on(text, Kind.FAIR, world._replace(row=row), Turn(row, near)))
        asked = claimed.world.turn and product.ask(claimed.world.turn).next
        if asked is None or asked.what == "post":
            yield claimed
            return
        for step in self._worker(
            claimed.world, claimed.world.turn
        ):  # what comes before its first answer came before it
            yield Step(f"{text}; {step.text}", step.kind, step.world)

    def _worker(self, world: World, turn: Turn) -> Iterator[Step]:
        asked = product.ask(turn).next
        assert isinstance(asked, Asked)
        for text, kind, answer in answers(world, self.deal, asked):
            after = world._replace(posts=tuple(one for one in world.posts if not one.awaited)) if world.posts else world
            if asked.what == "type" and answer is not None and not is_elsewhere(world):
                after = after._replace(kept=answer, lately=not world.row.settle)
            if isinstance(answer, Answered) and (rest := _left_behind(world, answer)) is not None:
                after = after._replace(posts=tuple(sorted((*after.posts, rest))))
            yield Step(*self._goes_on(text, kind, after, turn.then(answer)))
        if asked.what == "post" and not awaited(world):
            sent = tuple(sorted((*world.posts, Post())))
            before = (Booked("accepted", age=LAG),) if world.fate & Fate.REPEATED else ()
            after = world._replace(posts=sent, booked=world.booked or before, lately=False)
            yield Step("the POST is sent", Kind.FAIR, after)

    def _goes_on(self, text: str, kind: Kind, world: World, turn: Turn) -> tuple[str, Kind, World]:
        """Answer what concerns our own database alone, up to the next question to Cal.com, or the row's next move."""
        his_own, elsewhere = bool(world.fate & Fate.HIS_OWN), is_elsewhere(world)
        was_here = world.kept is not None and world.kept.kind is not EventKind.UNKNOWN
        kept = None if elsewhere and not world.fate & Fate.MISROUTED else world.kept  # of the key that is used
        lately = kept if world.lately else None
        known = (turn, world.row, kept, lately, was_here, his_own)
        ended = self._ends.get(known)
        if ended is None:
            facts = {"known": kept, "lately": lately, "was here": was_here, "seated": his_own, "before": his_own}
            ended = self._ends[known] = self._end(turn, world.row, facts)
        row, turn_then, more = ended
        no_type = _NO_TYPE in _replies_to(turn) if not turn.row.unknown else _NO_TYPE_KEPT in turn.row.refusal
        wronged = was_here and no_type and row.status == Status.REJECTED
        fate = world.fate | (Fate.WRONGED if wronged else Fate.NONE)
        after = World(row, turn_then, world.posts, world.booked, fate, world.kept, world.lately)
        return text + more, kind, after

    def _end(self, turn: Turn, row: Row, facts: Mapping[str, Any]) -> tuple[Row, Turn | None, str]:
        while True:
            attempted = product.ask(turn)
            self.cells |= attempted.cells
            asked = attempted.next
            if not isinstance(asked, Asked):
                break
            match asked.what:
                case "permit":
                    turn = Turn(row, turn.near, asked.allowed, (None,))
                case "renew":
                    for name, value in asked.of:
                        row = row._replace(**renamed(name, value))
                    turn = turn.then(row)
                case "shut":
                    turn = turn.then(False)
                case str(what) if what in facts:
                    turn = turn.then(facts[what])
                case _:
                    return row, turn, ""
        assert isinstance(asked, Change)
        row = moved(row, asked.to, **dict(asked.sets))
        return (
            row,
            None,
            f": {row.status}{f' ({row.reason})' if row.reason else ''}{', unknown' if row.unknown else ''}",
        )

    # -- Cal.com and its people --------------------------------------------------------------------------------------

    def _calcom(self, world: World, number: int, post: Post) -> Iterator[Step]:
        rest = world.posts[:number] + world.posts[number + 1 :]
        which = "the POST" if post.awaited else "the POST that nobody waits for"
        for done in calcom.steps(world, post, type_of(world, self.deal)):
            left = done.post.stage is not Stage.DONE or done.post.awaited
            posts = tuple(sorted((*rest, done.post))) if left else rest
            kind = Kind.FAIR if done.fair else Kind.FAULT
            yield Step(f"Cal.com {done.text} {which}", kind, world._replace(posts=posts, booked=done.booked))
        if not post.awaited and post.stage is not Stage.DONE:
            yield Step("Cal.com's process dies with it", Kind.FAULT, world._replace(posts=rest))

    def _hosts(self, world: World) -> Iterator[Step]:
        for number, one in enumerate(world.booked):
            rest = world.booked[:number] + world.booked[number + 1 :]
            if one.status == "pending":
                accepted = tuple(sorted((*rest, one._replace(status="accepted"))))
                yield Step("the host accepts it", Kind.FAULT, world._replace(booked=accepted))
            # Unknown, and hidden from us: then promise 2 does not hold. Of a team's type even a key that is shown all
            # has no sight: a second POST may go, and books beside what was declined.
            sight = self.deal.of.personal and key_of(world, self.deal) is Key.ALL
            seen = sight and one.age >= LAG and world.turn is None
            if one.status != "gone" and not one.half and seen and not world.posts:
                gone = tuple(sorted((*rest, Booked("gone", one.host, one.age))))
                row = world.row._replace(aged=world.row.unknown)  # nobody does so within half a minute
                words = "the host declines it, or the customer cancels it"
                yield Step(words, Kind.FAULT, world._replace(row=row, booked=gone))

    def _others(self, world: World) -> Iterator[Step]:
        row = world.row
        if world.fate & Fate.NEAR and world.turn is None and not row.unknown:  # db/sql/expire.sql
            yield Step("it has come too near", Kind.FAULT, world._replace(row=moved(row, Status.EXPIRED)))
        if self._is_read_for_another(world):
            told = kept_type(world, type_of(world, self.deal).known_type(key_of(world, self.deal)))
            yield Step("another booking reads the type", Kind.FAULT, world._replace(kept=told, lately=True))
        if is_missing(world) and (world.turn is None or (world.fate & Fate.MISROUTED and not awaited(world))):
            back = world._replace(fate=world.fate | Fate.RETURNED)
            yield Step("the event type is there again, or the URL is right", Kind.FAULT, back)
        happened = (world.fate & ~self.deal.before).bit_count() + row.cancel + row.waited
        if happened >= self.deal.fates or not _may_interfere(world):
            return
        for fate, text in _FATES.items():
            if not world.fate & fate and self.deal.may & fate and self._may_happen(world, fate):
                yield Step(text, Kind.FAULT, world._replace(fate=world.fate | fate))
        if row.unknown and not row.waited and world.turn is None:
            yield Step("it has waited for long", Kind.FAULT, world._replace(row=row._replace(waited=True)))
        if not row.cancel and row.status != Status.BOOKING and not row.unknown:
            ended = world._replace(row=moved(row, Status.CANCELLED))
            yield Step("the operator cancels it", Kind.FAULT, ended)
        elif not row.cancel:
            yield Step("the operator asks to cancel it", Kind.FAULT, world._replace(row=row._replace(cancel=True)))

    def _is_read_for_another(self, world: World) -> bool:
        """Say whether another booking's reading of the type, at this moment, may count for this one."""
        row, may = world.row, world.turn is None and not world.lately and not is_missing(world)
        shown = self.deal.of.may_be_by_slots and key_of(world, self.deal) is not Key.BLANK
        return bool(may and shown and row.unknown and row.ends) and not row.settle

    def _may_happen(self, world: World, fate: int) -> bool:  # noqa: PLR0911 - one return a fate
        of = type_of(world, self.deal)
        taken = {one.host for one in world.booked if one.status == "accepted"}
        match fate:
            case Fate.BUSY:
                return 0 not in taken
            case Fate.OTHER_BUSY:
                return of.round_robin and 1 not in taken
            case Fate.SEATED:
                return of.seats and (of.asks or not taken) and bool(calcom.free_hosts(world, of))
            case Fate.FULL:
                return of.seats and bool(taken or world.fate & Fate.SEATED)
            case Fate.GUEST:
                return of.dedupes and not of.seats
            case Fate.ELSEWHERE:
                return world.turn is None  # workers are started again for it
            case Fate.MISROUTED:
                return not awaited(world)  # a POST is where it was sent
            case Fate.KEYLESS:
                return self.deal.key is not Key.BLANK
            case Fate.TAKER:
                return not (of.seats or of.round_robin) and bool(calcom.free_hosts(world, of))
            case Fate.SWITCHED:  # promise 2 does not hold where nothing was read before, or in the seconds of a POST
                return world.kept is not None and world.turn is None and not (world.posts or world.lately)
        return True


def may_go_unseen(row: Row) -> bool:
    """Say whether it matters that a gateway answered the row's latest POST: another one may go before a lookup."""
    return row.unknown and bool(row.ends) and not (row.retries or row.refusal or row.waited)


_END_BY_THEMSELVES = frozenset({HoldReason.SETTLING, HoldReason.UNREACHABLE})
_FATES = {
    Fate.BUSY: "a stranger takes the time of host A",
    Fate.OTHER_BUSY: "a stranger takes the time of host B",
    Fate.SEATED: "a stranger takes a seat",
    Fate.FULL: "strangers take all seats that are left",
    Fate.GUEST: "another books that time, with our address as a guest's",
    Fate.NARROWED: "a limit is reached, or the notice has passed",
    Fate.DELETED: "the event type is deleted",
    Fate.KEYLESS: "the key loses its permission",
    Fate.NEAR: "its start is near",
    Fate.TAKER: "a stranger books our very time of the type",
    Fate.SWITCHED: "its confirmation is switched",
    Fate.ELSEWHERE: "workers start with another Cal.com's URL and a key of it",
    Fate.MISROUTED: "the URL leads to another Cal.com, which takes our key",
}
_NO_TYPE = "no such type"
_NO_TYPE_KEPT = ("error_type", ErrorType.NO_EVENT_TYPE)


def _replies_to(turn: Turn) -> set[str]:
    return {one.reply for one in turn.answers if isinstance(one, Answered)}


def _may_interfere(world: World) -> bool:
    """Say whether it matters when something happens: before an attempt has read or sent anything it does not."""
    return world.turn is None or bool(awaited(world)) or (world.turn.allowed is None and bool(world.turn.answers))


def _left_behind(world: World, answer: Answered) -> Post | None:
    """Return the POST that goes on though nobody waits for it any more."""
    post = awaited(world)
    if post is None or post.stage is Stage.DONE or answer.reply not in {"no answer", "502", "a page"}:
        return None
    return post._replace(awaited=False)


def lost_lease(world: World) -> World:
    """Lose the worker, and its lease at once, as db/sql/lost_leases.sql says; its POST goes on."""
    row = world.row
    settle, ends = (row.settle, row.ends) if row.unknown else (0, 0)
    changes = {"settle": max(settle, SETTLE), "ends": max(ends, ENDS), "looks": 0}
    waited = row.unknown and row.waited
    row = row._replace(status=Status.RETRYING, unknown=True, **changes, waited=waited, error="timeout", lease=0)
    posts = [post._replace(awaited=False) for post in world.posts if post.stage is not Stage.DONE]
    return world._replace(row=row, turn=None, posts=tuple(sorted(posts)))


@cache
def _tidied(row: Row) -> Row:
    tidy = tidied(row)
    if tidy.status == Status.HELD and tidy.reason in _END_BY_THEMSELVES:
        tidy = tidy._replace(status=Status.RETRYING, reason="")  # as good as released
    return row if tidy == row else tidy
