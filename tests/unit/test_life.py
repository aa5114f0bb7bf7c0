"""What happens next to a booking, rule by rule (docs/calcom.md)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from db.appointment import Appointment
from db.lifecycle import MOVES, HoldReason, Status
from resilience.permit import Reason
from resilience.retry_policy import RetryPolicy, TransientErrors
from tasks.calcom.look import Sighting, SightingKind, Slot
from tasks.calcom.meaning import ErrorType, Meaning, Reply, Settle, Verdict
from tasks.life import Rules
from tasks.parts import Terms
from tasks.steps import In, Next, Post

Row = Callable[..., Appointment]
SENT = datetime(2030, 3, 1, tzinfo=UTC)
RULES = Rules(RetryPolicy(jitter=0), Terms(), key="key-1", settings="settings-1")


def reply(meaning: Meaning, error: ErrorType = ErrorType.NONE, **more: Any) -> Reply:
    """Say what Cal.com said."""
    return Reply(meaning=meaning, verdict=Verdict.IGNORED, error_type=error, **more)


def absent() -> Sighting:
    """See nothing of ours."""
    return Sighting(kind=SightingKind.ABSENT, uid=None, seat_uid=None, listed=False, reply=None)


def after_settled_look(row: Appointment, *, visible: bool = True, slot: Slot = Slot.UNPROVEN) -> Next | Post:
    """Decide after a settled look that found nothing."""
    return RULES.after_look(row, absent(), settled_in=0, visible=visible, slot=slot)


def test_a_booked_answer_confirms_with_its_uid(row: Row) -> None:
    """A 201 with our reference is the end, and the row knows the uid."""
    step = RULES.after_post(row(), reply(Meaning.BOOKED, uid="u1", seat_uid="s1", http_status=201), sent_ago=0.1)
    assert step.to is Status.CONFIRMED
    assert (step.changes["calcom_booking_uid"], step.changes["calcom_seat_uid"]) == ("u1", "s1")
    assert step.changes["outcome_unknown"] is False


@pytest.mark.parametrize(("used", "delay"), [(0, 1.0), (1, 2.0), (2, 4.0)])
def test_a_call_that_was_never_sent_is_tried_again_after_1_2_4_seconds(row: Row, used: int, delay: float) -> None:
    """Nothing was booked, so the next POST costs one retry and waits the policy's delay."""
    step = RULES.after_post(row(retry_count=used), reply(Meaning.NOT_SENT, ErrorType.CONNECT), sent_ago=0)
    assert (step.to, step.retry_in, step.changes["retry_count"]) == (Status.RETRYING, delay, used + 1)


def test_an_outage_fails_nobody(row: Row) -> None:
    """Retries used up on a refused connection hold the booking; they never fail it."""
    step = RULES.after_post(row(retry_count=3), reply(Meaning.NOT_SENT, ErrorType.CONNECT), sent_ago=0)
    assert (step.to, step.changes.get("hold_reason")) == (Status.HELD, HoldReason.UNREACHABLE)
    assert step.changes.get("hold_until") == In(Terms().open)


@pytest.mark.parametrize(("settle", "seconds"), [(Settle.UNANSWERED, 128), (Settle.ANSWERED, 5), (Settle.NONE, 0)])
def test_an_unknown_answer_is_looked_for_and_settles_from_when_cal_com_can_have_booked(
    row: Row, settle: Settle, seconds: float
) -> None:
    """Without an answer the settle time counts from the first byte; an answer says that Cal.com has ended just now."""
    step = RULES.after_post(row(), reply(Meaning.UNKNOWN, ErrorType.TIMEOUT, settle=settle), sent_ago=2.0)
    assert (step.to, step.changes["outcome_unknown"], step.retry_in) == (Status.RETRYING, True, 1.0)
    assert step.changes["settle_at"] == In(seconds)
    assert step.changes["sent_at"] == In(-2.0)
    assert "retry_count" not in step.changes


@pytest.mark.parametrize(
    ("meaning", "reason", "column", "value"),
    [
        (Meaning.CREDENTIALS, HoldReason.CREDENTIALS, "held_for", "key-1"),
        (Meaning.CONFIGURATION, HoldReason.CONFIGURATION, "held_for", "settings-1"),
    ],
)
def test_an_operators_error_or_a_limit_holds_and_costs_no_retry(
    row: Row, meaning: Meaning, reason: HoldReason, column: str, value: object
) -> None:
    """A revoked key, a wrong URL and a 429 hold the booking until what they wait for has changed."""
    step = RULES.after_post(row(), reply(meaning, retry_after=17.0), sent_ago=0)
    assert (step.to, step.changes.get("hold_reason"), step.changes.get(column)) == (Status.HELD, reason, value)
    assert "retry_count" not in step.changes


@pytest.mark.parametrize("meaning", [Meaning.ANOTHERS, Meaning.LIMIT, Meaning.REFUSED])
def test_a_refusal_is_believed_only_when_no_earlier_post_is_unknown(row: Row, meaning: Meaning) -> None:
    """What refuses us may be our own earlier booking: then the refusal is kept, and we look first."""
    first = RULES.after_post(row(), reply(meaning, uid="other", message="no"), sent_ago=0)
    later = RULES.after_post(row(sent_at=SENT), reply(meaning, uid="other", message="no"), sent_ago=0)
    assert first.to is Status.REJECTED
    assert (later.to, later.changes["settle_at"]) == (Status.RETRYING, In(5))
    assert later.changes["refusal"] == {"meaning": meaning, "message": "no", "uid": "other"}


@pytest.mark.parametrize(
    ("slot", "used", "to"),
    [
        (Slot.OFFERED, 0, Status.RETRYING),
        (Slot.GONE, 0, Status.REJECTED),
        (Slot.UNPROVEN, 0, Status.REJECTED),
        (Slot.UNASKED, 0, Status.RETRYING),
        (Slot.UNASKED, 3, Status.REJECTED),
    ],
)
def test_taken_is_believed_unless_cal_com_still_offers_the_slot(row: Row, slot: Slot, used: int, to: Status) -> None:
    """Row 9: the same words also stand for a fault of Cal.com's database or calendar, which the slots may share."""
    step = RULES.taken(row(retry_count=used), reply(Meaning.TAKEN, ErrorType.TAKEN, ask_slots=True), slot)
    assert step.to is to


@pytest.mark.parametrize(("blame", "reason"), [(False, HoldReason.BREAKER_OPEN), (True, HoldReason.SUSPECT)])
def test_an_outage_makes_nobody_suspect(row: Row, blame: bool, reason: HoldReason) -> None:  # noqa: FBT001 - a column
    """A third failed probe is the booking's own fault only when Cal.com was there to choke on it."""
    failed = RULES.after_post(row(), reply(Meaning.NOT_SENT, ErrorType.CONNECT), sent_ago=0)
    step = RULES.instead_of_retry(row(probe_failures=2), failed, shut=True, probe_failed=True, blame=blame)
    assert (step.to, step.changes.get("hold_reason")) == (Status.HELD, reason)
    assert "retry_count" not in step.changes


def test_a_denied_post_after_a_settled_look_keeps_what_the_look_showed(row: Row) -> None:
    """Nothing is booked, and the POST to come costs its retry; the hold itself costs none."""
    step = RULES.not_now(row(outcome_unknown=True, retry_count=1), Reason.THROTTLED, known=True, retry=True)
    assert (step.to, step.changes["outcome_unknown"], step.changes["retry_count"]) == (Status.HELD, False, 2)


def test_a_booking_that_cannot_be_looked_at_leaves_the_line() -> None:
    """Only the list is down: others may be booked, and must not wait behind this one."""
    step = RULES.not_looked(12.0)
    assert (step.changes.get("hold_reason"), step.changes.get("hold_until")) == (HoldReason.UNREACHABLE, In(12.0))


def test_a_worker_killed_during_an_outage_fails_nobody(row: Row) -> None:
    """A lost lease with all retries used up is no fault of the booking."""
    step = after_settled_look(row(retry_count=3, error_type=ErrorType.LEASE_LOST))
    assert isinstance(step, Next)
    assert step.to is Status.HELD


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        (SightingKind.FOUND, Status.CONFIRMED),
        (SightingKind.MOVED, Status.CONFIRMED),
        (SightingKind.CANCELLED, Status.CANCELLED),
    ],
)
def test_what_a_look_finds_is_the_outcome(row: Row, kind: SightingKind, to: Status) -> None:
    """Found, moved and cancelled there are ends with a uid, whatever the settle time."""
    sighting = Sighting(kind=kind, uid="u1", seat_uid=None, listed=True, reply=None)
    step = RULES.after_look(row(outcome_unknown=True), sighting, settled_in=99, visible=False, slot=Slot.UNASKED)
    assert isinstance(step, Next)
    assert (step.to, step.changes["calcom_booking_uid"]) == (to, "u1")


def test_looks_come_at_1_2_4_seconds_and_then_wait_held_for_the_settle_time(row: Row) -> None:
    """After an unknown answer (1 s) two more looks follow; then nothing is certain before the settle time."""
    steps = [
        RULES.after_look(row(looks=looks), absent(), settled_in=100, visible=True, slot=Slot.UNASKED)
        for looks in (0, 1, 2)
    ]
    assert [(step.to, step.retry_in) for step in steps if isinstance(step, Next)] == [
        (Status.RETRYING, 2.0),
        (Status.RETRYING, 4.0),
        (Status.HELD, None),
    ]
    held = steps[2]
    assert isinstance(held, Next)
    assert (held.changes.get("hold_reason"), held.changes.get("hold_until")) == (HoldReason.SETTLING, In(100))


def test_absence_proves_nothing_to_a_key_that_has_never_listed_the_type(row: Row) -> None:
    """A blind key's empty list must not lead to a second POST."""
    step = after_settled_look(row(), visible=False)
    assert isinstance(step, Next)
    assert (step.to, step.changes.get("hold_reason"), step.changes.get("held_for")) == (
        Status.HELD,
        HoldReason.BLIND_KEY,
        "key-1",
    )


def test_a_settled_look_that_finds_nothing_allows_another_post_at_the_price_of_a_retry(row: Row) -> None:
    """Not listed, settled and visible: it is not booked."""
    assert after_settled_look(row()) == Post(retry=True)


@pytest.mark.parametrize(("error", "to"), [(ErrorType.DATABASE, Status.FAILED), (ErrorType.TIMEOUT, Status.HELD)])
def test_only_a_settled_look_fails_a_booking_and_never_in_an_outage(row: Row, error: ErrorType, to: Status) -> None:
    """Four POSTs and a settled look later an answered fault fails; a time-out still holds."""
    step = after_settled_look(row(retry_count=3, error_type=error))
    assert isinstance(step, Next)
    assert (step.to, step.changes["outcome_unknown"]) == (to, False)


def test_a_kept_refusal_is_told_once_a_settled_look_has_found_nothing_of_ours(row: Row) -> None:
    """The refusal of row 14 stands only now."""
    refusal = {"meaning": "refused", "message": "no such event type", "uid": None}
    step = after_settled_look(row(refusal=refusal))
    assert isinstance(step, Next)
    assert (step.to, step.why) == (Status.REJECTED, "refused: no such event type")


def test_a_slot_that_is_no_longer_offered_is_looked_at_longer_before_it_is_called_taken(row: Row) -> None:
    """Slots come from the primary and the list perhaps from a replica: our own booking may still be on its way."""
    steps = [after_settled_look(row(looks=looks), slot=Slot.GONE) for looks in range(6)]
    assert [step.to for step in steps if isinstance(step, Next)] == [Status.RETRYING] * 5 + [Status.REJECTED]


def test_a_look_that_fails_three_times_waits_for_cal_com_and_stays_unknown(row: Row) -> None:
    """No thread waits, no retry is spent, and the row keeps saying that its outcome is unknown."""
    sighting = Sighting(
        kind=SightingKind.FAILED,
        uid=None,
        seat_uid=None,
        listed=False,
        reply=reply(Meaning.UNKNOWN, ErrorType.HTTP_503),
    )
    steps = [
        RULES.after_look(row(looks=looks), sighting, settled_in=0, visible=False, slot=Slot.UNASKED)
        for looks in (0, 1, 2)
    ]
    assert [step.to for step in steps if isinstance(step, Next)] == [Status.RETRYING, Status.RETRYING, Status.HELD]
    assert all("outcome_unknown" not in step.changes for step in steps if isinstance(step, Next))


def test_a_look_that_meets_a_refused_key_does_not_turn_an_outage_into_a_failure(row: Row) -> None:
    """The POST met an outage and its retries are used up: once the key is right again, it is still the outage's."""
    sighting = Sighting(
        kind=SightingKind.FAILED, reply=reply(Meaning.CREDENTIALS, ErrorType.CREDENTIALS, message="no such key")
    )
    asked = row(retry_count=3, error_type=ErrorType.TIMEOUT)
    held = RULES.after_look(asked, sighting, settled_in=0, visible=True, slot=Slot.UNASKED)
    assert isinstance(held, Next)
    assert (held.to, held.changes.get("hold_reason")) == (Status.HELD, HoldReason.CREDENTIALS)
    assert (held.changes["error_type"], held.changes["last_error"]) == (ErrorType.TIMEOUT, "no such key")


def test_an_error_that_the_operator_does_not_call_transient_is_not_retried(row: Row) -> None:
    """RETRY_TRANSIENT_ERRORS decides which answers are worth another POST."""
    rules = Rules(RetryPolicy(transient_errors=TransientErrors.parse("503")), Terms(), key="k", settings="s")
    step = rules.after_look(row(error_type=ErrorType.HTTP_500), absent(), settled_in=0, visible=True, slot=Slot.UNASKED)
    assert isinstance(step, Next)
    assert step.to is Status.FAILED


def test_every_decision_is_a_legal_move_out_of_booking(row: Row) -> None:
    """Rules and lifecycle agree, for every meaning and with or without an earlier unknown POST."""
    for meaning in Meaning:
        for sent_at in (None, SENT):
            for used in range(4):
                step = RULES.after_post(
                    row(sent_at=sent_at, retry_count=used), reply(meaning, ErrorType.DATABASE, uid="u"), sent_ago=0
                )
                assert step.to in MOVES[Status.BOOKING]


def test_a_booking_whose_time_has_come_is_not_posted(row: Row) -> None:
    """With nothing unknown about it, it ends expired."""
    step = RULES.before_post(row(), starts_in=0)
    assert isinstance(step, Next)
    assert step.to is Status.EXPIRED


def test_a_cancelled_booking_is_not_posted(row: Row) -> None:
    """What the operator asked for before the first byte is done."""
    step = RULES.before_post(row(cancel_requested=True), starts_in=1e6)
    assert isinstance(step, Next)
    assert step.to is Status.CANCELLED
