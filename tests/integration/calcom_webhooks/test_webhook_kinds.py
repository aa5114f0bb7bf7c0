"""What each kind of webhook leads to: Cal.com is asked, and the row follows what it shows."""

from datetime import timedelta
from typing import Any

import pytest

from db.appointments import Appointment, FromNow
from db.lifecycle import HoldReason, Status
from tests.support.audits.scene import Scene
from tests.support.callbacks.hints import asked, looked, now, told

CONFIRM, SEATS = 102, 103
CHANGED, SAID = "(changed,0,t)", "(said,0,t)"


def seat_of(scene: Scene, row: Appointment) -> str:
    """Return the uid of a row's seat at Cal.com."""
    [seat] = scene.alive(row)
    return seat


def test_a_move_by_its_host_is_followed_to_the_new_uid_and_start(scene: Scene) -> None:
    """RESCHEDULED names both uids; the requested start stays beside the new one."""
    row, later = scene.confirmed(), timedelta(days=1)
    scene.deed("move", row.calcom_booking_uid, start=(row.start_at + later).isoformat())
    [new] = scene.alive(row)
    told("BOOKING_RESCHEDULED", new, rescheduleUid=row.calcom_booking_uid, reference=str(row.uuid))

    assert looked() == CHANGED
    followed = now(scene, row)
    assert (followed.status, followed.calcom_booking_uid) == (Status.CONFIRMED, new)
    assert (followed.start_at, followed.booked_start_at) == (row.start_at, row.start_at + later)
    assert "moved_there" in scene.story(row)


def test_a_booking_that_its_host_declines_is_cancelled_here(scene: Scene) -> None:
    """REJECTED has no reference of ours."""
    row = scene.confirmed(CONFIRM)
    scene.deed("decline", row.calcom_booking_uid)
    told("BOOKING_REJECTED", row.calcom_booking_uid)

    assert (looked(), now(scene, row).status) == (CHANGED, Status.CANCELLED)


def test_a_request_that_its_host_confirms_awaits_him_no_more(scene: Scene) -> None:
    """REQUESTED says what the row says; the CREATED after the host's yes has an empty metadata."""
    row = scene.confirmed(CONFIRM)
    scene.record.write(row.id, awaits_host=True)
    before = asked(scene)
    told("BOOKING_REQUESTED", row.calcom_booking_uid, reference=str(row.uuid))
    assert (looked(), asked(scene)) == (SAID, before)

    scene.deed("accept", row.calcom_booking_uid)
    told("BOOKING_CREATED", row.calcom_booking_uid, metadata={})
    assert (looked(), now(scene, row).status, now(scene, row).awaits_host) == (CHANGED, Status.CONFIRMED, False)


def test_a_move_that_its_host_must_confirm_again_awaits_him(scene: Scene) -> None:
    """REQUESTED alone comes, with our reference and without the old uid."""
    row = scene.confirmed(CONFIRM)
    scene.deed("accept", row.calcom_booking_uid)
    scene.record.write(row.id, awaits_host=False)
    scene.deed("move", row.calcom_booking_uid, start=(row.start_at + timedelta(days=1)).isoformat())
    [new] = scene.alive(row)
    told("BOOKING_REQUESTED", new, reference=str(row.uuid))

    assert looked() == CHANGED
    assert (now(scene, row).calcom_booking_uid, now(scene, row).awaits_host) == (new, True)


@pytest.mark.parametrize("is_held", [False, True], ids=["retrying", "held"])
def test_a_booking_of_unknown_outcome_is_found(scene: Scene, is_held: bool) -> None:  # noqa: FBT001
    """A held one is confirmed by it; one that will be claimed again carries the uid to its next attempt."""
    row = scene.record.claimed(event_type_id=110, start_at=next(scene.starts))
    uid = scene.post(row)["uid"]
    unknown: dict[str, Any] = {"outcome_unknown": True, "sent_at": FromNow(0), "settle_at": FromNow(0)}
    unknown |= {"ends_at": FromNow(0), "posts": 1}
    if is_held:
        held: dict[str, Any] = {"hold_reason": HoldReason.BLIND_KEY}
        assert scene.record.move(row, Status.HELD, **held, **unknown)
    else:
        assert scene.record.move(row, Status.RETRYING, next_attempt_at=FromNow(0), **unknown)
    told("BOOKING_CREATED", uid, reference=str(row.uuid))

    assert looked() == CHANGED
    found = now(scene, row)
    assert (found.status, found.calcom_booking_uid) == (Status.CONFIRMED if is_held else Status.RETRYING, uid)


def test_a_seat_that_is_cancelled_is_told_by_the_uid_that_all_seats_share(scene: Scene) -> None:
    """Ours is found by its own uid; the other one of ours in the same booking stays."""
    row = scene.confirmed(SEATS)
    other = scene.confirmed(SEATS, start_at=row.start_at)
    assert row.calcom_booking_uid == other.calcom_booking_uid
    scene.deed("cancel", row.calcom_booking_uid, seat=seat_of(scene, row))
    told("BOOKING_CANCELLED", row.calcom_booking_uid, status="CANCELLED", seatsPerTimeSlot=2)

    assert looked() == "(,1,f)"  # the other one has not changed: it is asked for again
    assert (now(scene, row).status, now(scene, other).status) == (Status.CANCELLED, Status.CONFIRMED)


def test_nobody_is_cancelled_when_a_stranger_gives_up_his_seat(scene: Scene) -> None:
    """The hint has the shared uid, `status: CANCELLED` and no seat: each of ours is looked up by its own seat."""
    row = scene.confirmed(SEATS)
    stranger = scene.row()
    scene.post(stranger, event_type_id=SEATS, start_at=row.start_at)
    scene.deed("cancel", row.calcom_booking_uid, seat=seat_of(scene, stranger))
    before = asked(scene)
    told("BOOKING_CANCELLED", row.calcom_booking_uid, status="CANCELLED", seatsPerTimeSlot=2)

    assert (looked(4), now(scene, row).status) == ("(unchanged,2,t)", Status.CONFIRMED)
    lookups = [one["target"] for one in scene.simulator.journal()[before:]]
    assert lookups == [f"/v2/bookings/by-seat/{row.calcom_seat_uid}"] * 3


def test_a_strangers_new_seat_in_our_booking_costs_no_call(scene: Scene) -> None:
    """CREATED with the shared uid and another reference: our row is confirmed under that uid."""
    row = scene.confirmed(SEATS)
    before = asked(scene)
    told("BOOKING_CREATED", row.calcom_booking_uid, reference="00000000-0000-0000-0000-000000000007")

    assert (looked(), asked(scene)) == (SAID, before)


@pytest.mark.parametrize("is_alone", [True, False])
def test_a_seat_that_a_person_moves_is_followed(scene: Scene, is_alone: bool) -> None:  # noqa: FBT001
    """To an empty time it has a new uid, and the old one is nowhere: it is found by the uid that the hint names.

    That one is looked up before the seat: not every key is shown a list in which the seat could be found.
    """
    row, later = scene.confirmed(SEATS), timedelta(days=1)
    if not is_alone:
        scene.post(scene.row(), event_type_id=SEATS, start_at=row.start_at)
    start = (row.start_at + later).isoformat()
    moved = scene.call(
        "POST", f"/v2/bookings/{row.calcom_booking_uid}/reschedule", {"start": start, "seatUid": row.calcom_seat_uid}
    )
    told("BOOKING_RESCHEDULED", moved["uid"], rescheduleUid=row.calcom_booking_uid, reference=str(row.uuid))
    before = asked(scene)

    assert looked() == CHANGED
    assert scene.simulator.journal()[before]["target"] == f"/v2/bookings/{moved['uid']}"
    followed = now(scene, row)
    assert (followed.status, followed.booked_start_at) == (Status.CONFIRMED, row.start_at + later)
    assert (followed.calcom_booking_uid, followed.calcom_seat_uid) == (moved["uid"], moved["seatUid"])


def test_a_seat_that_a_replica_does_not_show_yet_is_not_cancelled(scene: Scene) -> None:
    """The new booking is looked up first; only the last lookup asks for the old seat alone, which lives here."""
    row = scene.confirmed(SEATS)
    before = asked(scene)
    told("BOOKING_RESCHEDULED", "uid-unseen", rescheduleUid=row.calcom_booking_uid, reference=str(row.uuid))

    assert (looked(3), now(scene, row).status) == ("(unchanged,2,t)", Status.CONFIRMED)
    targets = [one["target"].removeprefix("/v2/bookings/") for one in scene.simulator.journal()[before:]]
    assert targets == ["uid-unseen"] * 3 + [f"by-seat/{row.calcom_seat_uid}"]
