"""One request whose outcome may be unknown, and what Cal.com has of it: the state that the search for evidence walks.

Everything is immutable and small, so that a state can stand in a set. Time is counted in ticks.
"""

from enum import IntEnum
from typing import NamedTuple

from tests.model.dealt import KnownType
from tests.model.product import SETTLE, TIMINGS, Turn
from tests.model.rows import Row, later

WORK = 2  # ticks that a POST may still work after its byte; shorter than the settle time
ENDS = SETTLE + 1  # ticks until absence counts after a POST that nobody answered: its work and a replica's lag
LAG = 2  # ticks that a replica may lag: longer than the settle time of an answered POST, as long as until its end


class Fate:
    """What has happened around the request, as bits; each that is not there from the beginning is one of a few."""

    NONE = 0
    BUSY = 1  # a stranger has the time of our key's host
    OTHER_BUSY = 2  # and that of the other host
    SEATED = 4  # a stranger has a seat at that time: ours would be a further one
    FULL = 8  # strangers have the seats that are left
    GUEST = 16  # another's booking at that time has our address as a guest's
    NARROWED = 32  # a limit, or the notice that the type wants, is in our way
    DELETED = 64  # the event type
    KEYLESS = 128  # our key has lost its permission
    NEAR = 256  # the start is within the lead
    HIS_OWN = 512  # our very attendee has it by another request, since before: only from the beginning
    MAXIMUM = 1024  # the attendee may have one active booking: only from the beginning
    REPEATED = 2048  # a proxy has sent our first POST before, by itself: only from the beginning
    TAKER = 4096  # a stranger has booked our very time of the type, and it is accepted
    SWITCHED = 8192  # the type asks for confirmation by now, or no more
    ELSEWHERE = 16384  # our URL, and a key that is good there, are another Cal.com's
    RETURNED = 32768  # the type is there again, or the URL is right
    WRONGED = 65536  # a request was refused for a type that Cal.com had
    MISROUTED = 131072  # our URL leads to another Cal.com that takes our very key, from one call to the next


class Stage(IntEnum):
    """How far Cal.com is with one POST; another's steps may come between each two of them (seen)."""

    ARRIVED = 0
    DEDUPED = 1  # no booking of this attendee was found
    CHOSEN = 2  # the time was free
    JOINING = 3  # the time had a seat left
    HALF = 4  # booked, and not done: a seat without its seat, a series in its weeks
    DONE = 5


class Post(NamedTuple):
    """One POST of ours at Cal.com; `awaited` by the worker, `reply` once it is done."""

    stage: Stage = Stage.ARRIVED
    age: int = 0  # ticks since its first byte
    host: int = 0
    awaited: bool = True
    reply: str = ""


class Booked(NamedTuple):
    """One booking, seat or series that a POST of ours has made."""

    status: str  # pending, accepted, gone
    host: int = 0
    age: int = 0  # ticks since it was committed
    half: bool = False  # a seat that has no seat yet


class World(NamedTuple):
    """A state of the whole."""

    row: Row
    turn: Turn | None = None  # where the worker stands; None: none has claimed it
    posts: tuple[Post, ...] = ()
    booked: tuple[Booked, ...] = ()
    fate: int = Fate.NONE
    kept: KnownType | None = None  # what the product keeps of the event type
    lately: bool = False  # by a reading, the row's own or another's, that began since settle_at, and just now


def is_elsewhere(world: World) -> bool:
    """Say whether another Cal.com is asked."""
    return bool(world.fate & (Fate.ELSEWHERE | Fate.MISROUTED)) and not world.fate & Fate.RETURNED


def is_missing(world: World) -> bool:
    """Say whether Cal.com, or the one that is asked, has no such event type."""
    return is_elsewhere(world) or bool(world.fate & Fate.DELETED and not world.fate & Fate.RETURNED)


def awaited(world: World) -> Post | None:
    """Return the POST of which the worker awaits the answer."""
    return next((one for one in world.posts if one.awaited), None)


def may_tick(world: World) -> bool:
    """Say whether time may go on: calls that read take none, and no POST works for longer than it may."""
    post = awaited(world)
    if world.turn is not None and (post is None or post.stage is Stage.DONE or post.age >= TIMINGS.deadline):
        return False
    return all(one.age < WORK for one in world.posts)


def ticked(world: World) -> World:
    """Let a tick pass."""
    return world._replace(
        row=later(world.row),
        lately=False,
        posts=tuple(sorted(one._replace(age=one.age + 1) for one in world.posts)) if world.posts else (),
        booked=tuple(sorted(one._replace(age=min(one.age + 1, LAG)) for one in world.booked)) if world.booked else (),
    )
