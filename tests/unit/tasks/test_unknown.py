"""The moves of a booking whose outcome is unknown: how long it waits, what that costs, and how it ends."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.appointments.appointment import Appointment
from db.appointments.there.places import BookedThere
from db.event_kind import EventKind
from db.lifecycle import HALF_MADE, MOVES, HoldReason, Status
from resilience.circuit_breaker.types import CallOutcome
from resilience.retry_policy import RetryPolicy, TransientErrors
from tasks.attempts import outcome
from tasks.attempts.evidence import Act
from tasks.attempts.outcome import Times
from tasks.calcom.lookup import LookupKind, LookupResult
from tasks.calcom.reply import ErrorType, Reply, ReplyKind, SettleAfter
from tasks.dependencies import Timings
from tasks.work.decisions import LOOKUPS, BookingDecisions
from tasks.work.moves import FromNow, Move, Posted, Proceed

Row = Callable[..., Appointment]
NOW = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)  # as the rows of conftest.py have it
RULES = BookingDecisions(RetryPolicy(jitter=0), Timings(), key="key-1", settings="settings-1")
REFUSAL = {"meaning": "taken", "message": "no", "uid": None, "error_type": "taken", "ask_slots": True}
CALCOM_SAYS = NOW - timedelta(minutes=3)  # its clock is its own


def reply(reply_kind: ReplyKind, error: ErrorType = ErrorType.NONE, **more: Any) -> Reply:
    """Say what Cal.com said."""
    return Reply(kind=reply_kind, outcome=CallOutcome.IGNORED, error_type=error, **more)


def timed_out() -> Reply:
    """Say nothing: the POST may still be working."""
    return reply(ReplyKind.UNKNOWN, ErrorType.TIMEOUT, settle_after=SettleAfter.UNANSWERED)


def answered_500() -> Reply:
    """Say 500: Cal.com's application has finished."""
    return reply(ReplyKind.UNKNOWN, ErrorType.HTTP_500, settle_after=SettleAfter.ANSWERED, answered_at=CALCOM_SAYS)


def at(seconds: float) -> datetime:
    """Return a moment after now."""
    return NOW + timedelta(seconds=seconds)


def open_row(row: Row, *, settled_in: float = 0, ends_in: float = 125, **more: Any) -> Appointment:
    """Make a row of unknown outcome."""
    moments = {"sent_at": at(-5), "settle_at": at(settled_in), "ends_at": at(ends_in), "askable_since": at(-5)}
    return row(**({"outcome_unknown": True} | moments | more))


@pytest.mark.parametrize(
    ("settle_after", "kind", "settles", "ends"),
    [
        (SettleAfter.ANSWERED, None, 5, 130),
        (SettleAfter.UNANSWERED, EventKind.PLAIN, 128, 158),
        (SettleAfter.GATEWAY, EventKind.PLAIN, 5, 158),
        (SettleAfter.GATEWAY, EventKind.COLLECTIVE, 5, 158),
        (SettleAfter.GATEWAY, EventKind.ROUND_ROBIN, 128, 158),
        (SettleAfter.GATEWAY, None, 128, 158),
    ],
)
def test_an_unknown_answer_settles_and_ends_from_when_cal_com_can_have_booked(
    row: Row, settle_after: SettleAfter, kind: EventKind | None, settles: float, ends: float
) -> None:
    """Without an answer both count from the first byte, 2 s ago; a replica's 30 s are added to the end."""
    answer = reply(ReplyKind.UNKNOWN, ErrorType.TIMEOUT, settle_after=settle_after)
    step = outcome.unknown(RULES, row(), Posted(answer, sent_ago=2.0), kind=kind)
    assert (step.to, step.columns["outcome_unknown"], step.retry_in) == (Status.RETRYING, True, 1.0)
    assert (step.columns["settle_at"], step.columns["ends_at"]) == (FromNow(settles), FromNow(ends))
    assert (step.columns["sent_at"], step.columns["retry_count"]) == (FromNow(-2.0), 0)


def test_the_end_never_comes_nearer_by_a_later_post(row: Row) -> None:
    """The first POST was not answered: 150 s are left, whatever the second one's 130 s."""
    step = outcome.unknown(
        RULES, open_row(row, ends_in=150), Posted(answered_500(), sent_ago=0.1), post=Proceed(known=False)
    )
    assert step.columns["ends_at"] == FromNow(150)
    assert step.columns["sent_at"] == at(-5)


def test_a_second_post_costs_a_retry_and_the_first_evidence_post_none(row: Row) -> None:
    """Once for each unknown POST it is free; then each costs one."""

    def after(post: Proceed, **more: Any) -> dict[str, Any]:
        step = outcome.unknown(RULES, open_row(row, **more), Posted(answered_500(), sent_ago=0.1), post=post)
        return {name: step.columns[name] for name in ("retry_count", "evidence_posts")}

    assert after(Proceed(known=False, retry=True)) == {"retry_count": 1, "evidence_posts": 0}
    assert outcome.ended(RULES, open_row(row), Act.POST_AS_EVIDENCE, Times(-1, 9, 9, 0)) == Proceed(
        known=False, evidence=True
    )
    assert after(Proceed(known=False, evidence=True)) == {"retry_count": 0, "evidence_posts": 1}
    again = outcome.ended(RULES, open_row(row, evidence_posts=1), Act.POST_AS_EVIDENCE, Times(-1, 9, 9, 0))
    assert again == Proceed(known=False, evidence=True, retry=True)


def test_retries_that_an_outage_ate_leave_no_evidence_unsought(row: Row) -> None:
    """Held(unreachable), never failed; each time it is released, one more evidence POST at no retry."""
    used = open_row(row, retry_count=3, evidence_posts=2)
    post = outcome.ended(RULES, used, Act.POST_AS_EVIDENCE, Times(-1, 9, 9, 0))
    assert post == Proceed(known=False, evidence=True, retry=False)
    step = outcome.unknown(RULES, used, Posted(timed_out(), sent_ago=0.0), post=post)
    assert (step.to, step.columns["hold_reason"], step.columns["hold_until"]) == (
        Status.HELD,
        HoldReason.UNREACHABLE,
        FromNow(130),
    )


def test_between_two_evidence_posts_at_no_retry_pauses_grow(row: Row) -> None:
    """A booking that Cal.com always answers with 500 is left alone for as long again as it has waited."""
    used = open_row(row, retry_count=3, evidence_posts=5, askable_since=at(-400))
    step = outcome.unknown(RULES, used, Posted(answered_500(), sent_ago=0.1), post=Proceed(known=False, evidence=True))
    assert step.columns["hold_until"] == FromNow(400)


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        (LookupKind.FOUND, Status.CONFIRMED),
        (LookupKind.MOVED, Status.CONFIRMED),
        (LookupKind.CANCELLED, Status.CANCELLED),
    ],
)
def test_what_a_look_finds_is_the_outcome(row: Row, kind: LookupKind, to: Status) -> None:
    """Found, moved and cancelled there are ends with a uid at any time, and one POST at least had begun."""
    step = outcome.after_lookup(RULES, open_row(row, settled_in=99), LookupResult(kind=kind, there=BookedThere("u1")))
    assert step is not None
    assert (step.to, step.columns["calcom_booking_uid"], step.columns["posts"]) == (to, "u1", 1)


def test_weeks_of_a_series_that_is_found_are_counted_at_its_end(row: Row) -> None:
    """Some may still be made: absence of the others counts only from then on."""
    step = outcome.after_lookup(
        RULES, open_row(row), LookupResult(kind=LookupKind.FOUND, there=BookedThere("u1", series_uid="s1"))
    )
    assert step is not None
    assert (step.columns["series_uid"], step.columns["ends_at"]) == ("s1", at(125))


def test_looks_come_at_1_2_4_seconds_and_then_at_the_settle_time(row: Row) -> None:
    """After an unknown answer (1 s) two more looks follow; what may follow is certain only at the settle time."""
    steps = [outcome.lookup_again(RULES, open_row(row, looks=looks), Times(100, 130, 5, 0)) for looks in range(LOOKUPS)]
    assert [(step.to, step.retry_in) for step in steps] == [
        (Status.RETRYING, 2.0),
        (Status.RETRYING, 4.0),
        (Status.HELD, None),
    ]
    assert (steps[2].columns["hold_reason"], steps[2].columns["hold_until"]) == (HoldReason.SETTLING, FromNow(100))


def test_a_look_comes_at_the_settle_time_when_that_is_sooner(row: Row) -> None:
    """Five seconds after a 500 another POST may go: nobody waits seven for it."""
    step = outcome.lookup_again(RULES, open_row(row, looks=1), Times(2, 127, 3, 0))
    assert (step.to, step.retry_in, step.columns["next_attempt_at"]) == (Status.RETRYING, 2, FromNow(2))


@pytest.mark.parametrize(("since", "pause"), [(0, 5), (5, 5), (20, 20), (100, 25)])
def test_between_settle_time_and_end_it_waits_as_long_again_as_it_has_waited(
    row: Row, since: float, pause: float
) -> None:
    """A replica that is 8 s behind confirms it within a few looks; the last look comes at the end."""
    step = outcome.lookup_again(RULES, open_row(row), Times(-since, 125 - since, since, 0))
    assert (step.columns["hold_reason"], step.columns["hold_until"]) == (HoldReason.SETTLING, FromNow(pause))


@pytest.mark.parametrize(("since", "pause"), [(0, 130), (500, 500), (10_000, 3600)])
def test_what_cannot_be_told_is_looked_for_with_growing_pauses(row: Row, since: float, pause: float) -> None:
    """At most an hour apart."""
    step = outcome.ended(RULES, open_row(row), Act.BLIND, Times(-since, -since, since, 0))
    assert isinstance(step, Move)
    assert (step.columns["hold_reason"], step.columns["held_for"]) == (HoldReason.BLIND_KEY, "key-1")
    assert step.columns["hold_until"] == FromNow(pause)


def test_looks_that_keep_failing_wait_for_cal_com_and_stay_unknown(row: Row) -> None:
    """No thread waits, no retry is spent, and the time in which Cal.com could be asked begins again.

    One that fails after two that found nothing is tried again: a bad day of a few percent holds nobody for that.
    """
    result = LookupResult(kind=LookupKind.FAILED, reply=reply(ReplyKind.UNKNOWN, ErrorType.HTTP_503))
    steps = [outcome.after_lookup(RULES, open_row(row, looks=looks), result) for looks in (0, 2, 4, 5)]
    assert [step.to for step in steps if step] == [Status.RETRYING, Status.RETRYING, Status.RETRYING, Status.HELD]
    assert steps[-1] is not None
    assert steps[-1].columns["hold_reason"] is HoldReason.UNREACHABLE
    assert all(
        "outcome_unknown" not in step.columns and step.columns["askable_since"] == FromNow(0) for step in steps if step
    )


@pytest.mark.parametrize(("looks", "retries"), [(0, 0), (3, 0), (2, 2)])
def test_a_look_that_failed_comes_again_after_the_first_pause(row: Row, looks: int, retries: int) -> None:
    """It asks and changes nothing, and where half of all looks fail each longer pause would be the customer's."""
    again = outcome.lookup_failed(RULES, open_row(row, looks=looks, retry_count=retries), None)
    assert (again.to, again.columns["looks"]) == (Status.RETRYING, looks + 1)
    assert again.retry_in == pytest.approx(1.0, rel=0.1)


def test_a_look_that_meets_a_refused_key_does_not_turn_an_outage_into_a_failure(row: Row) -> None:
    """The POST met an outage: once the key is right again, it is still the outage's."""
    refused = reply(ReplyKind.CREDENTIALS, ErrorType.CREDENTIALS, message="no such key")
    held = outcome.lookup_failed(RULES, open_row(row, error_type=ErrorType.TIMEOUT), refused)
    assert (held.to, held.columns.get("hold_reason")) == (Status.HELD, HoldReason.CREDENTIALS)
    assert (held.columns["error_type"], held.columns["last_error"]) == (ErrorType.TIMEOUT, "no such key")


@pytest.mark.parametrize(
    ("error", "asked_ago", "to"),
    [
        (ErrorType.DATABASE, 899, Status.HELD),
        (ErrorType.DATABASE, 900, Status.FAILED),
        (ErrorType.TIMEOUT, 9999, Status.HELD),
        (ErrorType.LEASE_LOST, 9999, Status.HELD),
        (ErrorType.TAKEN, 0, Status.FAILED),
    ],
)
def test_what_is_not_booked_fails_when_retries_are_used_up_and_never_by_an_outage(
    row: Row, error: ErrorType, asked_ago: float, to: Status
) -> None:
    """A lost lease is an outage, too; an error of Cal.com's is spared for HOLD_MAX_AGE after the request."""
    used_up = open_row(row, retry_count=3, error_type=error, requested_at=at(-asked_ago))
    step = outcome.ended(RULES, used_up, Act.FAIL, Times(-130, 0, 130, 0))
    assert isinstance(step, Move)
    assert (step.to, step.columns["outcome_unknown"]) == (to, False)


def test_an_error_that_the_operator_does_not_call_transient_is_not_retried() -> None:
    """RETRY_TRANSIENT_ERRORS decides which answers are worth another POST."""
    rules = BookingDecisions(
        RetryPolicy(transient_errors=TransientErrors.parse("503")), Timings(), key="k", settings="s"
    )
    assert not rules.may_retry(0, ErrorType.HTTP_500)


@pytest.mark.parametrize("act", list(Act))
def test_every_act_is_a_legal_move_out_of_booking_or_a_post(row: Row, act: Act) -> None:
    """The rule, the moves and the lifecycle agree."""
    asked = open_row(row, refusal={"meaning": "limit", "message": "no", "uid": None})
    step = outcome.ended(RULES, asked, act, Times(-130, 0, 130, 0))
    assert isinstance(step, Proceed) or step.to in MOVES[Status.BOOKING]


def test_a_half_made_seat_is_set_aside_with_its_uid(row: Row) -> None:
    """It is never posted again; the operator who removes it at Cal.com sends the row on."""
    step = outcome.half_made(open_row(row), "u9")
    assert (step.columns["hold_reason"], step.columns["error_type"]) == (HoldReason.SUSPECT, HALF_MADE)
    assert "u9" in step.columns["last_error"]


def test_a_refused_row_that_could_not_be_looked_for_waits_for_that_look_alone(row: Row) -> None:
    """It is no unknown POST: the refusal ends it, as soon as one look has not found it."""
    step = outcome.refused_later(RULES, row(), REFUSAL)
    assert (step.to, step.columns["outcome_unknown"], step.columns["refusal"]["look_due"]) == (
        Status.RETRYING,
        True,
        True,
    )


def test_a_series_that_is_refused_in_the_middle_is_unknown(row: Row) -> None:
    """Weeks before the refused one are booked (5 of 5, seen): five seconds, and absence at its end."""
    step = outcome.refused_in_part(RULES, row(), REFUSAL)
    assert (step.to, step.columns["outcome_unknown"]) == (Status.RETRYING, True)
    assert (step.columns["settle_at"], step.columns["ends_at"]) == (FromNow(5), FromNow(130))
