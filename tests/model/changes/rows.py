"""What the rows say of the model's changes: which are open, of which uid, and which have ended."""

from tests.model.changes.calcom import Deal
from tests.model.changes.order import OpenChange
from tests.model.changes.state import World, with_change


def over(world: World) -> bool:
    """Say whether nothing is left to be done: each change has ended, and Cal.com works at no call of ours."""
    return not world.calls and settled(world) and all(change.asked for change in world.changes)


def settled(world: World) -> bool:
    """Say whether each change that was asked for has ended, or waits for a person."""
    return all(change.end is not None for change in world.changes if change.asked)


def as_open(deal: Deal, world: World, number: int) -> OpenChange:
    """Return a change as the rule of order sees it."""
    change = world.changes[number]
    uid = change.uid if change.uid >= 0 else world.at[change.who]
    return OpenChange(number, change.who, str(home(deal, world, uid)), change.calling, change.unknown, change.posts)


def home(deal: Deal, world: World, uid: int) -> int:
    """Return what two changes must not touch at once: a seat's booking, a whole series, else the uid."""
    if deal.kind == "series":
        return 0
    return world.places[uid].booking if deal.seated and 0 <= uid < len(world.places) else uid


def number_of(uid: str | None) -> int | None:
    """Return the number of a uid."""
    return None if uid is None else int(uid[1:])


def with_uid(at: tuple[int, ...], who: int, uid: int) -> tuple[int, ...]:
    """Give a request's row another uid."""
    return (*at[:who], uid, *at[who + 1 :])


def asked(world: World, number: int) -> World:
    """Take a wish; it withdraws an earlier one of its booking that was not sent."""
    change = world.changes[number]._replace(asked=True)
    world = with_change(world, number, change)
    for other, earlier in enumerate(world.changes[:number]):
        sent = earlier.calling or earlier.unknown or earlier.posts
        if earlier.who == change.who and earlier.end is None and not sent:
            world = with_change(world, other, earlier._replace(end="withdrawn"))
    return world
