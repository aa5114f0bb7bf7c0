"""The record of changes: never two at one uid of Cal.com's, in order, and none that nobody moves on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from db import appointments
from db.changes import moves, sweeps
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.changes import booking_changes
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import CHANGES
from resilience.retry_policy import RetryPolicy
from tasks.calcom.changes.cancel import read_cancel
from tasks.calcom.http.answer import NoAnswer
from tasks.changes.ending import Seen, carried_out
from tasks.changes.evidence.case import ChangeStep, Shown
from tasks.changes.inquiry import case_of
from tasks.changes.lookup import ChangeLook
from tasks.dependencies import Timings
from tasks.work.decisions import BookingDecisions
from tasks.work.moves import Posted
from tests.support.changes import ask_change
from tests.support.databases.locks import no_wait_for_a_lock
from tests.unit.changes import test_cancel_evidence as cancels
from tests.unit.changes import test_reschedule_evidence as reschedules

LATER = datetime(2031, 3, 5, 9, tzinfo=UTC)
PENDING, WAITING = ChangeStatus.PENDING, ChangeStatus.WAITING
RULES = BookingDecisions(RetryPolicy(), Timings(), "k", "s")
GOES_ON = {act for act in ChangeStep if act.name.startswith("ASK_")} | {
    ChangeStep.POST_AGAIN,
    ChangeStep.FOLLOW,
    ChangeStep.NEXT_WEEK,
}
"""Acts after a lookup that do not end the attempt."""
ANSWERED = {act for table in (cancels, reschedules) for _, _, acts in table.ANSWERS.values() for act in acts}


def change(record: Any, row: Any, start: datetime | None = None, status: ChangeStatus = PENDING) -> BookingChange:
    """Ask for a change."""
    with record.engine.begin() as conn:
        return ask_change(conn, row, start, status)


def booked(record: Any, uid: str) -> Any:
    """Make a booking that Cal.com has."""
    return record.moved(Status.CONFIRMED, calcom_booking_uid=uid)


def claim(record: Any, one: BookingChange) -> BookingChange | None:
    """Claim a change."""
    with record.engine.begin() as conn:
        got = moves.claim(conn, one.id, lease_seconds=50, released=False)
    return got and got.change


def read(record: Any, one: BookingChange) -> BookingChange:
    """Read a change that is there."""
    with record.engine.connect() as conn:
        now = moves.get(conn, one.id)
    assert now is not None
    return now


def move(record: Any, one: BookingChange, to: ChangeStatus, **columns: Any) -> None:
    """Move a claimed change."""
    with record.engine.begin() as conn:
        assert moves.move(conn, one.id, one.status, to, why="a test", token=one.claim_token, **columns)


def test_two_seats_of_one_booking_are_never_changed_at_once(record: Any) -> None:
    """The second goes when the first has ended, and not while its outcome is unknown."""
    first, second = (change(record, booked(record, "shared")) for _ in range(2))
    claimed = claim(record, first)
    assert claimed is not None
    assert claim(record, second) is None

    unknown = {"outcome_unknown": True, "settle_at": appointments.FromNow(5), "ends_at": appointments.FromNow(130)}
    move(record, claimed, ChangeStatus.RETRYING, posts=1, **unknown)
    assert claim(record, second) is None

    again = claim(record, first)
    assert again is not None
    move(record, again, ChangeStatus.RETRYING, outcome_unknown=False)  # it was refused, and is sent again
    assert claim(record, second) is None

    again = claim(record, first)
    assert again is not None
    move(record, again, ChangeStatus.DONE)
    with record.engine.begin() as conn:
        assert [one.id for one in sweeps.let_next_go(conn, left=[again])] == [second.id]
    assert claim(record, second) is not None


def test_postgres_itself_refuses_two_of_one_uid(record: Any) -> None:
    """Whatever the statements say."""
    first, second = (change(record, booked(record, "shared")) for _ in range(2))
    assert claim(record, first) is not None
    columns = booking_changes.c
    claimed = {"status": "changing", "claim_token": read(record, first).claim_token, "lease_expires_at": LATER}

    with pytest.raises(IntegrityError, match="booking_changes_of_uid"), record.engine.begin() as conn:
        conn.execute(update(booking_changes).where(columns.id == second.id).values(**claimed))


def test_a_stale_worker_writes_nothing(record: Any) -> None:
    """Its lease was lost, and the change was claimed again."""
    one = change(record, booked(record, "uid-1"))
    stale = claim(record, one)
    assert stale is not None
    with record.engine.begin() as conn:
        conn.execute(update(booking_changes).values(lease_expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
        [lost] = queue_sweeps.lost_leases(
            conn, CHANGES, 10, settle_seconds=130, ends_seconds=160, lease_seconds=50, suspect_after=3
        )
    assert (lost.status, lost.outcome_unknown, lost.posts) == (ChangeStatus.RETRYING, True, 1)
    assert claim(record, one) is not None

    with record.engine.begin() as conn:
        late = moves.move(conn, one.id, ChangeStatus.CHANGING, ChangeStatus.DONE, why="late", token=stale.claim_token)
    assert (late, read(record, one).status) == (False, ChangeStatus.CHANGING)


def test_a_change_that_waits_goes_once_its_booking_is_known(record: Any) -> None:
    """With the uid that it has by then; of one that ended unbooked a cancel is done, and there is nothing to move."""
    rows = [record.claimed() for _ in range(3)]
    cancelled, moved, of_rejected = (
        change(record, row, start, WAITING) for row, start in zip(rows, (None, LATER, LATER), strict=True)
    )
    with record.engine.begin() as conn:
        assert sweeps.let_next_go(conn) == []
    record.move(rows[0], Status.EXPIRED)
    record.move(rows[1], Status.CONFIRMED, calcom_booking_uid="uid-2", why="a test")
    record.move(rows[2], Status.REJECTED)

    with record.engine.begin() as conn:
        sent = sweeps.let_next_go(conn)

    assert [(one.id, one.from_uid) for one in sent] == [(moved.id, "uid-2")]
    assert [read(record, one).status for one in (cancelled, of_rejected)] == [ChangeStatus.DONE, ChangeStatus.REFUSED]


def test_a_move_whose_start_comes_near_expires(record: Any) -> None:
    """But never one whose outcome is unknown."""
    soon = datetime.now(UTC) + timedelta(minutes=5)
    known, unknown = (change(record, booked(record, f"uid-{n}"), soon) for n in range(2))
    claimed = claim(record, unknown)
    assert claimed is not None
    times = {"settle_at": appointments.FromNow(5), "ends_at": appointments.FromNow(130)}
    move(record, claimed, ChangeStatus.RETRYING, outcome_unknown=True, **times)

    with record.engine.begin() as conn:
        expired = sweeps.expire(conn, lead_seconds=600, limit=10)

    assert [one.id for one in expired] == [known.id]


def test_a_move_expires_after_what_is_decided_about_its_booking(record: Any) -> None:
    """Who has locked the booking goes first, and locks its changes next: the other way round both would wait."""
    one = change(record, booked(record, "uid-1"), datetime.now(UTC) + timedelta(minutes=5))

    with record.engine.begin() as other:
        assert appointments.get(other, one.appointment_id, lock=True) is not None
        with record.engine.begin() as conn, no_wait_for_a_lock():
            assert sweeps.expire(conn, lead_seconds=600, limit=10) == []

    with record.engine.begin() as conn:
        assert [done.id for done in sweeps.expire(conn, lead_seconds=600, limit=10)] == [one.id]


def test_held_changes_stand_in_the_line_by_their_place(record: Any) -> None:
    """In half-open a move is no probe of the service."""
    held = []
    for number, start in enumerate((None, LATER, None)):
        one = claim(record, change(record, booked(record, f"uid-{number}"), start))
        assert one is not None
        move(record, one, ChangeStatus.HELD, hold_reason=HoldReason.BREAKER_OPEN)
        held.append(read(record, one))
    order = sorted(held, key=lambda one: (one.line_at, one.id))
    with record.engine.begin() as conn:
        assert [one for one, _ in sweeps.in_line_of(conn, (1,), 10, postable=False)[1]] == [one.id for one in order]
        probes = [one for one, _ in sweeps.in_line_of(conn, (1,), 10, postable=True)[1]]
        assert probes == [one.id for one in order if one.wanted is None]
        assert [one.id for one in queue_sweeps.release_these(conn, CHANGES, [held[1].id])] == [held[1].id]
    assert read(record, held[1]).status is PENDING


def test_a_change_is_settled_at_its_settle_at_and_not_before(record: Any) -> None:
    """Until then a POST of it may be at work, and nothing is sent again."""
    row = booked(record, "uid-1")
    claimed = claim(record, change(record, row, LATER))
    assert claimed is not None
    times = {"settle_at": appointments.FromNow(60), "ends_at": appointments.FromNow(160)}
    move(record, claimed, ChangeStatus.RETRYING, outcome_unknown=True, **times)
    again = claim(record, claimed)
    assert again is not None

    case, _ = case_of(RULES, again, row, ChangeLook(shown=Shown.ALIVE))

    assert (case.settled, case.ended) == (False, False)


@pytest.mark.parametrize("act", [act for act in ChangeStep if act not in GOES_ON])
def test_each_act_that_ends_an_attempt_has_a_move(record: Any, act: ChangeStep) -> None:
    """Whatever was answered before."""
    row = booked(record, "uid-1")
    claimed = claim(record, change(record, row, LATER))
    assert claimed is not None
    reply = read_cancel(NoAnswer(sent=True, error_type="timeout", message="", elapsed=1.0), seat_uid=None)

    assert carried_out(RULES, claimed, row, act, Seen(reply, Posted(reply))).why


def test_no_answer_to_a_post_leads_to_what_only_a_lookup_may_lead_to() -> None:
    """But for a question: a move follows each of them."""
    assert {act for act in ANSWERED & GOES_ON if not act.name.startswith("ASK_")} == set()
