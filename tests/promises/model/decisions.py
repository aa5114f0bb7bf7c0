"""What the product decides, asked of the product: `tasks.life.Rules` on the rows of the model."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from math import ceil
from types import MappingProxyType
from typing import Any
from unittest.mock import patch
from uuid import UUID

from db.appointment import Appointment
from db.lifecycle import HoldReason, Status
from resilience.permit import Reason
from resilience.retry_policy import RetryPolicy
from tasks import life
from tasks.calcom.look import Sighting, SightingKind, Slot
from tasks.calcom.meaning import ErrorType, Meaning, Reply, Settle, Verdict
from tasks.parts import Terms
from tasks.steps import In, Next, Post, confirmed
from tests.promises.model.state import LEASE, SETTLE, SETTLE_ANSWERED, Change, Row

NOW = datetime(2030, 3, 1, 9, tzinfo=UTC)
# A tick is one second to the product. One retry is as good as three here.
_TERMS = Terms(deadline=1, margin=LEASE - 1, settle_unanswered=SETTLE, settle_answered=SETTLE_ANSWERED, open=1)
RULES = life.Rules(RetryPolicy(jitter=0, max_attempts=1, per_error={}), _TERMS, key="key", settings="settings")

REPLIES: Mapping[str, Reply] = MappingProxyType(
    {
        name: Reply(meaning=meaning, verdict=Verdict.IGNORED, error_type=error, **more)
        for name, meaning, error, more in (
            ("201", Meaning.BOOKED, ErrorType.NONE, {"uid": "uid"}),
            ("500", Meaning.UNKNOWN, ErrorType.HTTP_500, {"settle": Settle.ANSWERED}),
            ("503", Meaning.UNKNOWN, ErrorType.HTTP_503, {"settle": Settle.NONE}),
            ("no answer", Meaning.UNKNOWN, ErrorType.TIMEOUT, {"settle": Settle.UNANSWERED}),
            ("no connection", Meaning.NOT_SENT, ErrorType.CONNECT, {}),
            ("a refused key", Meaning.CREDENTIALS, ErrorType.CREDENTIALS, {}),
            ("taken", Meaning.TAKEN, ErrorType.TAKEN, {"ask_slots": True}),
            ("refused", Meaning.REFUSED, ErrorType.REFUSED, {}),
        )
    }
)
LOOKS = (
    1  # before a row waits for its settle time, and twice that where its slot is gone; the product's three are longer
)
# Columns of a step that decide nothing later, or not in a world without clocks.
_PASSED_OVER = frozenset(
    {
        "held_for",
        "hold_until",
        "next_attempt_at",
        "last_error",
        "resilience_strategy",
        "circuit_breaker_open_at_booking",
        "calcom_seat_uid",
        "probe_failures",
    }
)


def before_post(row: Row, *, near: bool) -> Change | None:
    """Return the end of a row that must not be posted any more; None: it may be."""
    return _before_post(row, near)


def denied(row: Row, reason: Reason, *, known: bool, retry: bool) -> Change:
    """Return the hold of a booking that the breaker or the limit does not let go."""
    return _denied(row, reason, known, retry)


def late_answer() -> Change:
    """Return the move of a row that carries a uid when it is claimed."""
    return _LATE


def too_old() -> Change:
    """Return the move of a claim that is too old to send (tasks/attempt.py)."""
    return Change(Status.RETRYING, (("lost", 0), ("reason", "")))


@cache
def behind_others(row: Row) -> Change:
    """Return the hold of a booking that must not overtake."""
    return _change(RULES.behind_others(_appointment(row), HoldReason.BREAKER_OPEN))


@cache
def after_post(row: Row, reply: str, sent_ago: int) -> tuple[Change, ...]:
    """Return the moves that may follow `reply`: what the slots say, and whether the breaker is open by now, vary."""
    appointment, said = _appointment(row), REPLIES[reply]
    if said.meaning is Meaning.TAKEN and not row.sent:  # tasks/attempt.py asks the second witness
        steps = [RULES.taken(appointment, said, slot) for slot in Slot]
    else:
        steps = [RULES.after_post(appointment, said, sent_ago=sent_ago)]
    return _open_or_not(appointment, steps)


@cache
@patch.object(life, "LOOKS", LOOKS)
def after_look(row: Row, seen: SightingKind, failure: str, settled_in: int, visible: bool) -> tuple[Change | None, ...]:  # noqa: FBT001
    """Return the moves that may follow a look; None: it may be posted now, at the price of a retry."""
    appointment = _appointment(row)
    sighting = Sighting(kind=seen, uid="uid", reply=REPLIES[failure] if failure else None)
    slots = tuple(Slot) if seen is SightingKind.ABSENT and visible else (Slot.UNASKED,)
    steps = [
        RULES.after_look(appointment, sighting, settled_in=settled_in, visible=visible, slot=slot) for slot in slots
    ]
    free: tuple[Change | None, ...] = (None,) if any(isinstance(step, Post) for step in steps) else ()
    return free + _open_or_not(appointment, [step for step in steps if isinstance(step, Next)])


@cache
def _before_post(row: Row, near: bool) -> Change | None:  # noqa: FBT001
    step = RULES.before_post(_appointment(row), starts_in=0.0 if near else 1e6)
    return None if isinstance(step, Post) else _change(step)


@cache
def _denied(row: Row, reason: Reason, known: bool, retry: bool) -> Change:  # noqa: FBT001
    return _change(RULES.not_now(_appointment(row), reason, known=known, retry=retry))


def _open_or_not(appointment: Appointment, steps: list[Next]) -> tuple[Change, ...]:
    found = dict.fromkeys(_change(step) for step in steps)
    for step in steps:
        found[_change(RULES.instead_of_retry(appointment, step, shut=True, probe_failed=False, blame=False))] = None
    return tuple(found)


def _change(step: Next) -> Change:
    """Keep of a step what the model knows; a column that it has never heard of is an error."""
    sets: dict[str, Any] = {"lost": 0, "reason": ""}  # what tasks/attempt.py and db/moves.py add
    for name, value in step.changes.items():
        match name:
            case "hold_reason":
                sets["reason"] = value
            case "outcome_unknown":
                sets["unknown"] = value
            case "sent_at":
                sets["sent"] = True
            case "settle_at":
                sets["settle"] = max(0, ceil(value.seconds)) if isinstance(value, In) else 0
            case "looks":
                sets["looks"] = value
            case "retry_count":
                sets["retries"] = value
            case "error_type":
                sets["error"] = ErrorType.TIMEOUT if value in life.OUTAGE else value or ""  # one outage is as another
            case "refusal":
                sets["refusal"] = value["meaning"] if value else ""
            case "calcom_booking_uid":
                sets["uid"] = True
            case _ if name not in _PASSED_OVER:
                raise LookupError(f"the model does not know what {name} means")
    return Change(step.to, tuple(sorted(sets.items())))


def _appointment(row: Row) -> Appointment:
    return Appointment(
        **_REQUEST,
        status=Status.BOOKING,
        leases_lost=row.lost,
        outcome_unknown=row.unknown,
        sent_at=NOW if row.sent else None,
        looks=row.looks,
        refusal={"meaning": row.refusal, "message": "", "uid": None} if row.refusal else None,
        cancel_requested=row.cancel,
        calcom_booking_uid="uid" if row.uid else None,
        error_type=row.error or None,
        retry_count=row.retries,
    )


_TEXT = ("idempotency_key", "payload_hash", "correlation_id", "task_id", "attendee_name", "attendee_time_zone")
_ABSENT = (
    "claim_token", "lease_expires_at", "enqueued_at", "next_attempt_at", "settle_at", "hold_reason", "held_at",
    "hold_until", "held_for", "calcom_seat_uid", "last_error", "circuit_breaker_open_at_booking", "resilience_strategy",
)  # fmt: skip
_REQUEST: dict[str, Any] = {
    "id": 1,
    "uuid": UUID(int=1),
    "key_derived": False,
    **dict.fromkeys(_TEXT, "x"),
    **dict.fromkeys(_ABSENT),
    **dict.fromkeys(("resends", "posts", "probe_failures"), 0),
    **dict.fromkeys(("start_at", "requested_at", "created_at", "updated_at"), NOW),
}
_LATE = _change(confirmed("uid", None, "a late answer"))
