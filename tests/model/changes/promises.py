"""What must be true of every state of changes and of what Cal.com has."""

from db.models.changes import SeriesScope
from tasks.changes.evidence.case import ChangeStep
from tests.model.changes.calcom import UNMEANT, Deal, meant
from tests.model.changes.state import GONE, LAG, OVER, WORK, Change, Place, World, lives, with_change

Act = ChangeStep
STANDS = frozenset(
    {Act.REFUSE, Act.REFUSE_OTHER_BOOKING, Act.REFUSE_OVER, Act.REFUSE_NOT_ALLOWED, Act.FAIL, Act.EXPIRE}
)
MOVED = frozenset({Act.DONE, Act.DONE_BESIDE, Act.DONE_TWICE, Act.BOOK_AGAIN})
OF_NOTHING = frozenset({Act.REFUSE_CANCELLED, Act.REFUSE_NOT_FOUND})


def broken(deal: Deal, world: World) -> str | None:
    """Say which promise a state breaks; None: none, or a person has raced with a call of ours."""
    if world.wrong or world.raced:
        return world.wrong if world.wrong in ("two calls on one uid", UNMEANT) or not world.raced else None
    ours = [place for place in world.places if lives(place)]
    if deal.kind != "series" and len({place.who for place in ours}) < len(ours) and not _is_told(world):
        return "two live bookings of one request"
    if world.emptied:
        return "an empty booking blocks its host"
    if deal.kind == "confirmation" and any(
        place.status == "accepted" and place.start != deal.places[0].start and not place.confirmed for place in ours
    ):
        return "accepted, and its host was not asked"
    return None


def _is_told(world: World) -> bool:
    """Say whether a change is open, or waits for a person, whose transaction has left both of its bookings alive."""
    return world.split != GONE and world.changes[world.split].end in {None, Act.BLIND, Act.REFUSE_MOVED_UNSEEN}


def ended(
    deal: Deal, world: World, number: int, change: Change, act: ChangeStep, there: int | None, listed: int | None
) -> World:
    """End a change, and look at once whether what is told is so."""
    if act is Act.BOOK_AGAIN:
        made = Place(change.wanted or 0, who=change.who, booking=len(world.places))
        world = world._replace(places=(*world.places, made))
    if act in {Act.DONE_TWICE, Act.DONE_BESIDE}:  # the double is cancelled as the audit cancels one
        places = tuple(
            place._replace(status="cancelled") if place.who == change.who and n != listed and lives(place) else place
            for n, place in enumerate(world.places)
        )
        world = world._replace(places=places)
    ours = [n for n, place in enumerate(world.places) if place.who == change.who and lives(place)]
    if deal.kind == "series":
        ours = [n for n in ours if n in meant(deal, world)]
        if deal.scope is not SeriesScope.ONE:  # weeks that have begun stay
            ours = [n for n in ours if world.places[n].start > OVER]
    wrong = None if world.raced or world.fresh else _contradiction(world, change, act, ours)
    if act is Act.REFUSE_NO_WEEK and meant(deal, world):
        wrong = "told that no week begins then, and one does"
    at = _at(change, act, ours, there if listed is None else listed)
    after = world._replace(
        at=(*world.at[: change.who], at if at is not None else world.at[change.who], *world.at[change.who + 1 :]),
        wrong=world.wrong or wrong,
    )
    if deal.lag and change.wanted is not None and act in MOVED - {Act.BOOK_AGAIN}:
        after = after._replace(young=LAG + WORK)
    return with_change(after, number, change._replace(end=act, calling=False, unknown=False))


def _contradiction(world: World, change: Change, act: ChangeStep, ours: list[int]) -> str | None:
    """Say what is told and is not so."""
    reached = any(place.who == change.who and place.start == change.wanted for place in world.places)
    if change.wanted is None and act in {Act.DONE, Act.DONE_NOT_FOUND} and ours:
        return "told cancelled, and it lives"
    if change.wanted is not None and act in MOVED and not (ours and reached):
        return "told moved, and it is not there"
    if act in OF_NOTHING and ours:
        return "told that it is not there, and it lives"
    if act in {Act.REFUSE_OVER, Act.REFUSE_BEGUN} and any(world.places[n].start > OVER for n in ours):
        return "told that it is over, and it is to come"
    if act in STANDS and not ours:
        return "told that it stands, and it is gone"
    if act in STANDS and any(world.places[n].start == change.wanted for n in ours):
        return "told that it stands, and it was moved"
    at_work = any(call.stage < 3 and world.changes[call.change].who == change.who for call in world.calls)
    if act in STANDS and change.wanted is not None and at_work:
        return "told that it stands, and a call of it is still at work"
    return None


def _at(change: Change, act: ChangeStep, ours: list[int], there: int | None) -> int | None:
    """Return the uid that the row has from now on; None: as before."""
    if act in OF_NOTHING or (change.wanted is None and act in {Act.DONE, Act.DONE_NOT_FOUND}):
        return GONE
    if act in MOVED:
        return ours[0] if ours else GONE
    return there if act in {Act.REFUSE_MOVED, Act.REFUSE_MOVED_UNSEEN} else None
