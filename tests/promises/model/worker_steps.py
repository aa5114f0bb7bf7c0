"""What a worker can do next: the steps of `tasks/attempt.py`, cut wherever another process may come between."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from db.lifecycle import MOVES, HoldReason, Status
from resilience.permit import Reason
from tasks.calcom.look import SightingKind
from tests.promises.model import decisions
from tests.promises.model.state import (
    LEASE,
    NO_POST,
    Change,
    Phase,
    Post,
    Row,
    Rules,
    Stage,
    Worker,
    World,
)

CLAIMABLE = frozenset({Status.PENDING, Status.RETRYING})
DENIALS = (Reason.BREAKER_OPEN, Reason.CREDENTIALS)  # our own limit holds and is released as the breaker is


class Kind(StrEnum):
    """Whose step it is."""

    FAIR = "fair"  # comes sooner or later while the world is well
    FAULT = "fault"  # may come or not: something fails, or somebody interferes
    OPERATOR = "operator"


class Step(NamedTuple):
    """What happens, in words (`{}` is the worker), and the state it leads to."""

    text: str
    kind: Kind
    world: World
    worker: int | None = None


class IllegalMoveError(AssertionError):
    """Say that the model made a move that the product would refuse."""


def moved(row: Row, to: Status, **changes: Any) -> Row:
    """Return a row after one of the legal moves; the hold and the claim are left behind, as db/moves.py does."""
    if to not in MOVES[row.status]:
        raise IllegalMoveError(f"{row.status} -> {to}")
    return row._replace(**{"status": to, "reason": "", "lease": 0, **changes})


class Steps:
    """The steps of one worker in one state."""

    def __init__(self, world: World, place: int, rules: Rules) -> None:
        self.world = world
        self.place = place
        self.rules = rules
        self.me = world.workers[place]

    def all(self) -> Iterator[Step]:
        """Yield them all."""
        match self.me.phase:
            case Phase.IDLE:
                yield from self._delivered()
                return
            case Phase.LOOK:
                yield from self._look()
            case Phase.RENEW:
                yield from self._renew()
            case Phase.POST:
                yield from self._check()
            case Phase.CHECKED:
                sent = Post(Stage.FLYING, self.rules.a2 or 0)
                yield self._to("{} sends the POST", self.me._replace(phase=Phase.SENT, post=sent))
            case Phase.SENT:
                yield from self._answered()
            case Phase.WRITE:
                yield from self._write()
        yield from self._die()

    # -- the claim ---------------------------------------------------------------------------------------------------

    def _delivered(self) -> Iterator[Step]:
        world = self.world
        busy = sum(one.phase != Phase.IDLE for one in world.workers)
        if not world.message or busy >= self.rules.workers:
            return
        row = world.row
        taken = world._replace(message=False)
        if row.status not in CLAIMABLE and (self.rules.claim_compares or row.status != Status.BOOKING):
            yield Step("{} takes a message and finds nothing to claim", Kind.FAIR, taken, self.place)
            return
        claimed = row._replace(status=Status.BOOKING, lease=LEASE)
        if row.status in CLAIMABLE and Status.BOOKING not in MOVES[row.status]:
            raise IllegalMoveError(row.status)
        others = tuple(one._replace(owns=False) for one in world.workers)
        self.world = taken._replace(row=claimed, workers=others)
        settled = not row.settle or not self.rules.waits_to_settle
        self.me = Worker(Phase.LOOK, owns=True, settled=settled, row=claimed._replace(lease=0, settle=0, reason=""))
        yield from self._begin()

    def _begin(self) -> Iterator[Step]:
        row = self.me.row
        if row.uid:
            yield self._decide("{} claims it: Cal.com's answer has come by now", decisions.late_answer())
        elif row.unknown and self.rules.looks_before_post:
            when = "settled" if self.me.settled else "not settled yet"
            yield self._to(f"{{}} claims it, to look ({when})", self.me)
            for reason in DENIALS:
                step = decisions.denied(row, reason, known=False, retry=False)
                yield self._decide(f"{{}} claims it; a look is not allowed ({reason})", step, Kind.FAULT)
        else:
            self.me = self.me._replace(lease=LEASE)
            yield from self._ready("{} claims it", Phase.POST, retry=False)
            if not row.sent:
                yield self._decide("{} claims it; others wait", decisions.behind_others(row), Kind.FAULT)

    def _ready(self, text: str, then: Phase, *, retry: bool) -> Iterator[Step]:
        """Nothing is booked, as far as the worker knows: ask whether it may be posted."""
        row = self.me.row
        ended = decisions.before_post(row, near=False)
        if ended is not None:
            yield self._decide(f"{text}: {ended.to}", ended)
            return
        yield self._to(f"{text}, to post", self.me._replace(phase=then, settled=False))
        if (expired := decisions.before_post(row, near=True)) is not None:
            yield self._decide(f"{text}: its time has come", expired, Kind.FAULT)
        for reason in DENIALS:
            step = decisions.denied(row, reason, known=True, retry=retry)
            yield self._decide(f"{text}; a POST is not allowed ({reason})", step, Kind.FAULT)

    # -- looking -----------------------------------------------------------------------------------------------------

    def _look(self) -> Iterator[Step]:
        listed = [post.stage for post in self.world.everything_sent() if self.world.sees]
        if Stage.LISTED in listed:
            seen = SightingKind.FOUND
        else:
            seen = SightingKind.CANCELLED if Stage.CANCELLED in listed else SightingKind.ABSENT
        yield from self._saw(f"{{}} looks: {seen}", seen, "", Kind.FAIR)
        for failure in "503", "a refused key":
            yield from self._saw(f"{{}} looks: {failure}", SightingKind.FAILED, failure, Kind.FAULT)

    def _saw(self, text: str, seen: SightingKind, failure: str, kind: Kind) -> Iterator[Step]:
        me = self.me
        visible = me.settled and (self.world.sees or not self.rules.blind_key_holds)
        for step in decisions.after_look(me.row, seen, failure, 0 if me.settled else 1, visible):
            if step is None:
                yield from self._ready(f"{text}, so not booked", Phase.RENEW, retry=True)
            else:
                held = step.to == Status.HELD and dict(step.sets)["reason"] == HoldReason.BREAKER_OPEN
                yield self._decide(text, step, Kind.FAULT if held else kind)

    def _renew(self) -> Iterator[Step]:
        row, me = self.world.row, self.me
        if not self._ours():
            yield self._to("{} finds its claim lost", Worker())
            return
        changes: dict[str, Any] = {
            "unknown": False,
            "settle": 0,
            "looks": 0,
            "refusal": "",
            "retries": me.row.retries + 1,
        }
        row = row._replace(**changes, lease=LEASE)
        self.world = self.world._replace(row=row)
        self.me = me._replace(lease=LEASE, row=row._replace(lease=0))
        if row.uid:
            yield self._decide("{} finds that Cal.com's answer has come", decisions.late_answer())
        else:
            yield self._to("{} writes that nothing is booked", self.me._replace(phase=Phase.POST))

    # -- posting -----------------------------------------------------------------------------------------------------

    def _check(self) -> Iterator[Step]:
        me = self.me
        if me.lease or not self.rules.checks_lease:
            yield self._to("{} checks its lease: good", me._replace(phase=Phase.CHECKED, lease=0))
        else:
            yield self._decide("{} checks its lease: too old to send", decisions.too_old())
        for step in decisions.after_post(me.row, "no connection", 0):
            yield self._decide("{} gets no connection", step, Kind.FAULT)

    def _answered(self) -> Iterator[Step]:
        post = self.me.post
        if post.stage == Stage.FLYING:
            for reply in "taken", "refused":
                yield from self._reply(reply, NO_POST, Kind.FAIR)
            for reply in "a refused key", "500", "503":
                yield from self._reply(reply, NO_POST, Kind.FAULT)
        else:
            yield from self._reply("201", post, Kind.FAIR)
            yield from self._reply("500", post._replace(left=0), Kind.FAULT)
        if post.stage in (Stage.LISTED, Stage.CANCELLED):
            yield from self._reply("503", post, Kind.FAULT)
        yield from self._reply("no answer", post, Kind.FAULT)

    def _reply(self, reply: str, post: Post, kind: Kind) -> Iterator[Step]:
        me = self.me
        world = self.world
        self.world = _leave(world, post)
        for step in decisions.after_post(me.row, reply, me.since):
            yield self._decide(f"Cal.com answers {{}}: {reply}", step, kind)
        self.world = world

    # -- writing -----------------------------------------------------------------------------------------------------

    def _write(self) -> Iterator[Step]:
        row, change = self.world.row, self.me.step
        if self._ours():
            row = moved(row, change.to, **dict(change.sets))
            if row.unknown and not (row.status in CLAIMABLE or row.status == Status.HELD):
                raise IllegalMoveError(f"{row.status}, and its outcome unknown: the database would refuse it")
            text = f"{{}} writes {row.status}" + (f" ({row.reason})" if row.reason else "")
            text += ", unknown" if row.unknown else ""
            self.world = self.world._replace(row=row)
            if row.status != Status.RETRYING:
                yield self._to(text, Worker())
                return
            yield self._to(f"{text}, and its message is lost", Worker(), Kind.FAULT)
            self.world = self.world._replace(message=True)
            yield self._to(f"{text}, and sends its message", Worker())
        elif change.to == Status.CONFIRMED:
            to = Status.CONFIRMED if row.status in (Status.HELD, Status.FAILED) else row.status
            row = row._replace(uid=True) if to == row.status else moved(row, to, uid=True, unknown=False)
            self.world = self.world._replace(row=row)
            yield self._to("{} has lost its claim; it records Cal.com's late answer", Worker())
        else:
            yield self._to("{} has lost its claim and writes nothing", Worker())

    def _ours(self) -> bool:
        """Compare, as every move out of `booking` does."""
        if self.rules.move_compares_token and not self.me.owns:
            return False
        return self.world.row.status == Status.BOOKING

    # -- the end of a process ----------------------------------------------------------------------------------------

    def _die(self) -> Iterator[Step]:
        world = _leave(self.world, self.me.post)
        yield Step("{} dies", Kind.FAULT, _put(world, self.place, Worker()), self.place)  # another one starts

    # -- words -------------------------------------------------------------------------------------------------------

    def _to(self, text: str, worker: Worker, kind: Kind = Kind.FAIR) -> Step:
        return Step(text, kind, _put(self.world, self.place, worker), self.place)

    def _decide(self, text: str, change: Change, kind: Kind = Kind.FAIR) -> Step:
        me = self.me
        return self._to(text, Worker(Phase.WRITE, owns=me.owns, step=change), kind)


def _put(world: World, place: int, worker: Worker) -> World:
    one, other = world.workers
    return world._replace(workers=(worker, other) if place == 0 else (one, worker))


def _leave(world: World, post: Post) -> World:
    """Have Cal.com keep a POST that nobody waits for any more."""
    if not post.stage:
        return world
    return world._replace(posts=tuple(sorted((*world.posts, post))))
