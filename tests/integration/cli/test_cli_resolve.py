"""`booking resolve`: an operator names the booking at Cal.com, and Cal.com's own answer decides whether it is ours."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from db.lifecycle import ChangeStatus, HoldReason, Status
from tasks import dependencies
from tasks.changes import resolve_booking
from tests.support.audits.scene import Scene
from tests.support.changes import ask_change

Booking = Callable[..., Any]
UNKNOWN = {"outcome_unknown": True, "sent_at": timedelta(minutes=-5), "settle_at": timedelta(minutes=-3)}
SEATS_HIDDEN, WEEKLY = 138, 129  # event types of the simulator


@pytest.fixture
def scene(booking: Booking, record: Any, simulator: Any) -> Scene:
    """A Cal.com and a record, with the settings of a deployment."""
    assert booking  # it has set them
    return Scene(record, simulator)


def blind(scene: Scene, event_type_id: int = 101, **changes: Any) -> Any:
    """Hold a row whose outcome is unknown."""
    row = scene.record.claimed(event_type_id=event_type_id, start_at=next(scene.starts))
    assert scene.record.move(row, Status.HELD, hold_reason=HoldReason.BLIND_KEY, held_for="a key")
    scene.record.write(row.id, **UNKNOWN, **changes)
    return scene.record.read(row.id)


def story(booking: Booking, row: Any) -> list[tuple[str, str]]:
    """Read what happened to a row, and by whom."""
    return [(event["kind"], event["by"]) for event in booking("show", row.id, "--json").json["story"]]


def test_a_held_booking_is_confirmed_by_the_booking_that_carries_its_reference(booking: Booking, scene: Scene) -> None:
    """Whatever this key sees in the list: by its uid Cal.com shows a booking to anybody."""
    row = blind(scene)
    uid = scene.post(row)["uid"]

    ran = booking("resolve", row.id, uid)

    assert (ran.code, ran.out) == (0, f"{row.id}: confirmed, as {uid}.\n")
    now = scene.record.read(row.id)
    assert (now.status, now.calcom_booking_uid, now.outcome_unknown) == (Status.CONFIRMED, uid, False)
    assert story(booking, row) == [("late_uid", "operator"), ("confirmed", "operator")]


def test_a_seat_is_named_by_its_own_uid(booking: Booking, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where attendees are hidden nothing else shows whose it is."""
    monkeypatch.setenv("CALCOM_API_KEY", "cal_test_stranger")
    row = blind(scene, SEATS_HIDDEN)
    made = scene.post(row)

    hidden = booking("resolve", row.id, made["uid"])
    assert (hidden.code, scene.record.read(row.id).status) == (1, Status.HELD)
    assert "without a reference of ours and without attendees: give the seat's own uid" in hidden.err

    assert booking("resolve", row.id, made["seatUid"]).code == 0
    now = scene.record.read(row.id)
    assert (now.status, now.calcom_booking_uid, now.calcom_seat_uid) == (
        Status.CONFIRMED,
        made["uid"],
        made["seatUid"],
    )


def test_a_series_is_named_by_its_own_uid_or_by_any_of_its_weeks(booking: Booking, scene: Scene) -> None:
    """It is confirmed as the week of our start, and its weeks will be counted."""
    row = blind(scene, WEEKLY)
    weeks = scene.post(row)
    first = min(weeks, key=lambda week: week["start"])

    assert booking("resolve", row.id, first["recurringBookingUid"]).code == 0

    now = scene.record.read(row.id)
    assert (now.status, now.calcom_booking_uid) == (Status.CONFIRMED, first["uid"])
    assert now.series_uid == first["recurringBookingUid"]


def test_a_booking_of_another_request_is_not_believed(booking: Booking, scene: Scene) -> None:
    """The operator reads whose it is, and nothing changes."""
    row, other = blind(scene), blind(scene)
    uid = scene.post(other)["uid"]

    ran = booking("resolve", row.id, uid)

    assert ran.code == 1
    assert f"{row.id}: {uid} is not its booking: Cal.com shows one of " in ran.err
    assert f"accepted, with the reference of booking {other.id}; nothing was changed" in ran.err
    assert scene.record.read(row.id) == row


def test_a_uid_that_nobody_has_changes_nothing(booking: Booking, scene: Scene) -> None:
    """A slip of the finger, or a replica that is behind."""
    row = blind(scene)
    for uid, said in (
        ("nobodyhasthis", "knows neither a booking nor a seat nobodyhasthis"),
        ("two words", "is no uid"),
    ):
        ran = booking("resolve", row.id, uid)
        assert (ran.code, said in ran.err) == (1, True)
    assert scene.record.read(row.id) == row


@pytest.mark.parametrize("told", [Status.REJECTED, Status.FAILED, Status.EXPIRED])
def test_whoever_was_told_not_booked_is_to_be_called(booking: Booking, scene: Scene, told: Status) -> None:
    """What was final is confirmed all the same, and the operator hears what is left to do."""
    row = scene.row(told)
    uid = scene.post(row)["uid"]

    ran = booking("resolve", row.id, uid)

    assert (ran.code, scene.record.read(row.id).status) == (0, Status.CONFIRMED)
    assert f"Its customer was told that it is {told}: call them (`booking show {row.id} --personal`)." in ran.out
    assert ("told_not_booked", "operator") in story(booking, row)


@pytest.mark.parametrize("has_change", [True, False])
def test_a_cancel_that_was_asked_for_goes_or_is_named(booking: Booking, scene: Scene, *, has_change: bool) -> None:
    """An open change goes to Cal.com by itself; without one, which an older release leaves, its command is named."""
    row = blind(scene, cancel_requested=True)
    if has_change:
        with dependencies.current().engine.begin() as conn:
            ask_change(conn, row, status=ChangeStatus.WAITING)
    ran = booking("resolve", row.id, scene.post(row)["uid"])

    goes = "Its cancellation was asked for, and goes to Cal.com by itself." in ran.out
    named = f"Its cancellation was asked for: run `booking cancel {row.id}`." in ran.out
    assert (ran.code, goes, named) == (0, has_change, not has_change)


def test_a_booking_that_was_cancelled_there_ends_nothing(booking: Booking, scene: Scene) -> None:
    """Another of its POSTs may have made a second one, which lives: that is for a person to say."""
    row = blind(scene)
    uid = scene.post(row)["uid"]
    scene.cancel(uid)
    ran = booking("resolve", row.id, uid)
    assert (ran.code, scene.record.read(row.id).status) == (1, Status.HELD)
    assert "was cancelled or declined at Cal.com; nothing was changed" in ran.err


def test_a_booking_that_was_moved_is_followed(booking: Booking, scene: Scene) -> None:
    """A reschedule keeps the reference, and makes a new uid."""
    row = blind(scene)
    uid = scene.post(row)["uid"]
    start = f"{next(scene.starts):%Y-%m-%dT%H:%M:%SZ}"
    moved = scene.call("POST", f"/v2/bookings/{uid}/reschedule", {"start": start})["uid"]
    assert booking("resolve", row.id, uid).code == 0
    assert scene.record.read(row.id).calcom_booking_uid == moved != uid


def test_rows_of_which_nothing_can_be_said_now_say_why(booking: Booking, scene: Scene) -> None:
    """Under a call, over, or booked already; Cal.com is not even asked."""
    called = scene.record.claimed()
    done, over = scene.record.moved(Status.CONFIRMED, calcom_booking_uid="uid-1"), scene.row(Status.CANCELLED)
    before = len(scene.simulator.journal())

    assert "a worker is calling Cal.com for it now" in booking("resolve", called.id, "uid-1").err
    assert "is cancelled for good" in booking("resolve", over.id, "uid-1").err
    assert "is confirmed already, as uid-1" in booking("resolve", done.id, "uid-2").err
    again = booking("resolve", done.id, "uid-1")
    assert (again.code, again.out) == (0, f"{done.id}: is confirmed as uid-1 already.\n")
    assert len(scene.simulator.journal()) == before


def test_a_row_that_is_on_its_way_is_confirmed_by_its_next_attempt(booking: Booking, scene: Scene) -> None:
    """A worker may hold its message already."""
    row = scene.row()
    uid = scene.post(row)["uid"]
    ran = booking("resolve", row.id, uid)
    assert (ran.code, ran.out) == (0, f"{row.id}: {uid} is written down; its next attempt confirms it.\n")
    assert scene.record.claim(row.id).calcom_booking_uid == uid


def test_a_row_that_was_cancelled_while_cal_com_was_asked_is_not_called_confirmed(
    booking: Booking, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator is told what stands at Cal.com now."""
    row = blind(scene)
    uid = scene.post(row)["uid"]
    read = resolve_booking.read_bookings

    def cancelled_meanwhile(answer: Any) -> Any:
        scene.record.move(row, Status.CANCELLED, outcome_unknown=False)
        return read(answer)

    monkeypatch.setattr(resolve_booking, "read_bookings", cancelled_meanwhile)
    ran = booking("resolve", row.id, uid)
    assert (ran.code, scene.record.read(row.id).status) == (1, Status.CANCELLED)
    assert f"was cancelled meanwhile; cancel {uid} at Cal.com" in ran.err


def test_cal_com_is_left_alone_while_the_breaker_is_open(booking: Booking, scene: Scene) -> None:
    """An operator's question is a call like any other."""
    row = blind(scene)
    uid = scene.post(row)["uid"]
    dependencies.current().breaker.operators.force_open("operator", "a test")
    before = len(scene.simulator.journal())
    ran = booking("resolve", row.id, uid)
    assert (ran.code, len(scene.simulator.journal())) == (1, before)
    assert "the circuit breaker is open" in ran.err
    assert "nothing was changed" in ran.err


def test_a_cal_com_that_does_not_answer_proves_nothing(booking: Booking, scene: Scene) -> None:
    """Its error is said; the row stays."""
    row = blind(scene)
    uid = scene.post(row)["uid"]
    scene.simulator.faults("status", name="unavailable")
    ran = booking("resolve", row.id, uid)
    assert (ran.code, scene.record.read(row.id)) == (1, row)
    assert f"Cal.com does not show {uid} now: " in ran.err
