"""What the product does with a change, asked of the product: its own attempt runs, and each answer is dealt.

As `tests.model.product` does it for a booking: an attempt is run from its beginning with the answers that it was given
so far, and stops at the first that was not dealt. So nothing of `tasks/changes/` is written twice.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from db.appointments.appointment import Appointment
from db.appointments.there.places import BookedThere
from db.changes.change import BookingChange
from db.connection import FromNow
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.changes import ChangeKind, SeriesScope
from resilience.circuit_breaker.types import Denied
from resilience.retry_policy import RetryPolicy
from tasks.changes import attempt, inquiry, post, questions
from tasks.changes.lookup import ChangeLook
from tasks.guarded_calls.calls import NotNow
from tasks.guarded_calls.event_type_lookup import NotAskedError
from tasks.work.decisions import BookingDecisions
from tests.model.dealt import REPLIES
from tests.model.product import TIMINGS, Asked, Script
from tests.model.rows import FAR, LONG_AGO, NOW, Row, appointment

if TYPE_CHECKING:
    from tasks.work.moves import Move
    from tests.model.changes.replies import Replied

THERE = BookedThere("there")


class ChangeRow(NamedTuple):
    """The columns of `booking_changes` that decide anything; moments are ticks from now, and as `rows.Row` has them."""

    status: ChangeStatus
    is_move: bool = False
    of_seat: bool = False
    of_series: bool = False
    of_part: bool = False  # of a series: some weeks
    reason: str = ""
    unknown: bool = False
    settle: int = 0
    ends: int | None = None  # None: it was never set
    moved: bool = False  # may_have_moved
    posts: int = 0
    looks: int = 0
    retries: int = 0
    error: str = ""
    refusal: str = ""
    named: int = 0  # weeks of a series that a POST has named
    lost: int = 0


class Around(NamedTuple):
    """What else an attempt finds: its booking, and how the times are."""

    booked: bool = True  # its booking is confirmed
    elsewhere: bool = False  # and has another uid by now
    there_already: bool = False  # at the wanted start
    over: bool = False
    young: bool = False  # known there so lately that a replica may not show it
    near: bool = False  # the wanted start is within the lead
    waited: bool = False
    behind: bool = False  # older bookings or changes wait


class ChangeTurn(NamedTuple):
    """Where an attempt stands."""

    row: ChangeRow
    around: Around
    answers: Script = ()

    def then(self, answer: object) -> "ChangeTurn":
        """Return the attempt after one more answer."""
        return ChangeTurn(self.row, self.around, (*self.answers, answer))


class _Stop(BaseException):
    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.what)
        self.asked = asked


class Dealt:
    """A claimed change, and the calls made under it, whose answers are dealt."""

    released, no_access = False, None
    deps = SimpleNamespace(timings=TIMINGS)
    answered_at = 0

    def __init__(self, turn: ChangeTurn) -> None:
        self.model, self.around = turn.row, turn.around
        self.answers = iter(turn.answers)
        self.booking = _booking(turn.row, turn.around)
        self.row = _change(turn.row, turn.around)
        self.backlog = HoldReason.BREAKER_OPEN if turn.around.behind else None
        self.clock = lambda: 0.0

    def ask(self, what: str, of: object = None) -> Any:
        """Return the next answer, or stop where none was dealt."""
        for answer in self.answers:
            if isinstance(answer, Denied) and what != "permit":
                raise NotNow(answer)
            return answer
        raise _Stop(Asked(what, of))

    def renew(self, **changes: Any) -> BookingChange:
        """Write columns into the row of the model."""
        self.model = written(self.model, changes)
        self.row = _change(self.model, self.around)
        return self.row

    def first_byte_at(self, _called_at: float) -> float:
        """Return now: it may be sent."""
        return 0.0

    def permit_post(self, **_: Any) -> Any:
        """Permit the POST, unless it is denied."""
        denied = self.ask("permit")
        return SimpleNamespace(probe=False) if denied is None else denied

    def give_up(self, _permit: object) -> None:
        """Do nothing: no place is counted."""


_running: Dealt


def _call(_attempt: object, _permit: object, _uid: str, may_send: Any, **_: Any) -> Any:
    told: Replied = _running.ask("post")
    if told.sent:
        may_send()
    may_go = not _running.ask("shut")
    others_go = not may_go and _running.ask("others go")
    return SimpleNamespace(reply=told.reply, probe=False, recorded=SimpleNamespace(may_go=may_go, others_go=others_go))


def _look(*_: Any, **__: Any) -> ChangeLook:
    look: ChangeLook = _running.ask("look", _running.model)
    return look


def _not_asked(what: str) -> Any:
    """Return what was told, or say that Cal.com has not: by the name of a reply."""
    told = _running.ask(what)
    if isinstance(told, str):
        raise NotAskedError(REPLIES[told])
    return told


@cache
def _booking(row: ChangeRow, around: Around) -> Appointment:
    known = appointment(Row(Status.CONFIRMED, uid=True))
    start = NOW - LONG_AGO if around.over else NOW + FAR / 2
    return replace(
        known,
        status=Status.CONFIRMED if around.booked else Status.CANCELLED,
        calcom_booking_uid="elsewhere" if around.elsewhere else "uid",
        calcom_seat_uid="seat" if row.of_seat else None,
        series_uid="uid" if row.of_series else None,
        start_at=start - LONG_AGO if around.over else start,
        booked_start_at=_wanted(around) if around.there_already else None,
        updated_at=NOW if around.young else NOW - LONG_AGO,
        end_at=None,
        length_in_minutes=None,
    )


def _wanted(around: Around) -> Any:
    return NOW if around.near else NOW + FAR


@cache
def _change(row: ChangeRow, around: Around) -> BookingChange:
    def at(ticks: int | None) -> Any:
        return None if ticks is None else NOW + timedelta(seconds=ticks)

    return BookingChange(
        **_REQUEST,
        kind=ChangeKind.RESCHEDULE if row.is_move else ChangeKind.CANCEL,
        status=ChangeStatus.CHANGING,
        start_at=_wanted(around) if row.is_move else NOW + FAR,
        scope=SeriesScope.ONE if row.of_part else None,
        week=NOW + FAR if row.of_part else None,
        from_seat_uid="seat" if row.of_seat else None,
        leases_lost=row.lost,
        outcome_unknown=row.unknown,
        settle_at=at(row.settle),
        ends_at=at(row.ends),
        looks=row.looks,
        posts=row.posts,
        retry_count=row.retries,
        may_have_moved=row.moved,
        refusal=row.refusal or None,
        weeks_named=[f"week {n}" for n in range(row.named)],
        error_type=row.error or None,
        requested_at=NOW - (LONG_AGO if around.waited else timedelta()),
    )


_TEXT = ("service", "reason", "asked_by", "via", "correlation_id", "task_id")
_ABSENT = (
    "to_uid", "to_seat_uid", "claim_token", "lease_expires_at", "enqueued_at", "next_attempt_at", "hold_reason",
    "held_at", "hold_until", "held_for", "last_error", "late_look_at", "resilience_strategy",
)  # fmt: skip
_REQUEST: dict[str, Any] = {
    **dict.fromkeys(("id", "appointment_id", "account_id"), 1),
    **dict.fromkeys(_TEXT, "x"),
    **dict.fromkeys(_ABSENT),
    **dict.fromkeys(("line_at", "updated_at"), NOW),
    "from_uid": "uid",
    "probe_failures": 0,
}
_PASSED_OVER = frozenset(
    {
        "askable_since", "evidence_posts", "resilience_strategy", "circuit_breaker_open_at_booking", "last_error",
        "next_attempt_at", "hold_until", "held_for", "to_uid", "to_seat_uid", "from_uid", "from_seat_uid",
        "probe_failures", "sent_at", "late_look_at",
    }
)  # fmt: skip
_NAMES = {
    "outcome_unknown": "unknown", "may_have_moved": "moved", "posts": "posts", "looks": "looks",
    "retry_count": "retries",
}  # fmt: skip


def written(row: ChangeRow, columns: dict[str, Any]) -> ChangeRow:
    """Return a row with these columns; one that the model has never heard of is an error."""
    for name, value in columns.items():
        if name in _PASSED_OVER:
            continue
        if name in _NAMES:
            row = row._replace(**{_NAMES[name]: value})
        elif name in ("settle_at", "ends_at"):
            ticks = round(value.seconds) if isinstance(value, FromNow) else None
            row = row._replace(settle=ticks or 0) if name == "settle_at" else row._replace(ends=ticks)
        elif name in ("refusal", "error_type", "hold_reason"):
            told: dict[str, Any] = {{"hold_reason": "reason", "error_type": "error"}.get(name, name): value or ""}
            row = row._replace(**told)
        elif name == "weeks_named":
            row = row._replace(named=len(value))
        else:
            raise LookupError(f"the model does not know what {name} means")
    return row


@contextmanager
def dealt(retries: int) -> Iterator[None]:
    """Have what the product asks for answered by the walk until the block ends, with so many retries."""
    types = SimpleNamespace(recent=lambda *_: _not_asked("type"), NotAskedError=NotAskedError)
    rules = BookingDecisions(RetryPolicy(jitter=0, max_attempts=retries, per_error={}), TIMINGS, "key", "settings")
    with ExitStack() as stack:
        for owner, name, answer in (
            (attempt, "means_of", lambda *_: (_running, rules)),
            (post, "_call", _call),
            (inquiry, "look_at_change", _look),
            (inquiry, "shows_another", lambda *_: _running.ask("another")),
            (inquiry, "booked_there", lambda *_: THERE),
            (questions, "is_full", lambda *_: _running.ask("full")),
            (questions, "meets_seats", lambda *_: _running.ask("beside")),
            (questions, "slot_at", lambda *_: _running.ask("slots")),
            (questions, "listed", lambda *_: _not_asked("listed")),
            (attempt, "event_type_lookup", types),
        ):
            stack.enter_context(patch.object(owner, name, answer))
        ask.cache_clear()
        yield
    ask.cache_clear()


def attempted(claim: Dealt) -> "Move | None":
    """Run the product's attempt at a claimed change, and return its move."""
    global _running  # noqa: PLW0603 - one attempt at a time
    _running = claim
    return attempt.attempt_change(claim).move  # type: ignore[arg-type]


@cache
def ask(turn: ChangeTurn) -> Asked | ChangeRow | None:
    """Run the product's attempt as far as it was answered; return its question, or the row that it writes."""
    claim = Dealt(turn)
    try:
        move = attempted(claim)
    except _Stop as stop:
        return stop.asked
    if move is None:
        return None
    row = written(claim.model._replace(reason="", lost=0), dict(move.columns))
    return row._replace(status=ChangeStatus(move.to.value))
