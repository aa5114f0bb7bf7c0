"""When Cal.com is asked about a hint: 2, 10 and 60 seconds after it came, and not while a call of ours is at work."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from db.lifecycle import ChangeStatus, Status
from tests.support.audits.scene import Scene
from tests.support.callbacks.callers import sql
from tests.support.callbacks.hints import asked, due, looked, now, stored, told
from tests.support.changes import changing, held_change

NEXT = "SELECT next_at - make_interval(secs => :seconds) FROM calcom_webhooks ORDER BY id DESC LIMIT 1"


def clock() -> datetime:
    """Return Postgres's time."""
    moment: datetime = sql("SELECT clock_timestamp()")
    return moment


def test_a_hint_is_looked_at_after_2_10_and_60_seconds(scene: Scene) -> None:
    """Cal.com reports a cancel before it has committed it: a lookup at once would find the booking alive."""
    row = scene.confirmed()
    before = asked(scene)
    began = clock()
    stored("BOOKING_CANCELLED", row.calcom_booking_uid)
    assert began <= sql(NEXT, seconds=2) <= clock()
    sql("UPDATE calcom_webhooks SET next_at = now() + interval '1 hour'")  # a busy machine may stand still for seconds
    assert (looked(), asked(scene)) == ("(,0,f)", before)

    for pause in (10 - 2, 60 - 10):
        due()
        began = clock()
        looked()
        assert began <= sql(NEXT, seconds=pause) <= clock()
    due()
    assert looked() == "(unchanged,2,t)"


def test_a_cancel_that_was_not_committed_at_the_first_look_is_found_at_the_second(scene: Scene) -> None:
    """Cal.com says "cancelled" first, and waits for our answer before it commits."""
    row = scene.confirmed()
    told("BOOKING_CANCELLED", row.calcom_booking_uid)
    assert (looked(), now(scene, row).status) == ("(,1,f)", Status.CONFIRMED)

    scene.cancel(row.calcom_booking_uid or "")
    due()
    assert (looked(), now(scene, row).status) == ("(changed,1,t)", Status.CANCELLED)


@pytest.mark.parametrize("is_move", [False, True], ids=["cancel", "move"])
@pytest.mark.parametrize("stands", ["under way", "unknown", "retrying"])
def test_while_a_change_of_ours_is_at_work_no_call_is_made(scene: Scene, stands: str, is_move: bool) -> None:  # noqa: FBT001
    """Its answer, or its own lookup, will say it; the hint is looked at later, and is over after the third time."""
    row = scene.confirmed()
    wanted = row.start_at + timedelta(days=1) if is_move else None
    if stands == "under way":
        changing(scene.record, row, wanted)
    else:
        columns: dict[str, Any] = {}
        if stands == "retrying":
            soon = row.start_at
            columns = {"status": ChangeStatus.RETRYING, "hold_reason": None, "held_at": None, "next_attempt_at": soon}
        held_change(scene.record, row, wanted, from_uid=row.calcom_booking_uid, **columns)
    before = asked(scene)
    if is_move:
        told("BOOKING_RESCHEDULED", "uid-new", rescheduleUid=row.calcom_booking_uid, reference=str(row.uuid))
    else:
        told("BOOKING_CANCELLED", row.calcom_booking_uid)

    assert (looked(), asked(scene)) == ("(,1,f)", before)
    due()
    assert (looked(2), asked(scene)) == ("(unchanged,2,t)", before)


def test_a_change_that_was_not_sent_yet_keeps_no_hint_from_being_looked_at(scene: Scene) -> None:
    """Nothing of ours is at work: the host has cancelled."""
    row = scene.confirmed()
    held_change(
        scene.record, row, None, hold_reason="breaker_open", outcome_unknown=False, posts=0, may_have_moved=False,
        settle_at=None, ends_at=None,
    )  # fmt: skip
    scene.cancel(row.calcom_booking_uid or "")
    told("BOOKING_CANCELLED", row.calcom_booking_uid)

    assert (looked(), now(scene, row).status) == ("(changed,0,t)", Status.CANCELLED)


def test_a_seat_that_was_booked_just_now_is_looked_at_when_its_absence_counts(scene: Scene) -> None:
    """Its attendee cancels it at once: one look comes exactly when the settle time, 3 s here, ends, and finds that."""
    row = scene.confirmed(103)
    sql("UPDATE appointments SET updated_at = now()")
    scene.deed("cancel", row.calcom_booking_uid, seat=row.calcom_seat_uid)
    told("BOOKING_CANCELLED", row.calcom_booking_uid)

    assert (looked(), now(scene, row).status) == ("(,0,f)", Status.CONFIRMED)
    assert sql("SELECT next_at - updated_at FROM calcom_webhooks, appointments") == timedelta(seconds=3 + 1)

    sql("UPDATE appointments SET updated_at = updated_at - interval '4 s'")
    due()
    assert (looked(), now(scene, row).status) == ("(changed,0,t)", Status.CANCELLED)
