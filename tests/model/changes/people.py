"""What people do to a booking at Cal.com while our changes are under way: hosts, the attendee himself, strangers."""

from collections.abc import Iterator

from tests.model.changes.calcom import Deal
from tests.model.changes.state import EARLY, GONE, HOSTS, LAG, WANTED, Place, Places, World, changed, lives

STRANGER = 9
CONFIRMS = "its host confirms it"


def act(deal: Deal, world: World) -> Iterator[tuple[str, World]]:
    """Yield what a person does, once for each that may still happen."""
    if not world.fates:
        return
    if "takes" in deal.fates and not any(place.start == WANTED and lives(place) for place in world.places):
        stranger = Place(WANTED, who=STRANGER, booking=len(world.places))
        taken = changed(world, (*world.places, stranger), lag=deal.lag)
        yield "a stranger takes the wanted start", taken._replace(fates=world.fates - 1)
    ours = [n for n, place in enumerate(world.places) if place.who == 0 and lives(place)]
    for at in ours if deal.splits else ours[:1]:
        # What a move has made, and our key does not see, is not covered (docs/promises.md, "The window of promise 2")
        unknown = deal.splits and not deal.sight and at != world.at[0]
        for text, places in _deeds(deal, world, at):
            yield text, _after(deal, world, places, raced=bool(world.calls) or (unknown and text != CONFIRMS))


def _deeds(deal: Deal, world: World, at: int) -> Iterator[tuple[str, Places]]:
    """Yield what may be done to one booking, and what is there then."""
    place, number = world.places[at], len(world.places)
    if "confirms" in deal.fates and place.status == "pending":
        yield CONFIRMS, _set(world.places, at, place._replace(status="accepted", confirmed=True))
    moved = _set(world.places, at, place._replace(status="cancelled", to=number))
    if "moves" in deal.fates:
        yield "its host moves it", (*moved, place._replace(start=HOSTS, booking=number, to=GONE))
    if "moves there" in deal.fates:
        there = place._replace(start=deal.week, booking=number, to=GONE)
        yield "its host moves it to the time of the week", (*moved, there)
    own = next((n for n, one in enumerate(world.places) if one.start == deal.week and lives(one)), None)
    if "moves before" in deal.fates and own is not None:
        before = _set(world.places, own, world.places[own]._replace(status="cancelled", to=number))
        early = world.places[own]._replace(start=EARLY, booking=number, to=GONE)
        yield "its host moves the week before the others", (*before, early)
    if "cancels" in deal.fates:
        yield "its host cancels it", _set(world.places, at, place._replace(status="cancelled"))
    if "declines" in deal.fates and place.status == "pending":
        yield "its host declines it", _set(world.places, at, place._replace(status="rejected"))


def _after(deal: Deal, world: World, places: Places, *, raced: bool) -> World:
    """Write what a person has done to ours; a call of ours that is on its way races with it."""
    after = changed(world, places, lag=deal.lag)._replace(fates=world.fates - 1)
    return after._replace(raced=world.raced or raced, fresh=LAG if deal.lag else 0)


def _set(places: Places, number: int, place: Place) -> Places:
    return (*places[:number], place, *places[number + 1 :])
