"""What must be true of every state: what promises 1 and 2 say."""

from db.lifecycle import FINAL, Status
from tests.model.evidence.contradictions import ANSWERS
from tests.model.life.state import Phase, Stage, World
from tests.model.life.world_steps import OPERATORS


def twice(world: World) -> str | None:
    """Say that there are two bookings, whether or not one of them was cancelled at Cal.com; None: there are not."""
    booked = sum(post.stage >= Stage.HIDDEN for post in world.everything_sent())
    return "two bookings of one request" if booked > 1 else None


def broken(world: World) -> str | None:
    """Say which promise a state breaks; None: none."""
    if found := twice(world):
        return found
    posts = [post.stage for post in world.everything_sent()]
    status = world.row.status
    if status not in FINAL:
        return None
    if status == Status.FAILED and world.row.error not in ANSWERS:
        return f"failed, by {world.row.error or 'nothing'}"
    booked = any(stage >= Stage.HIDDEN for stage in posts)
    if status == Status.CONFIRMED:
        return None if booked else "confirmed, and Cal.com has nothing"
    if any(stage in (Stage.HIDDEN, Stage.LISTED) for stage in posts):
        return f"{status}, and Cal.com has it"
    coming = Stage.FLYING in posts or any(one.phase == Phase.CHECKED for one in world.workers)
    return f"{status}, and Cal.com may still book it" if coming else None


def final(world: World) -> bool:
    """Say whether the booking has come to its end."""
    return world.row.status in FINAL


def with_operator(world: World) -> bool:
    """Say whether it is final, or the operator's: held for a cause that only an operator removes, or a blind key."""
    row = world.row
    return row.status in FINAL or (row.status == Status.HELD and row.reason in OPERATORS) or not world.sees
