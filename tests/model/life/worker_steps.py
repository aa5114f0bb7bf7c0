"""What a worker can do next: the product's own attempt, cut wherever another process may come between.

The event type and the Cal.com that are dealt spare nothing: each POST that arrives books, and no second one is ever
evidence. So all that keeps two apart is the row, the lease, the look and its time.
"""

from collections.abc import Iterator
from typing import Any

from db.event_kind import EventKind
from db.lifecycle import HoldReason, Status
from resilience.circuit_breaker.types import Reason
from tasks.work.moves import Proceed as Allowed
from tests.model import product
from tests.model.dealt import KnownType
from tests.model.life.state import LEASE, NO_POST, NOBODYS, Phase, Post, Rules, Stage, Worker, World
from tests.model.product import Answered, Asked, Turn
from tests.model.rows import CLAIMABLE, Change, Row, moved, renamed
from tests.model.search import Kind, Step

DENIALS = (Reason.BREAKER_OPEN, Reason.CREDENTIALS)  # our own limit holds and is released as the breaker is
BLAMELESS = Turn(Row(Status.BOOKING), False, Allowed(), (None,))  # about to post, in a row that is not its own any more
NOT_BOOKED = frozenset(
    {Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED}
)  # see db/appointments/moves.py
# BookingDecisions.behind_others: in line, which is held as those before it are.
BEHIND = Change(Status.HELD, (("lost", 0), ("reason", HoldReason.BREAKER_OPEN)))
Ended = tuple[str, Kind, Turn | Change | None]


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
        if row.status in CLAIMABLE:
            moved(row, Status.BOOKING)
        others = tuple(one._replace(owns=False) for one in world.workers)
        self.world = taken._replace(row=claimed, workers=others)
        self.me = Worker(owns=True)
        yield from self._begin(claimed._replace(lease=0, reason=""))

    def _begin(self, row: Row) -> Iterator[Step]:
        if not self.rules.looks_before_post:
            row = row._replace(unknown=False)
        if not self.rules.waits_for_the_end:
            row = row._replace(settle=0, ends=0)
        if row.unknown and not row.uid:
            when = "its end has come" if not row.ends else "not settled yet" if row.settle else "settled"
            yield self._at(f"{{}} claims it, to look ({when})", Phase.LOOK, Turn(row))
            return
        for near in (False, True):
            for text, kind, ended in self._ends(Turn(row, near)):
                if near and isinstance(ended, Turn):
                    continue  # the same as when it is not near
                fault = Kind.FAULT if near else kind
                yield self._went("{} claims it" + (", near its time" if near else "") + text, fault, ended)
        if not row.unknown:
            yield self._decide("{} claims it; others wait", BEHIND, Kind.FAULT)

    # -- its own attempt, as far as nobody may come between ----------------------------------------------------------

    def _ends(self, turn: Turn, text: str = "", kind: Kind = Kind.FAIR) -> Iterator[Ended]:
        """Yield how the attempt goes on until its POST, its renewal before that, or its move."""
        asked = product.ask(turn).next
        if not isinstance(asked, Asked):
            yield text, kind, asked
        elif asked.what == "post" or (asked.what == "renew" and turn.allowed is not None and len(turn.answers) == 1):
            yield text, kind, turn
        elif asked.what == "renew":
            row = self.world.row._replace(lease=0) if self._ours() else None
            yield from self._ends(turn.then(row), text, kind)
        else:
            for words, fault, answer in self._answers(asked):
                then = turn.then(answer)
                if asked.what == "permit":
                    row = turn.row if turn.allowed is not None or not turn.answers else self.world.row._replace(lease=0)
                    then = Turn(row, turn.near, asked.allowed, (answer,))
                yield from self._ends(then, text + words, Kind.FAULT if fault else kind)

    def _answers(self, asked: Asked) -> Iterator[tuple[str, bool, Any]]:
        sees = self.world.sees
        match asked.what:
            case "permit":
                yield "", False, None
                for reason in DENIALS:
                    yield f"; a POST is not allowed ({reason})", True, reason
            case "shut":
                yield "", False, False
                yield "", True, True
            case "known" | "type":
                yield "", False, KnownType(EventKind.OTHER, sight=sees or not self.rules.blind_key_holds)
            case "lately":
                yield "", False, None
            case "look" | "list":
                listed = [post.stage for post in self.world.everything_sent() if sees]
                gone = "cancelled" if Stage.CANCELLED in listed else "absent"
                yield from ((f": {seen}", False, seen) for seen in ["found" if Stage.LISTED in listed else gone])
                for seen in "503", "a refused key":
                    yield f": {seen}", True, seen
                yield ": it is not allowed", True, Reason.BREAKER_OPEN
            case "slots":
                yield from (("", False, slot) for slot in ("offered", "gone", "unproven", "unasked"))

    def _went(self, text: str, kind: Kind, ended: Turn | Change | None) -> Step:
        match ended:
            case None:
                return self._to(f"{text}; it finds its claim lost", Worker(), kind)
            case Change():
                return self._decide(f"{text}: {ended.to}", ended, kind)
        if product.ask(ended).next == Asked("post", None, ended.allowed):
            return self._at(f"{text}, to post", Phase.POST, ended, kind, lease=LEASE)
        known = ended.allowed is not None and ended.allowed.known
        return self._at(f"{text}{', so not booked' if known else ''}, to post", Phase.RENEW, ended, kind)

    def _look(self) -> Iterator[Step]:
        for text, kind, ended in self._ends(product.turn(self.me.turn)):
            yield self._went("{} looks" + text, kind, ended)

    def _renew(self) -> Iterator[Step]:
        turn = product.turn(self.me.turn)
        if not self._ours():
            yield self._to("{} finds its claim lost", Worker())
            return
        asked = product.ask(turn).next
        assert isinstance(asked, Asked)
        row = self.world.row._replace(lease=LEASE)
        for name, value in asked.of:
            row = row._replace(**renamed(name, value))
        self.world = self.world._replace(row=row)
        turn = turn.then(row._replace(lease=0))
        text = "{} writes that nothing is booked" if not row.unknown else "{} extends its lease"
        for _, kind, ended in self._ends(turn):
            posts = isinstance(ended, Turn)
            yield self._at(text, Phase.POST, turn, lease=LEASE) if posts else self._went(text, kind, ended)

    # -- posting -----------------------------------------------------------------------------------------------------

    def _check(self) -> Iterator[Step]:
        me = self.me
        if me.lease or not self.rules.checks_lease:
            yield self._to("{} checks its lease: good", me._replace(phase=Phase.CHECKED, lease=0))
        else:
            yield from self._replied("{} checks its lease: too old to send", Answered("too old"), NO_POST, Kind.FAIR)
        yield from self._replied("{} gets no connection", Answered("no connection"), NO_POST, Kind.FAULT)

    def _answered(self) -> Iterator[Step]:
        post = self.me.post
        if post.stage == Stage.FLYING:
            for reply in "taken", "refused":
                yield from self._reply(reply, NO_POST, Kind.FAIR)
            yield from self._reply("500", NO_POST, Kind.FAULT)
            yield from self._replied(
                "Cal.com answers {}: a refused key", Answered("a refused key"), NO_POST, Kind.FAULT
            )
        else:
            yield from self._reply("201", post, Kind.FAIR)
            yield from self._reply("500", post._replace(left=0), Kind.FAULT)
        yield from self._reply("no answer", post, Kind.FAULT)

    def _reply(self, reply: str, post: Post, kind: Kind) -> Iterator[Step]:
        yield from self._replied(f"Cal.com answers {{}}: {reply}", Answered(reply, self.me.since), post, kind)

    def _replied(self, text: str, answer: Answered, post: Post, kind: Kind) -> Iterator[Step]:
        world = self.world
        turn = product.turn(self.me.turn)
        turn = (BLAMELESS if turn == product.turn(NOBODYS) else turn).then(answer)
        for _, fault, ended in self._ends(turn):
            self.world = _leave(world, post)
            assert not isinstance(ended, Turn)
            yield (
                self._to(text, Worker(), kind)
                if ended is None
                else self._decide(text, ended, fault if kind is Kind.FAIR else kind)
            )
            self.world = world

    # -- writing -----------------------------------------------------------------------------------------------------

    def _write(self) -> Iterator[Step]:
        row, change = self.world.row, self.me.step
        if self._ours() and row.uid and change.to in NOT_BOOKED and "uid" not in dict(change.sets):
            yield self._to("{} writes nothing: Cal.com's late answer has come", Worker())
        elif self._ours():
            row = moved(row, change.to, **dict(change.sets))
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
            self.world = self.world._replace(row=confirmed_late(row))
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

    def _at(self, text: str, phase: Phase, turn: Turn, kind: Kind = Kind.FAIR, *, lease: int = 0) -> Step:
        return self._to(text, Worker(phase, owns=self.me.owns, lease=lease, turn=product.number(turn)), kind)

    def _to(self, text: str, worker: Worker, kind: Kind = Kind.FAIR) -> Step:
        return Step(text, kind, _put(self.world, self.place, worker), self.place)

    def _decide(self, text: str, change: Change, kind: Kind = Kind.FAIR) -> Step:
        me = self.me
        return self._to(text, Worker(Phase.WRITE, owns=me.owns, step=change), kind)


_LATE = frozenset({Status.HELD, Status.FAILED, Status.REJECTED, Status.EXPIRED})


def confirmed_late(row: Row) -> Row:
    """Record a late answer as `late_answers` does: it confirms what waits for nobody, and what was told not booked."""
    if row.status in _LATE:
        return moved(row, Status.CONFIRMED, uid=True, unknown=False)
    return row._replace(uid=True)


def _put(world: World, place: int, worker: Worker) -> World:
    one, other = world.workers
    both = (worker, other) if place == 0 else (one, worker)
    return World(world.row, both, world.posts, world.message, world.sees)  # a third of the time of `_replace`


def _leave(world: World, post: Post) -> World:
    """Have Cal.com keep a POST that nobody waits for any more."""
    if not post.stage:
        return world
    return world._replace(posts=tuple(sorted((*world.posts, post))))
