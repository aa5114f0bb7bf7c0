"""What Cal.com does with a POST of ours, a step at a time and by event type, as it was seen to (docs/calcom.md)."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.model.evidence.kinds import Type
from tests.model.evidence.state import Booked, Fate, Post, Stage, World, is_elsewhere, is_missing

HIDDEN = 1  # the host whose bookings a key of the other one is not shown


class Done(NamedTuple):
    """A step of a POST: in words, whether it comes by itself, the POST and all bookings after it."""

    text: str
    fair: bool
    post: Post
    booked: tuple[Booked, ...]


def steps(world: World, post: Post, of: Type) -> Iterator[Done]:
    """Yield what may become of a POST next."""
    booked = world.booked
    match post.stage:
        case Stage.ARRIVED:
            yield from _dedupe(world, post, of)
        case Stage.DEDUPED:
            yield from _availability(world, post, of)
        case Stage.CHOSEN | Stage.JOINING:
            yield from _insert(world, post, of)
        case Stage.HALF if of.recurs:
            yield Done("makes all weeks of", True, _done(post, "201"), booked)
            for reply in "out of bounds", "limit", "taken":  # weeks 1 to 4 are booked (5 of 5, seen)
                yield Done(f"refuses week 5 of ({reply})", False, _done(post, reply), booked)
        case Stage.HALF:
            whole = tuple(sorted(one._replace(half=False) for one in booked))
            yield Done("gives its seat to", True, _done(post, "201"), whole)


def _dedupe(world: World, post: Post, of: Type) -> Iterator[Done]:
    fate, booked = world.fate, world.booked
    if is_missing(world) and (post.awaited or not is_elsewhere(world)):
        yield _refused(world, post, "no such type")
        return
    if fate & Fate.NARROWED:  # it may want a field by now that it did not want before
        yield _refused(world, post, "refused", fair=False)
    wanted = "pending" if of.asks else "accepted"
    ours = of.dedupes and any(one.status == wanted for one in booked)
    if fate & Fate.MAXIMUM and not (of.asks and ours):
        yield from _maximum(world, post)
        if is_live(world):
            return
    found = ["201", "201 that shows nobody"] if of.seats and of.round_robin else ["201"]
    found = found if ours else []
    if of.dedupes and fate & Fate.GUEST:
        found.append("201 of a guest's")
    if of.dedupes and fate & Fate.HIS_OWN:
        found.append("201 of his own")
    for reply in found:
        yield Done(f"finds for a booking of this attendee ({reply})", True, _done(post, reply), booked)
    accepted = fate & Fate.HIS_OWN and of.asks and of.seats  # since then, so that it is not looked for
    if not found or (accepted and not ours):
        yield Done("finds no booking of the attendee for", True, post._replace(stage=Stage.DEDUPED), booked)


def _maximum(world: World, post: Post) -> Iterator[Done]:
    if is_live(world):
        yield _refused(world, post, "maximum, ours")
    else:
        yield _refused(world, post, "maximum, his other", fair=False)
    yield _refused(world, post, "maximum", fair=False)


def _availability(world: World, post: Post, of: Type) -> Iterator[Done]:
    fate = world.fate
    if fate & Fate.NARROWED:
        for reply in "out of bounds", "limit":
            yield _refused(world, post, reply)
        return
    if of.seats:
        signed_up = any(one.status == "accepted" for one in world.booked) or bool(fate & Fate.HIS_OWN)
        if signed_up:
            yield _refused(world, post, "signed up")
        if fate & Fate.SEATED and (of.asks or not signed_up):  # of two accepted bookings it may take either
            if fate & Fate.FULL:
                yield _refused(world, post, "full")
            else:
                yield Done("finds a seat for", True, post._replace(stage=Stage.JOINING, host=HIDDEN), world.booked)
        if signed_up or fate & Fate.SEATED:
            return
    free = free_hosts(world, of)
    for host in free:
        text = f"finds host {'AB'[host]} free for" if of.round_robin else "finds the time free for"
        yield Done(text, True, post._replace(stage=Stage.CHOSEN, host=host), world.booked)
    yield _refused(world, post, "taken", fair=not free)  # or by a fault of its own (row 9)


def free_hosts(world: World, of: Type) -> list[int]:
    """Return the hosts who have nothing at that time; what is pending takes none."""
    taken = {one.host for one in world.booked if one.status == "accepted"}
    busy = (Fate.BUSY | Fate.TAKER, Fate.OTHER_BUSY)
    return [host for host in ((0, 1) if of.round_robin else (0,)) if host not in taken and not world.fate & busy[host]]


def _insert(world: World, post: Post, of: Type) -> Iterator[Done]:
    if post.stage is Stage.JOINING and world.fate & Fate.FULL:
        yield _refused(world, post, "full")
        return
    pending = of.asks and post.stage is not Stage.JOINING
    if not pending and post.stage is not Stage.JOINING and post.host not in free_hosts(world, of):
        yield _refused(world, post, "500")  # the unique index: "an error occurred while querying the database"
        return
    half = of.seats and not pending and post.stage is not Stage.JOINING
    made = Booked("pending" if pending else "accepted", post.host, half=half)
    booked = tuple(sorted((*world.booked, made)))
    if half or (of.recurs and not pending):
        yield Done("books, as far as it has come,", True, post._replace(stage=Stage.HALF), booked)
    else:
        yield Done("books", True, _done(post, "201"), booked)


def is_live(world: World) -> bool:
    """Say whether Cal.com has something of ours that nobody has cancelled, be it a seat by half."""
    return any(one.status != "gone" for one in world.booked)


def _refused(world: World, post: Post, reply: str, *, fair: bool = True) -> Done:
    return Done(f"refuses ({reply})", fair, _done(post, reply), world.booked)


def _done(post: Post, reply: str) -> Post:
    return post._replace(stage=Stage.DONE, reply=reply)
