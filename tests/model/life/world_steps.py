"""What everybody else can do next: the clock, the broker, Cal.com, the sweeper, the release, the operator."""

from collections.abc import Iterator

from db.lifecycle import UNASKABLE, HoldReason, Status
from tests.model.life.state import ENDS, Phase, Post, Rules, Stage, Worker, World
from tests.model.product import SETTLE
from tests.model.rows import CLAIMABLE, Row, later, moved
from tests.model.search import TICK, Kind, Step

SUSPECT_AFTER = 2  # lost leases in a row; the product's three would only be longer
OPERATORS = frozenset({HoldReason.SUSPECT, HoldReason.BLIND_KEY, HoldReason.CREDENTIALS, HoldReason.CONFIGURATION})
_WAITING = CLAIMABLE | {Status.HELD}
_OF_A_LINE = frozenset({HoldReason.BREAKER_OPEN, HoldReason.THROTTLED, HoldReason.IN_LINE})


def beginnings() -> Iterator[Step]:
    """Yield the first states: the row is committed; its message is sent, or lost, or was not to be sent."""
    pending, held = Row(Status.PENDING), Row(Status.HELD, HoldReason.BREAKER_OPEN)
    for sees in True, False:
        yield Step(
            "enqueued: the row is committed, the message is sent", Kind.FAIR, World(pending, message=True, sees=sees)
        )
        yield Step("enqueued: the row is committed, the message is lost", Kind.FAIR, World(pending, sees=sees))
        yield Step("enqueued: held, for the breaker is open", Kind.FAIR, World(held, sees=sees))


def steps(world: World, rules: Rules) -> Iterator[Step]:
    """Yield every step that no worker makes."""
    if may_tick(world, rules):
        yield Step(TICK, Kind.FAIR, ticked(world))
    yield from _clock(world, rules)
    yield from _broker(world)
    yield from _calcom(world)
    yield from _sweeper(world, rules)
    yield from _release(world, rules)
    yield from _taken(world, rules)
    if rules.operator:
        yield from _operator(world, rules)


# -- time ------------------------------------------------------------------------------------------------------------


def may_tick(world: World, rules: Rules) -> bool:
    """Say whether time may go on: not while what an assumption promises has yet to happen."""
    if rules.a1 is not None and any(one.phase == Phase.CHECKED and one.since >= rules.a1 for one in world.workers):
        return False
    return rules.a2 is None or not any(post.pending and not post.left for post in world.everything_sent())


def ticked(world: World) -> World:
    """Let one tick pass for everybody, also for a process that stands still."""
    row = world.row
    one, other = (_older(worker) for worker in world.workers)
    lease = max(row.lease - 1, -ENDS) if row.status == Status.BOOKING else 0
    return world._replace(
        row=later(row)._replace(lease=lease),
        workers=(one, other),
        posts=tuple(sorted(_later(post) for post in world.posts)),
    )


def _older(worker: Worker) -> Worker:
    if worker.phase == Phase.IDLE:
        return worker
    since = min(worker.since + 1, ENDS) if worker.phase in (Phase.CHECKED, Phase.SENT) else worker.since
    return worker._replace(lease=max(worker.lease - 1, 0), since=since, post=_later(worker.post))


def _later(post: Post) -> Post:
    return post._replace(left=post.left - 1) if post.pending and post.left else post


def _clock(world: World, rules: Rules) -> Iterator[Step]:
    """Have Postgres's clock step ahead of all that the row waits for: a failover. No other clock does."""
    row = world.row
    first = row.status == Status.BOOKING and row.lease > 0 and not row.unknown
    under_way = first and any(one.phase == Phase.SENT for one in world.workers)
    waits = row.status in _WAITING and row.unknown and bool(row.settle or row.ends)
    if under_way or (waits and not rules.a3):
        ahead = row._replace(settle=0, ends=0, lease=0)
        yield Step("Postgres's clock steps ahead", Kind.FAULT, world._replace(row=ahead))


# -- the broker, and Cal.com -----------------------------------------------------------------------------------------


def _broker(world: World) -> Iterator[Step]:
    if world.message:
        yield Step("the message is lost", Kind.FAULT, world._replace(message=False))
    else:  # doubled, delivered again after a lost connection, or late
        yield Step("a message comes once more", Kind.FAULT, world._replace(message=True))


def _calcom(world: World) -> Iterator[Step]:
    for number, post in enumerate(world.posts):
        rest = world.posts[:number] + world.posts[number + 1 :]
        for text, kind, then in _fates(post):
            posts = tuple(sorted((*rest, then)))
            yield Step(text.format("the POST that nobody waits for"), kind, world._replace(posts=posts))
        if post.stage == Stage.FLYING:
            yield Step("Cal.com drops the request", Kind.FAULT, world._replace(posts=rest))
    for place, worker in enumerate(world.workers):
        for text, kind, then in _fates(worker.post):
            both = list(world.workers)
            both[place] = worker._replace(post=then)
            yield Step(text.format("{}'s POST"), kind, world._replace(workers=(both[0], both[1])), place)


def _fates(post: Post) -> Iterator[tuple[str, Kind, Post]]:
    match post.stage:
        case Stage.FLYING:
            yield "Cal.com books {}", Kind.FAIR, post._replace(stage=Stage.HIDDEN)
        case Stage.HIDDEN:
            yield "Cal.com lists {}", Kind.FAIR, Post(Stage.LISTED)
        case Stage.LISTED:
            yield "the host cancels {} at Cal.com", Kind.FAULT, Post(Stage.CANCELLED)


# -- what beat has done ----------------------------------------------------------------------------------------------


def _sweeper(world: World, rules: Rules) -> Iterator[Step]:
    row = world.row
    if row.status == Status.BOOKING and row.lease <= 0 and rules.reclaims:  # db/sql/lost_leases.sql
        yield from _lost_lease(world, rules)
    # db/sql/unsent.sql; its evidence is not trusted here: a message too many must do no harm.
    if row.status in CLAIMABLE and rules.resends:
        yield Step("the sweeper sends it again", Kind.FAIR, world._replace(message=True))
    if row.status in _WAITING and not (row.unknown and rules.ends_only_known) and not row.uid:  # db/sql/expire.sql
        gone = moved(row, Status.EXPIRED, unknown=False)
        yield Step("its slot has come too near: expired", Kind.FAULT, world._replace(row=gone))


def _lost_lease(world: World, rules: Rules) -> Iterator[Step]:
    row = world.row
    lost = min(row.lost + 1, SUSPECT_AFTER)
    unknown = rules.lost_lease_is_unknown
    settle, ends = (row.settle, row.ends) if row.unknown else (0, 0)
    changes = {"unknown": unknown, "waited": row.unknown and row.waited, "looks": 0, "lost": lost}
    changes |= {"settle": max(settle, SETTLE), "ends": max(ends, ENDS)}
    one, other = (worker._replace(owns=False) for worker in world.workers)
    again = moved(row, Status.RETRYING, **changes, error="timeout")
    world = world._replace(row=again, workers=(one, other))
    if lost < SUSPECT_AFTER:
        yield from _sent("the lease has run out: the sweeper writes", world, Kind.FAIR)
        return
    alone = moved(row, Status.HELD, **changes, error="timeout", reason=HoldReason.SUSPECT)
    yield from _sent("the lease has run out, alone: the sweeper writes", world._replace(row=alone), Kind.FAIR)
    yield from _sent("the lease has run out, in company: the sweeper writes", world, Kind.FAIR)


def _release(world: World, rules: Rules) -> Iterator[Step]:
    """Release holds as db/sql/release_due.sql and release_these.sql do."""
    row = world.row
    if row.status != Status.HELD:
        return
    match row.reason:
        case HoldReason.SETTLING if row.settle or not rules.releases_settled:
            return
        case HoldReason.BLIND_KEY if not world.sees:  # released to look all the same, with growing pauses; in vain
            return
        case HoldReason.SUSPECT:
            return
        case HoldReason.CREDENTIALS:
            kind = Kind.OPERATOR  # another key
        case _:
            kind = Kind.FAIR
    asked = row.reason in UNASKABLE  # from now on it can be
    released = world._replace(row=moved(row, Status.PENDING, waited=row.waited and not asked))
    yield from _sent(f"the release ends the hold ({row.reason}):", released, kind)


def _taken(world: World, rules: Rules) -> Iterator[Step]:
    """Let another request get its time, as db/sql/taken.sql ends those who wait in the line for it."""
    row = world.row
    waits = row.status == Status.HELD and row.reason in _OF_A_LINE and not row.uid and not row.cancel
    if waits and not (row.unknown and rules.taken_only_known):
        ended = world._replace(row=moved(row, Status.REJECTED, unknown=False))
        yield Step("another request gets its time: rejected", Kind.FAULT, ended)


def _sent(text: str, world: World, kind: Kind) -> Iterator[Step]:
    """Send a row's message after the commit, or fail to."""
    text = f"{text} {world.row.status}"
    if world.row.status not in CLAIMABLE:
        yield Step(text, kind, world)
        return
    yield Step(f"{text}, and sends its message", kind, world._replace(message=True))
    yield Step(f"{text}, and its message is lost", Kind.FAULT, world)


# -- the operator ----------------------------------------------------------------------------------------------------


def _operator(world: World, rules: Rules) -> Iterator[Step]:
    row = world.row
    if not world.sees:
        yield Step("the key is seen to list the event type", Kind.OPERATOR, world._replace(sees=True))
    shown = any(post.stage in (Stage.LISTED, Stage.CANCELLED) for post in world.everything_sent())
    has_looked = row.unknown and not row.ends and not shown  # may say "not booked" (retry.py)
    if row.status in (Status.HELD, Status.FAILED):
        again = moved(row, Status.PENDING, lost=0, waited=row.waited and row.reason not in UNASKABLE)
        yield from _sent("the operator tries again:", world._replace(row=again), Kind.OPERATOR)
        if has_looked:
            known = world._replace(row=again._replace(unknown=False))
            yield from _sent("the operator has looked and tries again:", known, Kind.OPERATOR)
    if row.status in _WAITING and (has_looked or not (row.unknown and rules.ends_only_known)) and not row.uid:
        ended = world._replace(row=moved(row, Status.CANCELLED, unknown=False))
        yield Step("the operator cancels it: cancelled", Kind.OPERATOR, ended)
    elif (row.status in _WAITING or row.status == Status.BOOKING) and not row.cancel:
        asked = row._replace(cancel=True)
        if row.status == Status.HELD and row.reason in OPERATORS:
            look = world._replace(row=moved(asked, Status.PENDING, lost=0))
            yield from _sent("the operator asks to cancel it:", look, Kind.OPERATOR)
        else:
            yield Step("the operator asks to cancel it", Kind.OPERATOR, world._replace(row=asked))
