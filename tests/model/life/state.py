"""One booking request as the model of its life sees it: its row, two workers, its messages and what Cal.com was sent.

Everything is immutable and small, so that a state can stand in a set. Time is counted in ticks.
"""

from enum import IntEnum
from typing import NamedTuple

from db.lifecycle import Status
from tests.model.product import SETTLE, Turn, number
from tests.model.rows import Change, Row, tidied

LEASE = 1  # ticks: a call of full length
ENDS = SETTLE + 1  # absence counts this long after the first byte of an unanswered POST, or after a lost lease
FREEZE = 1  # the longest that A1 lets a worker stand between its last lease check and its first byte
LATE = 2  # the longest that A2 lets Cal.com take from the byte to the list; FREEZE + LATE < ENDS


class Phase(IntEnum):
    """Where a worker is in its attempt; any worker can stop anywhere, for any time."""

    IDLE = 0
    LOOK = 1  # claimed, outcome unknown: about to read Cal.com's list
    RENEW = 2  # the look allows a POST: about to write that into the row
    POST = 3  # has its permit: about to check its lease
    CHECKED = 4  # the lease was good: about to send the first byte
    SENT = 5  # waits for the answer
    WRITE = 6  # knows its step: about to write it


class Stage(IntEnum):
    """What has become of one POST at Cal.com."""

    NONE = 0
    FLYING = 1  # received, or under way: may still book
    HIDDEN = 2  # booked, and not yet in the list
    LISTED = 3
    CANCELLED = 4  # booked, and then cancelled there


class Post(NamedTuple):
    """One POST at Cal.com; `left` is in ticks, until A2 wants it listed or dropped."""

    stage: Stage = Stage.NONE
    left: int = 0

    @property
    def pending(self) -> bool:
        """Say whether it may still come into Cal.com's list."""
        return self.stage in (Stage.FLYING, Stage.HIDDEN)


NOBODYS = number(
    Turn(Row(Status.BOOKING))
)  # the turn of a worker that has lost its claim: it may still send, and write nothing
NOTHING = Change(Status.BOOKING)
NO_POST = Post()


class Worker(NamedTuple):
    """One worker; `turn` is where its attempt stands, `owns` whether the row still carries its token."""

    phase: Phase = Phase.IDLE
    owns: bool = False
    lease: int = 0  # as its own clock has it; of interest only until it is checked
    since: int = 0  # ticks since its last lease check
    turn: int = NOBODYS  # of `product.turn`
    step: Change = NOTHING
    post: Post = NO_POST


class World(NamedTuple):
    """A state of the whole; `posts` are those that nobody waits for any more."""

    row: Row
    workers: tuple[Worker, Worker] = (Worker(), Worker())
    posts: tuple[Post, ...] = ()
    message: bool = False  # whether the broker has one
    sees: bool = True  # whether our key is shown all bookings of this event type

    def everything_sent(self) -> list[Post]:
        """Return all POSTs that Cal.com still knows of."""
        return [*self.posts, *(one.post for one in self.workers if one.post.stage)]


class Rules(NamedTuple):
    """The assumptions of promise 2, and the guards of the product: take one away and see what happens."""

    a1: int | None = FREEZE  # at most so many ticks from the last lease check to the first byte; None: any number
    a2: int | None = LATE  # at most so many ticks from the first byte to the list; None: any number
    a3: bool = True  # Postgres's clock does not step ahead while a row of unknown outcome waits
    claim_compares: bool = True
    move_compares_token: bool = True
    looks_before_post: bool = True
    waits_for_the_end: bool = True
    checks_lease: bool = True
    lost_lease_is_unknown: bool = True
    blind_key_holds: bool = True
    taken_only_known: bool = True  # who gets its time ends no row of unknown outcome
    ends_only_known: bool = True  # cancel and expire leave a row of unknown outcome alone
    resends: bool = True  # the sweeper, messages that are gone
    reclaims: bool = True  # the sweeper, leases that ran out
    releases_settled: bool = True
    workers: int = 2  # at work at once
    operator: bool = True  # whether one interferes

    @property
    def tokens_hold(self) -> bool:
        """Say whether a worker that has lost its claim can write nothing any more."""
        return self.claim_compares and self.move_compares_token


def tidy(world: World, rules: Rules) -> World:
    """Forget what can no longer matter, so that equal futures are one state; the workers keep their places."""
    one, other = world.workers
    if rules.tokens_hold:
        one, other = _without_claim(one, rules), _without_claim(other, rules)
    return World(tidied(world.row), (one, other), world.posts, world.message, world.sees)


def same(world: World) -> World:
    """Return the one of a state and its mirror image that stands for both: the workers are alike."""
    one, other = world.workers
    return world if one <= other else world._replace(workers=(other, one))


def _without_claim(worker: Worker, rules: Rules) -> Worker:
    """Keep of a worker that has lost its claim what is left to it: a byte to come, and the news of a booking."""
    if worker.owns or worker.phase == Phase.IDLE:
        return worker
    match worker.phase:
        case Phase.POST if worker.lease or not rules.checks_lease:
            return worker._replace(turn=NOBODYS)
        case Phase.CHECKED:
            return worker._replace(turn=NOBODYS)
        case Phase.SENT:
            return Worker(Phase.SENT, post=worker.post)
        case Phase.WRITE if worker.step.to == Status.CONFIRMED:
            return Worker(Phase.WRITE, step=worker.step)
    return Worker()
