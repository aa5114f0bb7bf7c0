"""A hint is no proof: Cal.com is asked, its answer is believed, and for what the row says already nothing is asked."""

from datetime import UTC, datetime

import pytest

from db import calcom_webhooks
from db.calcom_webhooks import Hint
from db.lifecycle import HoldReason, Status
from tasks import dependencies
from tasks.calcom_webhooks import looks
from tasks.calcom_webhooks.looks import look_at_hints
from tests.support.accounts.making import make_account
from tests.support.audits.scene import Scene
from tests.support.callbacks.callers import sql
from tests.support.callbacks.hints import asked, due, looked, now, outcome, told

RECURRING = 111


def test_a_booking_that_was_cancelled_there_is_cancelled_here(scene: Scene) -> None:
    """Cal.com shows it."""
    row = scene.confirmed()
    scene.cancel(row.calcom_booking_uid or "")
    told("BOOKING_CANCELLED", row.calcom_booking_uid)

    assert look_at_hints.run() == 1
    assert (now(scene, row).status, outcome()) == (Status.CANCELLED, "(changed,0,t)")


def test_a_cancel_that_did_not_happen_changes_nothing(scene: Scene) -> None:
    """A forged one, or a cancel that was rolled back: three looks, and then no more."""
    row = scene.confirmed()
    told("BOOKING_CANCELLED", row.calcom_booking_uid)

    assert (looked(4), now(scene, row).status) == ("(unchanged,2,t)", Status.CONFIRMED)


def test_what_the_row_says_already_costs_no_call(scene: Scene) -> None:
    """Its own creation and move, its own end, another week of its series, and a stranger's booking.

    A cancelled row does not say that its booking lives: test_unexpected.py has that.
    """
    row, ended, series = scene.confirmed(), scene.confirmed(), scene.confirmed(RECURRING)
    scene.record.move(ended, Status.CANCELLED)
    before = asked(scene)
    told("BOOKING_CREATED", row.calcom_booking_uid, reference=str(row.uuid))
    told("BOOKING_RESCHEDULED", row.calcom_booking_uid, rescheduleUid="older")
    told("BOOKING_CANCELLED", ended.calcom_booking_uid)
    told("BOOKING_CREATED", "its second week", reference=str(series.uuid))
    assert look_at_hints.run() == 4
    told("BOOKING_CANCELLED", "strangers")
    assert look_at_hints.run() == 1

    assert asked(scene) == before
    assert sql("SELECT count(*) FROM calcom_webhooks WHERE outcome IN ('said', 'stranger') AND next_at IS NULL") == 5


def test_a_call_of_ours_under_way_is_not_disturbed(scene: Scene) -> None:
    """Its answer will say it; the hint is looked at later."""
    row = scene.record.claimed()
    before = asked(scene)
    told("BOOKING_CREATED", "uid-new", reference=str(row.uuid))
    look_at_hints.run()

    assert (asked(scene), now(scene, row).status, outcome()) == (before, Status.BOOKING, "(,1,f)")


def test_a_booking_that_was_told_as_not_booked_is_found(scene: Scene) -> None:
    """With our reference at Cal.com; a hint alone, even with our reference in it, confirms nothing."""
    lost, made = scene.row(Status.EXPIRED), scene.row(Status.EXPIRED)
    uid = scene.post(made)["uid"]
    told("BOOKING_CREATED", "uid-forged", reference=str(lost.uuid))
    look_at_hints.run()
    told("BOOKING_CREATED", uid, reference=str(lost.uuid))
    look_at_hints.run()
    told("BOOKING_CREATED", uid, reference=str(made.uuid))
    look_at_hints.run()

    assert (now(scene, lost).status, now(scene, made).status) == (Status.EXPIRED, Status.CONFIRMED)
    assert now(scene, made).calcom_booking_uid == uid


@pytest.mark.parametrize("reason", [HoldReason.BREAKER_OPEN, HoldReason.THROTTLED])
def test_looks_go_behind_bookings(scene: Scene, reason: HoldReason) -> None:
    """While others of its account wait for the breaker or the limit, Cal.com is not asked for a hint."""
    row = scene.confirmed()
    scene.cancel(row.calcom_booking_uid or "")
    waits = scene.record.moved(Status.HELD, hold_reason=reason)
    told("BOOKING_CANCELLED", row.calcom_booking_uid)
    assert look_at_hints.run() == 0

    scene.record.move(waits, Status.PENDING)
    assert look_at_hints.run() == 1
    assert now(scene, row).status is Status.CANCELLED


def test_a_look_whose_process_died_is_due_again_after_its_lease(scene: Scene) -> None:
    """Until then nobody else takes it up."""
    told("BOOKING_CANCELLED", scene.confirmed().calcom_booking_uid)

    def taken() -> int:
        with dependencies.current().engine.begin() as conn:
            return len(calcom_webhooks.due(conn, limit=5, lease=looks.LEASE))

    assert [taken(), taken()] == [1, 0]
    assert sql("SELECT next_at < now() + interval '2 minutes' FROM calcom_webhooks")
    due()
    assert taken() == 1


def test_bookings_of_another_account_are_not_gone_before(scene: Scene) -> None:
    """Its outage is not this one's."""
    row = scene.confirmed()
    scene.cancel(row.calcom_booking_uid or "")
    _, other = make_account(scene.record.engine)
    waits = scene.record.keep(account=other)
    assert scene.record.move(waits, Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)
    told("BOOKING_CANCELLED", row.calcom_booking_uid)

    assert look_at_hints.run() == 1
    assert now(scene, row).status is Status.CANCELLED


def test_a_look_that_comes_to_nothing_is_made_less_and_less_and_not_for_ever(scene: Scene) -> None:
    """A booking that Cal.com shows no more: the pause grows with the hint's age, and a day is the end."""
    row = scene.confirmed()
    scene.record.write(row.id, calcom_booking_uid="gone")
    told("BOOKING_CANCELLED", "gone")
    pauses = []
    for age in ("0 s", "2 min", "1 h", "25 h"):
        sql("UPDATE calcom_webhooks SET received_at = now() - CAST(:age AS interval)", age=age)
        due()
        assert look_at_hints.run() == 1
        pauses.append(sql("SELECT round(extract(epoch FROM next_at - now()) / 60)::int FROM calcom_webhooks"))

    assert (pauses, outcome()) == ([0, 2, 10, None], "(denied,0,t)")


def test_a_hint_of_another_account_finds_nothing(scene: Scene) -> None:
    """Its address is that account's, whatever its body says."""
    row = scene.confirmed()
    hint = Hint(
        account_id=2, trigger="BOOKING_CANCELLED", uid=row.calcom_booking_uid or "", old_uid=None, reference=row.uuid,
        told_at=datetime.now(UTC), body_hash=b"x" * 32,
    )  # fmt: skip
    with dependencies.current().engine.connect() as conn:
        assert calcom_webhooks.bookings_of(conn, hint) == []
