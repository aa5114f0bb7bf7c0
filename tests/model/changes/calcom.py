"""Cal.com works at one call in steps: it asks (perhaps a replica), writes (a seat in two steps), and answers.

What the steps do is what tests/contract/changes shows of the simulator, and docs/calcom.md of a real Cal.com.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from db.changes.change import SeriesPart
from db.models.changes import SeriesScope
from tests.model.changes.answers import booking, moment
from tests.model.changes.state import GONE, OLD, OVER, Call, Change, Place, Places, World, changed, lives

UNMEANT = "a week is cancelled that nobody meant"


class Deal(NamedTuple):
    """What is dealt: an event type, the wishes, whether replicas lag, and what may happen from outside."""

    kind: str  # plain, round robin, confirmation, seats, series
    places: Places
    changes: tuple[Change, ...]
    lag: bool = False
    fates: frozenset[str] = frozenset()
    count: int = 1
    sight: bool = True
    column: bool | None = False  # whether the type asks its host: None: not shown
    new: bool = False  # booked just now: a replica may not have it yet
    scope: SeriesScope = SeriesScope.ALL  # which weeks of a series a cancel means
    week: int = OLD  # the start of the week that the scope names
    splits: bool = False  # whether one transaction of Cal.com's may run out of time

    @property
    def part(self) -> SeriesPart | None:
        """Return the weeks of a series that a cancel means; None: all."""
        return None if self.scope is SeriesScope.ALL else SeriesPart(self.scope, moment(self.week))

    @property
    def seated(self) -> bool:
        """Say whether attendees have seats."""
        return self.kind == "seats"


def visible(world: World) -> list[Places]:
    """Return what a read may show: the present, or what a replica that lags still has."""
    return [world.places, *dict.fromkeys(places for places, _ in world.past if places != world.places)]


def proceed(deal: Deal, world: World, number: int) -> Iterator[tuple[str, World]]:
    """Yield what Cal.com does next with a call."""
    call = world.calls[number]
    change = world.changes[call.change]
    if call.stage == 0:
        for places in visible(world):
            refusal = _asked(deal, world, call, change, places)
            home = world.places[call.uid].booking
            others = sum(lives(one) and one.booking == home for n, one in enumerate(world.places) if n != call.uid)
            after = call._replace(stage=3, reply=refusal) if refusal else call._replace(stage=1, others=others)
            yield f"Cal.com asks: {refusal or 'all is well'}", _put(world, number, after)
    elif call.stage == 1:
        yield from _written(deal, world, number, call, change)
    elif call.stage == 2:
        yield from _second_step(deal, world, number, call, change)


def _put(world: World, number: int, call: Call) -> World:
    """Exchange a call; one that is done and that nobody waits for is forgotten."""
    calls = list(world.calls)
    calls[number : number + 1] = [call] if call.awaited or call.stage < 3 else []
    return world._replace(calls=tuple(calls))


# -- what is asked -----------------------------------------------------------------------------------------------------


def _asked(deal: Deal, world: World, call: Call, change: Change, places: Places) -> str:
    """Return the refusal of a call by what a replica shows; "": it goes on."""
    if call.uid >= len(places):
        return ("no seat" if change.wanted is not None else "no seat to cancel") if deal.seated else "no booking"
    place = places[call.uid]
    if change.wanted is None:
        return _cancel_asked(deal, place)
    if deal.seated:
        return "" if lives(place) else "no seat"
    if place.status == "cancelled":
        return "cancelled" if place.to == GONE else "moved"
    if place.status == "rejected":
        return "declined"
    return _room(deal, world, call, change, places)


def _cancel_asked(deal: Deal, place: Place) -> str:
    if deal.seated:
        return "" if lives(place) else "no seat to cancel"
    if place.status == "cancelled":
        return "again"
    return "over" if place.start == OVER else ""


def _room(deal: Deal, world: World, call: Call, change: Change, places: Places) -> str:
    """Look for the attendee's earlier booking, which is then given back, and for a free host; by the primary."""
    there = [n for n, one in enumerate(world.places) if one.start == change.wanted and lives(one) and n != call.uid]
    pending = deal.kind == "confirmation" and not call.keyed
    if deal.kind == "round robin" or pending:
        status = "pending" if pending else "accepted"
        found = [n for n in there if world.places[n].status == status]
        if found:  # read again, perhaps from a replica that has not got it
            return json.dumps(booking(places, found[0], seated=False)) if found[0] < len(places) else "500"
        return ""
    return "taken" if any(world.places[n].status == "accepted" for n in there) else ""


# -- what is written ---------------------------------------------------------------------------------------------------


def _written(deal: Deal, world: World, number: int, call: Call, change: Change) -> Iterator[tuple[str, World]]:
    if change.wanted is None:
        yield from _cancelled(deal, world, number, call)
    elif deal.seated:
        yield from _seat_taken_out(deal, world, number, call, change)
    else:
        yield from _moved(deal, world, number, call, change)


def _cancelled(deal: Deal, world: World, number: int, call: Call) -> Iterator[tuple[str, World]]:
    place = world.places[call.uid]
    ends = {call.uid}
    if call.rest:
        ends = {n for n, one in enumerate(world.places) if lives(one) and one.start >= place.start}
    places = tuple(
        one._replace(status="cancelled") if n in ends and one.status != "lost" else one
        for n, one in enumerate(world.places)
    )
    after = changed(world, places, lag=deal.lag)
    if deal.kind == "series" and not {n for n in ends if lives(world.places[n])} <= meant(deal, world):
        after = after._replace(wrong=UNMEANT)
    if deal.seated and call.others and not any(lives(one) for one in places if one.booking == place.booking):
        after = after._replace(emptied=True)  # each of two has seen the other
    yield from _answered("Cal.com cancels", deal, after, number, call, call.uid)


def meant(deal: Deal, world: World) -> set[int]:
    """Return the weeks of a series that a cancel means, also after they were moved."""
    if deal.scope is SeriesScope.ALL:
        return set(range(len(world.places)))
    own = next((n for n, one in enumerate(deal.places) if one.start == deal.week), GONE)
    weeks = set[int]()
    while own != GONE:
        weeks.add(own)
        own = world.places[own].to
    if deal.scope is SeriesScope.FOLLOWING:
        weeks |= {n for n, one in enumerate(world.places) if one.start >= deal.week}
    return weeks


def _moved(deal: Deal, world: World, number: int, call: Call, change: Change) -> Iterator[tuple[str, World]]:
    old, taken = (
        world.places[call.uid],
        deal.kind != "round robin" and not (deal.kind == "confirmation" and not call.keyed),
    )
    if old.status == "cancelled" and old.to == GONE:
        yield "Cal.com: cancelled meanwhile", _put(world, number, call._replace(stage=3, reply="cancelled"))
        return
    if taken and any(one.start == change.wanted and one.status == "accepted" for one in world.places):
        yield "Cal.com: another was faster", _put(world, number, call._replace(stage=3, reply="database"))
        return
    new = len(world.places)
    pending = deal.kind == "confirmation" and not call.keyed
    made = Place(change.wanted or 0, "pending" if pending else "accepted", who=change.who, booking=new)
    places = list(world.places)
    places[call.uid] = old._replace(status="cancelled", to=new)
    after = changed(world, (*places, made), lag=deal.lag)
    yield from _answered("Cal.com moves", deal, after, number, call, new)
    if world.splits and lives(old):  # rolled back but for the last INSERT
        both = changed(world, (*world.places, made), lag=deal.lag)._replace(splits=world.splits - 1, split=call.change)
        yield "Cal.com's transaction runs out of time", _put(both, number, call._replace(stage=3, reply="database"))


def _seat_taken_out(deal: Deal, world: World, number: int, call: Call, change: Change) -> Iterator[tuple[str, World]]:
    """Take the seat out of its booking; into another booking it goes in the same step, and keeps its uid."""
    old, places = world.places[call.uid], list(world.places)
    if not lives(old):
        yield "Cal.com: no such record", _put(world, number, call._replace(stage=3, reply="raced"))
        return
    target = next((one for one in places if one.start == change.wanted and lives(one)), None)
    if target is not None:
        places[call.uid] = old._replace(start=target.start, booking=target.booking)
        after = changed(world, tuple(places), lag=deal.lag)
        yield from _answered("Cal.com moves the seat into a booking", deal, after, number, call, call.uid)
        return
    places[call.uid] = old._replace(status="lost")
    after = changed(world, tuple(places), lag=deal.lag)
    yield "Cal.com deletes the seat", _put(after, number, call._replace(stage=2))


def _second_step(deal: Deal, world: World, number: int, call: Call, change: Change) -> Iterator[tuple[str, World]]:
    new = len(world.places)
    made = Place(change.wanted or 0, who=change.who, booking=new)
    places = list(world.places)
    places[call.uid] = places[call.uid]._replace(status="cancelled", to=new)
    after = changed(world, (*places, made), lag=deal.lag)
    yield from _answered("Cal.com makes the seat", deal, after, number, call, new)
    if "lost" in deal.fates and world.fates:
        lost = _put(world._replace(fates=world.fates - 1), number, call._replace(stage=3, reply="500"))
        yield "Cal.com loses the seat", lost


def _answered(text: str, deal: Deal, world: World, number: int, call: Call, uid: int) -> Iterator[tuple[str, World]]:
    """Answer by what a replica shows: a 500 if it has not got the booking yet."""
    if not call.awaited:
        yield text, _put(world, number, call._replace(stage=3))
        return
    cancel = world.changes[call.change].wanted is None
    for places in visible(world):
        if uid < len(places):
            moved = world.places[uid] if deal.seated and not cancel else None  # beside whom a replica shows
            shown = booking(places, uid, seated=deal.seated, moved=moved)
            reply = json.dumps(shown)
        else:
            reply = "500"
        yield f"{text}, and answers", _put(world, number, call._replace(stage=3, reply=reply))
