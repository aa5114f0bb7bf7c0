"""What can happen next to changes: the worker that obeys `tasks.changes`, Cal.com, people, and time.

The worker is as small as it can be: each decision, each reading of an answer and of a lookup is the product's.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace

from tasks.calcom.changes.reply import ChangeAnswer
from tasks.calcom.slots import Slot
from tasks.changes.evidence.cancel import after_cancel, after_cancel_look
from tasks.changes.evidence.case import CLEAR, UNCLEAR, ChangeCase, ChangeStep
from tasks.changes.evidence.reschedule import MoveCase, after_reschedule, after_reschedule_look, goes_without_key
from tasks.changes.lookup import ChangeLook
from tests.model.changes import order, people, promises
from tests.model.changes.answers import looked, read
from tests.model.changes.calcom import Deal, proceed, visible
from tests.model.changes.rows import as_open, asked, home, number_of, over, with_uid
from tests.model.changes.state import (
    ANSWERED,
    ENDS,
    GONE,
    LAG,
    UNANSWERED,
    WORK,
    Call,
    Change,
    Places,
    World,
    lives,
    ticked,
    with_change,
)
from tests.model.search import TICK, Kind, Step

Act, A = ChangeStep, ChangeAnswer


def _named(change: Change, uid: int) -> tuple[int, ...]:
    """Return the weeks that POSTs have named, after one more."""
    return (*(week for week in change.named if week != uid), uid)


def _uid_in(reply: str) -> int:
    """Return the uid of the booking in an answer; a seat's is its own."""
    return number_of(json.loads(reply)["uid"]) or GONE


def _moved_on(places: Places, change: Change) -> int | None:
    """Return the booking of ours that was at the wanted start, and that a person has moved on."""
    at = next((n for n, one in enumerate(places) if one.start == change.wanted and one.who == change.who), GONE)
    while at != GONE and not lives(places[at]):
        at = places[at].to
    return None if at == GONE else at


class Changes:
    """The steps out of the states of one deal; `cells` are the acts that were decided, with what led to them."""

    def __init__(self, deal: Deal) -> None:
        """Take the deal."""
        self.deal = deal
        self.cells: set[tuple[str, str, ChangeStep]] = set()

    def searched(self) -> AbstractContextManager[None]:
        """Nothing needs to be in place."""
        return nullcontext()

    def beginnings(self) -> Iterator[Step]:
        """Yield the first state: Cal.com has booked, and the rows know it."""
        deal = self.deal
        at = tuple(range(len(deal.places))) if deal.kind == "seats" else (0,)
        world = World(deal.places, deal.changes, at, fates=deal.count, splits=int(deal.splits))
        if deal.new:
            world = world._replace(past=(((), 0),), young=LAG + WORK)
        yield Step("booked", Kind.FAIR, world)

    def following(self, world: World) -> Iterator[Step]:
        """Yield every step out of a state."""
        if over(world):
            return
        for number, change in enumerate(world.changes):
            if not change.asked:
                yield Step(f"change {number} is asked for", Kind.FAULT, asked(world, number))
            elif change.end is None and not change.calling:
                yield from self._worker(world, number, change)
        for number, call in enumerate(world.calls):
            if call.stage < 3:
                yield from (Step(text, Kind.FAIR, after) for text, after in proceed(self.deal, world, number))
            if call.awaited:
                yield from self._answer(world, number, call)
        for text, after in people.act(self.deal, world):
            yield Step(text, Kind.FAULT, after)
        if all(call.age < WORK for call in world.calls):
            yield Step(TICK, Kind.FAIR, ticked(world))

    def canonical(self, world: World) -> World:
        """Keep a state as it is: what is over has no way on."""
        return world

    def describe(self, step: Step, world: World) -> tuple[str, World]:
        """Return the words of a step, and the state after it."""
        return step.text, world

    # -- the worker ------------------------------------------------------------------------------------------------

    def _worker(self, world: World, number: int, change: Change) -> Iterator[Step]:
        others = [
            as_open(self.deal, world, n)
            for n, other in enumerate(world.changes)
            if n != number and other.asked and other.end is None
        ]
        if order.must_wait(as_open(self.deal, world, number), others):
            return
        if world.at[change.who] < 0:
            yield Step("its booking is over", Kind.FAIR, with_change(world, number, change._replace(end="withdrawn")))
        elif change.unknown or (self.deal.kind == "series" and change.wanted is None):
            yield from self._looks(world, number, change)
        else:
            yield from self._post(world, number, change)

    def _post(self, world: World, number: int, change: Change, *, rest: bool = False) -> Iterator[Step]:
        uid = change.uid if change.posts and change.uid >= 0 else world.at[change.who]
        change = change._replace(
            uid=uid, calling=True, posts=min(change.posts + 1, 2), named=_named(change, uid), refusal=None
        )
        keyed = not (change.wanted is not None and goes_without_key(self.deal.column))
        guarded = home(self.deal, world, uid)
        at_once = [call for call in world.calls if call.stage < 3 and home(self.deal, world, call.uid) == guarded]
        after = with_change(world, number, change)._replace(
            calls=(*world.calls, Call(number, uid, keyed=keyed, rest=rest)),
            wrong="two calls on one uid" if at_once else world.wrong,
            raced=world.raced or world.fresh > 0,
        )
        yield Step(f"change {number} is sent to uid {uid}", Kind.FAIR, after)

    def _answer(self, world: World, number: int, call: Call) -> Iterator[Step]:
        """Let the answer come, or be lost, at any moment."""
        change = world.changes[call.change]
        left = (*world.calls[:number], *world.calls[number + 1 :])
        if call.stage == 3:
            yield from self._read(world._replace(calls=left), call.change, change, call.reply)
        working = (*world.calls[:number], call._replace(awaited=False), *world.calls[number + 1 :])
        lost = left if call.stage == 3 else working
        yield from (
            step._replace(kind=Kind.FAULT)
            for step in self._read(world._replace(calls=lost), call.change, change, "none", since=call.age)
        )
        for reply in ("not sent", "none") if call.stage == 0 and call.age == 0 else ():  # also lost on its way
            yield from (
                step._replace(kind=Kind.FAULT)
                for step in self._read(world._replace(calls=left), call.change, change, reply)
            )

    def _read(self, world: World, number: int, change: Change, reply: str, since: int = 0) -> Iterator[Step]:
        seat, unknown = f"s{change.uid}" if self.deal.seated else None, change.unknown
        young = world.young > 0
        answer, finished = read(reply, change.wanted, change.who, seat)
        if change.wanted is None:
            act = after_cancel(answer, unknown=unknown, series=self.deal.kind == "series", young=young, another=True)
        else:
            slot = self._slot(world, change)
            act = after_reschedule(answer, unknown=unknown, seat=self.deal.seated, slot=slot, young=young, another=True)
        self._cell(change, answer, act)
        change = change._replace(calling=False)
        if answer is A.NOT_SENT:  # as if it had never been tried: an outage holds it, and costs no retry
            first = change.posts == 1 and not unknown
            change = change._replace(posts=change.posts - 1, uid=GONE if first else change.uid)
            yield Step(f"change {number} is not sent", Kind.FAIR, with_change(world, number, change))
            return
        if act is not Act.LOOK:
            yield from self._done(world, number, change, act, f"is answered {answer}", None)
            return
        change = change._replace(
            unknown=True,
            to=_uid_in(reply) if answer is A.MOVED else change.to,
            moved=change.moved or answer not in CLEAR,
            settle=ANSWERED if finished else max(UNANSWERED - since, 0),
            ends=max(change.ends, ENDS[0] if finished else max(ENDS[1] - since, 0)),
            refusal=answer if unknown and answer in UNCLEAR else None,
        )
        yield Step(f"change {number} is answered {answer}: {act}", Kind.FAIR, with_change(world, number, change))

    def _cell(self, change: Change, of: str, act: ChangeStep) -> None:
        self.cells.add(("cancel" if change.wanted is None else "reschedule", str(of), act))

    def _slot(self, world: World, change: Change) -> Slot:
        taken = any(one.start == change.wanted and one.status == "accepted" for one in world.places)
        return Slot.UNAVAILABLE if taken else Slot.OFFERED

    # -- lookups ---------------------------------------------------------------------------------------------------

    def _looks(self, world: World, number: int, change: Change) -> Iterator[Step]:
        uid = change.uid if change.uid >= 0 else world.at[change.who]
        for places in visible(world):
            meant = self.deal.part, change.named if self.deal.kind == "series" else ()
            look = looked(places, uid, change.who, change.wanted, self.deal.kind, meant)
            yield from self._judged(world, number, change, look)

    def _judged(self, world: World, number: int, change: Change, look: ChangeLook) -> Iterator[Step]:
        case = self._case(world, change, look)
        for act, listed in self._decided(world, change, case):
            self._cell(change, case.shown, act)
            yield from self._done(world, number, change, act, f"is looked for: {look.shown}", look, listed)

    def _case(self, world: World, change: Change, look: ChangeLook) -> ChangeCase:
        named = number_of(look.left.uid) if look.left is not None else None
        known = ChangeCase(
            shown=look.shown,
            settled=not change.settle,
            ended=not change.ends,
            seat=self.deal.seated,
            refusal=change.refusal,
            young=world.young > 0,
            next_week=named is not None and named not in change.named,
            another=True,
            may_retry=change.retries > 0,
            waited=change.waited,
        )
        if change.wanted is None:
            return known
        return MoveCase(
            **asdict(known),
            moved=change.moved,
            repeated=change.posts > 1,
            wanted=look.wanted,
            lives=look.lives,
            slot=self._slot(world, change),
        )

    def _decided(self, world: World, change: Change, case: ChangeCase) -> Iterator[tuple[ChangeStep, int | None]]:
        """Yield what is decided, with the uid that the list has shown."""
        decide = after_cancel_look if change.wanted is None else after_reschedule_look
        act = decide(case)  # type: ignore[arg-type]
        if act is not Act.ASK_LIST:
            yield act, None
            return
        self._cell(change, case.shown, act)
        for places in visible(world):
            # A seat's newer uid is a larger number: older ones, which the row had before, do not count
            ours = [
                n
                for n, one in enumerate(places)
                if lives(one) and one.who == change.who and n > change.uid and self.deal.sight
            ]
            here = next((n for n in ours if places[n].start == change.wanted), None)
            if here is None and not self.deal.seated and self.deal.sight:
                here = _moved_on(places, change)
            if 0 <= change.to < len(places) and lives(places[change.to]):  # any key sees it by its uid
                here = change.to
            other = next(iter(ours), None)
            if isinstance(case, MoveCase):
                sight = self.deal.sight or here is not None
                elsewhere = here is None and other is not None and self.deal.seated
                yield (
                    decide(
                        replace(
                            case,
                            listed=here is not None,
                            elsewhere=elsewhere,
                            sight=sight,
                            asks_host=goes_without_key(self.deal.column),
                        )
                    ),
                    here if here is not None else other,
                )  # type: ignore[arg-type]
            else:
                yield decide(replace(case, listed=other is not None)), other  # type: ignore[arg-type]

    # -- what follows ----------------------------------------------------------------------------------------------

    def _done(
        self,
        world: World,
        number: int,
        change: Change,
        act: ChangeStep,
        text: str,
        look: ChangeLook | None,
        listed: int | None = None,
    ) -> Iterator[Step]:
        """Carry out an act."""
        text = f"change {number} {text}: {act}"
        match act:
            case Act.LOOK:
                return
            case Act.POST_AGAIN | Act.NEXT_WEEK | Act.RETRY:
                yield from self._once_more(world, number, change, act, look, text)
                return
            case Act.FOLLOW:
                there = listed if listed is not None else self._there(change, look)
                followed = change._replace(uid=there or 0, unknown=False, settle=0, ends=0)
                at = with_uid(world.at, change.who, -1 if there is None else there)
                moved = world._replace(at=at, young=LAG + WORK if self.deal.lag else 0)
                yield Step(text, Kind.FAIR, with_change(moved, number, followed))
                return
            case Act.UNREACHABLE:
                yield Step(text, Kind.FAIR, with_change(world, number, change._replace(waited=True, retries=1)))
                return
        yield Step(
            text, Kind.FAIR, promises.ended(self.deal, world, number, change, act, self._there(change, look), listed)
        )

    def _once_more(
        self, world: World, number: int, change: Change, act: ChangeStep, look: ChangeLook | None, text: str
    ) -> Iterator[Step]:
        costs = 0 if act is Act.NEXT_WEEK or not change.posts else 1
        if change.retries < costs:
            yield Step(text, Kind.FAIR, promises.ended(self.deal, world, number, change, Act.FAIL, None, None))
            return
        change = change._replace(retries=change.retries - costs)
        if act is Act.RETRY:
            change = change._replace(unknown=False, moved=False, settle=0, ends=0, refusal=None)
            yield Step(text, Kind.FAIR, with_change(world, number, change))
            return
        if look is not None and look.left is not None:
            change = change._replace(uid=number_of(look.left.uid) or 0, posts=max(change.posts, 1))
        rest = look is not None and look.left is not None and look.left.rest
        for step in self._post(world, number, change, rest=rest):
            yield step._replace(text=f"{text}; {step.text}")

    def _there(self, change: Change, look: ChangeLook | None) -> int | None:
        """Return the uid that a lookup has shown; a seat that joins another booking keeps its own."""
        if look is None or look.there is None:
            return None
        return change.uid if self.deal.seated else number_of(look.there.uid)
