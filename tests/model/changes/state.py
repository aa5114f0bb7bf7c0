"""One or two requests that Cal.com has booked, changes of them, and what Cal.com does: the state that the search walks.

Everything is immutable and small, so that a state can stand in a set. Time is counted in ticks; starts are numbers.
"""

from typing import NamedTuple

from tasks.calcom.changes.reply import ChangeAnswer
from tasks.changes.evidence.case import ChangeStep

ANSWERED, UNANSWERED = 1, 3  # ticks until a POST has settled
ENDS = (4, 6)  # ticks until what a lookup shows may end a change: after an answer; without one
WORK = 2  # ticks that a POST may still work after its byte
LAG = 3  # ticks that a replica may lag
OVER, EARLY, OLD, WANTED, OTHER, LAST, HOSTS = 0, 1, 2, 4, 5, 6, 7  # starts: over, ours, wished for, a host's
GONE = -1


class Place(NamedTuple):
    """One booking, week or seat at Cal.com; its uid is its number, `booking` that of the booking in which it sits."""

    start: int
    status: str = "accepted"  # pending, accepted, cancelled, rejected; lost: a seat that is nowhere
    to: int = GONE
    who: int = 0  # whose request it carries
    booking: int = 0
    confirmed: bool = False  # by its host


Places = tuple[Place, ...]


class Call(NamedTuple):
    """One POST of ours at Cal.com; `others`: how many sat in the booking when it was asked about."""

    change: int
    uid: int
    stage: int = 0  # 0 has arrived, 1 has asked, 2 has written the first of two steps, 3 is done
    age: int = 0
    awaited: bool = True
    others: int = 0
    keyed: bool = True
    rest: bool = False  # of a series: all weeks after it are cancelled as well
    reply: str = ""


class Change(NamedTuple):
    """A row of a change; `wanted` None is a cancel."""

    who: int
    wanted: int | None
    asked: bool = True
    uid: int = GONE
    to: int = GONE  # what a later POST was answered that it has made
    calling: bool = False
    unknown: bool = False
    moved: bool = False
    posts: int = 0
    settle: int = 0
    ends: int = 0
    retries: int = 1
    refusal: ChangeAnswer | None = None
    waited: bool = False
    named: tuple[int, ...] = ()  # weeks that a POST has named, the last one last
    end: ChangeStep | str | None = None


class World(NamedTuple):
    """A state of the whole.

    `past` is what a replica may still show, with its age; `at` is the uid that each request's row has. `fates`: so much
    may still happen from outside. `raced`: a person changed the booking while a call of ours was on its way, or less
    than a replica's lag before: then no promise holds (docs/promises.md). `wrong`: the promise that was broken.
    """

    places: Places
    changes: tuple[Change, ...]
    at: tuple[int, ...]
    calls: tuple[Call, ...] = ()
    past: tuple[tuple[Places, int], ...] = ()
    fresh: int = 0  # ticks until a person's act is in all replicas
    young: int = 0  # ticks in which a replica may not show yet what was moved
    fates: int = 0
    raced: bool = False
    emptied: bool = False
    splits: int = 0  # so many transactions of Cal.com's may still run out of time
    split: int = GONE  # the change whose transaction did
    wrong: str | None = None


def lives(place: Place) -> bool:
    """Say whether it is neither cancelled nor declined, nor lost."""
    return place.status in ("accepted", "pending")


def changed(world: World, places: Places, *, lag: bool) -> World:
    """Write at Cal.com; a replica may show for a while what was before."""
    past = tuple({**dict(world.past), world.places: 0}.items()) if lag and places != world.places else world.past
    return world._replace(places=places, past=tuple(sorted(past)))


def ticked(world: World) -> World:
    """Let a tick pass."""
    return world._replace(
        calls=tuple(call._replace(age=call.age + 1) for call in world.calls),
        past=tuple((places, age + 1) for places, age in world.past if age + 1 < LAG),
        fresh=max(world.fresh - 1, 0),
        young=max(world.young - 1, 0),
        changes=tuple(
            change._replace(settle=max(change.settle - 1, 0), ends=max(change.ends - 1, 0)) for change in world.changes
        ),
    )


def with_change(world: World, number: int, change: Change) -> World:
    """Exchange one change."""
    return world._replace(changes=(*world.changes[:number], change, *world.changes[number + 1 :]))
