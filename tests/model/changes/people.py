"""What people do to a booking at Cal.com while our changes are under way: hosts, the attendee himself, strangers."""

from collections.abc import Iterator

from tests.model.changes.calcom import Deal
from tests.model.changes.state import EARLY, HOSTS, LAG, WANTED, Place, Places, World, changed, lives

STRANGER = 9


def act(deal: Deal, world: World) -> Iterator[tuple[str, World]]:
    """Yield what a person does, once for each that may still happen."""
    if not world.fates:
        return
    at = next((n for n, place in enumerate(world.places) if place.who == 0 and lives(place)), None)
    if "takes" in deal.fates and not any(place.start == WANTED and lives(place) for place in world.places):
        stranger = Place(WANTED, who=STRANGER, booking=len(world.places))
        yield "a stranger takes the wanted start", _after(deal, world, (*world.places, stranger))
    if at is None:
        return
    place, number = world.places[at], len(world.places)
    if "moves" in deal.fates:
        moved = _set(world.places, at, place._replace(status="cancelled", to=number))
        yield (
            "its host moves it",
            _after(deal, world, (*moved, place._replace(start=HOSTS, booking=number, to=-1)), raced=True),
        )
    if "moves there" in deal.fates:
        there = _set(world.places, at, place._replace(status="cancelled", to=number))
        moved_there = place._replace(start=deal.week, booking=number, to=-1)
        yield "its host moves it to the time of the week", _after(deal, world, (*there, moved_there), raced=True)
    own = next((n for n, one in enumerate(world.places) if one.start == deal.week and lives(one)), None)
    if "moves before" in deal.fates and own is not None:
        before = _set(world.places, own, world.places[own]._replace(status="cancelled", to=number))
        moved_before = world.places[own]._replace(start=EARLY, booking=number, to=-1)
        yield "its host moves the week before the others", _after(deal, world, (*before, moved_before), raced=True)
    if "cancels" in deal.fates:
        yield (
            "its host cancels it",
            _after(deal, world, _set(world.places, at, place._replace(status="cancelled")), raced=True),
        )
    if "declines" in deal.fates and place.status == "pending":
        yield (
            "its host declines it",
            _after(deal, world, _set(world.places, at, place._replace(status="rejected")), raced=True),
        )


def _after(deal: Deal, world: World, places: Places, *, raced: bool = False) -> World:
    """Write what a person has done; a call of ours that is on its way races with it."""
    after = changed(world, places, lag=deal.lag)._replace(fates=world.fates - 1)
    if not raced:
        return after
    races = bool(world.calls)
    return after._replace(raced=world.raced or races, fresh=LAG if deal.lag else 0)


def _set(places: Places, number: int, place: Place) -> Places:
    return (*places[:number], place, *places[number + 1 :])
