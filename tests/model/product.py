"""What the product does, asked of the product: its own attempt runs on the models' rows, and each answer is dealt.

An attempt is run from its beginning with the answers that it was given so far. Where it asks for one that has not been
dealt, it stops there, and its question is what the model answers next: as many times as there are answers. So nothing
of `tasks/attempts/` or `tasks/work/decisions.py` is written twice.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

from db.appointments import others
from db.appointments.appointment import Appointment
from db.appointments.event_types import EventType
from resilience.circuit_breaker.types import Denied, Reason, State
from resilience.retry_policy import RetryPolicy
from tasks.attempts import attempt, cases, evidence, inquiry, other_rows, outcome
from tasks.calcom.slots import Slot
from tasks.dependencies import Timings
from tasks.guarded_calls import event_type_lookup
from tasks.guarded_calls.calls import NotNow
from tasks.work import decisions
from tasks.work.claim import LeaseLost
from tasks.work.moves import Move, Proceed
from tests.model.dealt import LOOKUP_RESULTS, NAMED, NAMES, RARE_REPLIES, REPLIES, KnownType, event_type
from tests.model.rows import Change, Row, appointment, change

SETTLE, SETTLE_ANSWERED = 3, 1  # ticks; a tick is a second to the product
# One retry is as good as three here, and so is one look before the settle time.
TIMINGS = Timings(
    deadline=1, margin=0.5, settle_unanswered=SETTLE, settle_answered=SETTLE_ANSWERED, open=1, lead=1, max_age=900
)
_DEPS = SimpleNamespace(
    timings=TIMINGS,
    autocommit=SimpleNamespace(connect=nullcontext),
    policy=RetryPolicy(jitter=0, max_attempts=1, per_error={}),
    breaker=SimpleNamespace(held_work=SimpleNamespace(turned_out=lambda *_, **__: None)),  # it decides no move
    calcom=SimpleNamespace(key_fingerprint="key", settings_fingerprint="settings"),
)

Script = tuple[Any, ...]
Cell = tuple[Any, ...]


class Turn(NamedTuple):
    """Where an attempt stands: the row that it holds, what it may post, and what it was answered since."""

    row: Row
    near: bool = False  # whether the row's start is within the lead
    allowed: Proceed | None = None  # once nothing stands against a POST but the breaker and the limit
    answers: Script = ()
    young: bool = False  # requested so lately that Cal.com's own errors are spared

    def then(self, answer: object) -> "Turn":
        """Return the attempt after one more answer."""
        return Turn(self.row, self.near, self.allowed, (*self.answers, answer), self.young)


class Asked(NamedTuple):
    """The question at which an attempt stops; `of` is what it asks about."""

    what: str
    of: Any = None
    allowed: Proceed | None = None


class Answered(NamedTuple):
    """The answer to a POST: the name of a reply, and how long ago its first byte was sent (None: none was)."""

    reply: str
    sent_ago: int | None = None


class AttemptResult(NamedTuple):
    """What an attempt does next, and the cells of the rule that it has read on the way."""

    next: Asked | Change | None  # None: it writes nothing
    cells: frozenset[Cell]


class _Stop(BaseException):  # not an Exception: nothing of the product may take it for a failure
    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.what)
        self.asked = asked


_own_before_post, _own_post = attempt.before_post, attempt.post


def _before_post(asked: inquiry.Inquiry) -> Move | Proceed:
    """Go on where the turn stands."""
    allowed: Proceed | None = _running.allowed
    return _own_before_post(asked) if allowed is None else allowed


def _post(asked: inquiry.Inquiry, allowed: Proceed) -> Move:
    _running.allowed = allowed
    return _own_post(asked, allowed)


class Dealt:
    """A claim, and the calls made under it, whose answers are dealt."""

    deps = _DEPS
    released, backlog, no_access, seats_given_up = False, None, None, False

    def __init__(self, turn: Turn) -> None:
        self.row = appointment(turn.row, near=turn.near, young=turn.young)
        self.now = 0.0
        self.clock = lambda: self.now
        self.pause = None
        self.allowed = turn.allowed
        self.near, self.young = turn.near, turn.young
        self.answers = iter(turn.answers)
        self.called = turn.allowed is not None

    def ask(self, what: str, of: object = None) -> Any:
        """Return the next answer, or stop where none was dealt."""
        for answer in self.answers:
            return answer
        raise _Stop(Asked(what, of, self.allowed))

    # -- the claim

    def renew(self, **changes: Any) -> Appointment:
        """Read the row as the model has it by now."""
        told = self.ask("renew", tuple(sorted(changes.items(), key=lambda one: one[0])))
        if told is None:
            raise LeaseLost
        self.row = appointment(told, near=self.near, young=self.young)
        return self.row

    def first_byte_at(self, _called_at: float) -> float:
        """Return now: it may be sent."""
        return self.now

    # -- its calls

    def call(self, what: str, of: object = None) -> Any:
        """Renew the claim before each call but the first, as `tasks.guarded_calls` does."""
        if self.called:
            self.renew()
        self.called = True
        told = self.ask(what, of)
        if isinstance(told, Denied):
            raise NotNow(told)
        return told

    def permit_post(self, _item: int | None) -> Any:
        """Permit the POST, unless it is denied."""
        self.called = True
        reason = self.ask("permit")
        return SimpleNamespace(probe=False) if reason is None else Denied(reason, 1.0, State.OPEN, 0)

    def post(self, _permit: object, _row: object, may_send: Callable[[], bool]) -> Any:
        """Answer the POST."""
        told: Answered = self.ask("post")
        if told.sent_ago is not None:
            may_send()
            self.now += told.sent_ago
        may_go = not self.ask("shut")
        return SimpleNamespace(
            reply=(REPLIES.get(told.reply) or RARE_REPLIES[told.reply]),
            probe=False,
            recorded=SimpleNamespace(may_go=may_go, others_go=False),  # asked of changes alone
        )

    def give_up(self, _permit: object) -> None:
        """Do nothing: no place is counted."""

    def booking(self, uid: str) -> Any:
        """Show a booking by its uid."""
        return NAMED[self.call("named", uid)]

    def booking_of_seat(self, _uid: str) -> Any:
        """Show another booking."""
        return NAMED[self.call("named", "other")]


_running: Dealt
_cells: set[Cell] = set()


def _seen(told: str | Reason) -> Any:
    if isinstance(told, Reason):  # the list's own breaker is open, and the service lives
        raise NotNow(Denied(told, 1.0, State.CLOSED, 0))
    return LOOKUP_RESULTS[told]


def _deciding_lookup(*_: Any, **__: Any) -> Any:
    return _seen(_running.call("list"))


def _lookup(*_: Any, **__: Any) -> Any:
    return _seen(_running.call("look"))


def _known(*_: Any) -> EventType | None:
    told = _running.ask("known")
    return None if told is None else event_type(told)


def _lately(*_: Any, since: Any) -> EventType | None:  # noqa: ARG001 - the model knows which readings began after it
    told = _running.ask("lately")
    return None if told is None else event_type(told)


def _ask(*_: Any, stranger: bool = False) -> EventType:
    told = _running.call("type", stranger)
    if not isinstance(told, KnownType):
        raise event_type_lookup.NotAskedError(REPLIES[told or "503"])
    return event_type(told)


def _recent(*_: Any) -> EventType:
    told = _known()
    return told if told is not None and not told.deleted else _ask()


def _slots(*_: Any) -> Slot:
    return Slot(_running.call("slots"))


_before_lookup, _after_absence, _after_evidence, _after_refusal = (
    evidence.before_lookup,
    evidence.after_absence,
    evidence.after_evidence,
    evidence.after_refusal,
)


def _unseen(case: evidence.Case) -> evidence.Act:
    act = _before_lookup(case)
    _cells.add(("unseen", case.kind, act))
    return act


def _absence(case: evidence.Case) -> evidence.Act:
    act = _after_absence(case)
    _cells.add(("absence", case.kind, case.sight, case.ended, act))
    return act


def _evidence(kind: evidence.EventKind, reply: Any, **more: Any) -> evidence.Act:
    act = _after_evidence(kind, reply, **more)
    _cells.add(("evidence", kind, NAMES[id(reply)], act))
    return act


def _refusal(reply_kind: Any, kind: evidence.EventKind, *, recurs: bool, **more: Any) -> evidence.Refused:
    may = _after_refusal(reply_kind, kind, recurs=recurs, **more)
    _cells.add(("refusal", kind, recurs, reply_kind, may))
    return may


_DEALT: dict[tuple[ModuleType, str], Any] = {
    (inquiry, "deciding_lookup"): _deciding_lookup,
    (inquiry, "lookup"): _lookup,
    (inquiry, "ask_slots"): _slots,
    (inquiry, "shows_another"): lambda *_: _running.call("another"),
    (inquiry, "read_bookings"): lambda shown: shown,
    (other_rows, "read_bookings"): lambda shown: shown,
    (inquiry, "before_lookup"): _unseen,
    (inquiry, "after_absence"): _absence,
    (inquiry, "after_evidence"): _evidence,
    (inquiry, "after_refusal"): _refusal,
    (cases, "SLOTS_KEPT"): 0,
    (inquiry, "SLOTS_KEPT"): 0,
    (event_type_lookup, "known"): _known,
    (event_type_lookup, "lately"): _lately,
    (event_type_lookup, "user"): lambda *_, **__: None,
    (event_type_lookup, "ask"): _ask,
    (event_type_lookup, "recent"): _recent,
    (event_type_lookup, "deleted"): lambda *_: None,
    (event_type_lookup, "learn_id"): lambda *_: None,
    (event_type_lookup, "was_here"): lambda *_: _running.ask("was here"),
    (others, "seat_before"): lambda *_: "seat" if _running.ask("seated") else None,
    (others, "was_booked_before"): lambda *_: _running.ask("before"),
    (attempt, "GuardedCalls"): lambda *_, **__: _running,
    (attempt, "before_post"): _before_post,
    (attempt, "post"): _post,
    (outcome, "LOOKUPS"): 1,
    (outcome, "LOOKUPS_IN_ALL"): 1,
}


def _beside_seats(claim: Dealt, rules: decisions.BookingDecisions) -> Move | None:
    unclear = claim.ask("beside")
    return None if unclear is None else rules.beside_seats(claim.row, unclear=unclear)


_attempts: dict[Turn, AttemptResult] = {}
_turns: list[Turn] = []
_numbers: dict[Turn, int] = {}


def number(turn: Turn) -> int:
    """Return a number that stands for a turn, so that states with it are small and have an order."""
    found = _numbers.setdefault(turn, len(_turns))
    if found == len(_turns):
        _turns.append(turn)
    return found


def turn(number: int) -> Turn:
    """Return the turn of a number."""
    return _turns[number]


def forget() -> None:
    """Forget what the product has done: a rule of it was changed."""
    _attempts.clear()


def ask(turn: Turn) -> AttemptResult:
    """Run the product's attempt as far as it was answered, and return what it does next."""
    attempted = _attempts.get(turn)
    if attempted is None:
        attempted = _attempts[turn] = _run(turn)
    return attempted


@contextmanager
def dealt() -> Iterator[None]:
    """Have what the product asks for answered by the model until the block ends; a search does so once for all runs."""
    if attempt.post is _post:  # they are, already
        yield
        return
    before = {place: getattr(*place) for place in _DEALT}
    try:
        for (module, name), answer in _DEALT.items():
            setattr(module, name, answer)
        yield
    finally:
        for (module, name), own in before.items():
            setattr(module, name, own)


@contextmanager
def in_earnest(retries: int) -> Iterator[None]:
    """Deal as `dealt` does, with as many lookups, and so many retries, as a real run has: no search, but a walk."""
    looks = {name: getattr(decisions, name) for name in ("LOOKUPS", "LOOKUPS_IN_ALL")}
    policy = RetryPolicy(jitter=0, max_attempts=retries, per_error={})
    forget()
    with ExitStack() as stack:
        stack.enter_context(dealt())
        stack.enter_context(patch.multiple(outcome, **looks))
        stack.enter_context(patch.object(_DEPS, "policy", policy))
        stack.enter_context(patch.object(Dealt, "seats_given_up", new=True))
        stack.enter_context(patch.object(other_rows, "beside_seats", _beside_seats))
        yield
    forget()


def attempted(claim: Dealt) -> Move | None:
    """Run the product's attempt at a claim, and return its move."""
    global _running  # noqa: PLW0603 - one attempt at a time
    _running = claim
    return attempt.attempt(claim).move  # type: ignore[arg-type]


def _run(turn: Turn) -> AttemptResult:
    _cells.clear()
    with dealt():
        try:
            move = attempted(Dealt(turn))
            return AttemptResult(None if move is None else change(move), frozenset(_cells))
        except _Stop as stop:
            return AttemptResult(stop.asked, frozenset(_cells))
