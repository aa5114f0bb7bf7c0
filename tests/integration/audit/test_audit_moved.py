"""A booking is judged on the day where it is: what a person has moved is followed, and a seat's move is no cancel."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from db.appointments import Appointment
from db.audits import doubles
from db.changes import moves
from db.lifecycle import ChangeStatus, Status
from db.models.changes import booking_changes
from tasks.audit.finding import AuditFindingKind, NoFinding
from tasks.audit.survey import mend, survey
from tests.support.audits.scene import OPEN, SEATS, Scene
from tests.support.changes import ask_change

RECURRING, HIDDEN, CONFIRM, ROUND_ROBIN, COLLECTIVE = 111, 138, 102, 104, 106
DAY = timedelta(days=1)


@pytest.fixture
def scene(settings: Callable[..., dict[str, str]], record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them."""
    settings()
    return Scene(record, simulator)


def day_of(moment: datetime) -> datetime:
    """Return the day's begin."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def found(scene: Scene, moment: datetime) -> list[tuple[AuditFindingKind, int | None]]:
    """Audit the day of a moment; return the findings, and that no row is counted that is not of this day."""
    seen = survey(scene.calls(), day_of(moment), day_of(moment) + DAY)
    with_row = [one.row for one in seen.findings if one.row is not None]
    assert seen.confirmed >= sum(
        row.status is Status.CONFIRMED and day_of(row.present_start) == day_of(moment) for row in with_row
    )
    return [(one.kind, one.row.id if one.row else None) for one in seen.findings]


def mended(scene: Scene, moment: datetime) -> list[bool]:
    """Audit the day of a moment and mend; return what was mended."""
    calls = scene.calls()
    return [done.ok for _, done in mend(calls, survey(calls, day_of(moment), day_of(moment) + DAY))]


def moved_by_us(scene: Scene, days: int = 2) -> Appointment:
    """Move a booking, as a change of ours does, a while ago."""
    row = scene.confirmed()
    to = row.start_at + days * DAY
    body = {"start": f"{to:%Y-%m-%dT%H:%M:%SZ}"}
    made = scene.call("POST", f"/v2/bookings/{row.calcom_booking_uid}/reschedule", body)
    scene.record.write(row.id, calcom_booking_uid=made["uid"], booked_start_at=to)
    return scene.aged(row)


def moved_there(scene: Scene, row: Appointment, days: float) -> str:
    """Let a person move a booking at Cal.com; return its new uid."""
    scene.deed("move", row.calcom_booking_uid, start=f"{row.present_start + days * DAY:%Y-%m-%dT%H:%M:%SZ}")
    made = [one for one in scene.simulator.bookings(str(row.uuid)) if one.get("rescheduledFromUid")]
    return str(made[-1]["uid"])


def seat_moved_there(scene: Scene, row: Appointment, days: float) -> dict[str, Any]:
    """Let an attendee move one seat."""
    start = f"{row.start_at + days * DAY:%Y-%m-%dT%H:%M:%SZ}"
    body = {"start": start, "seatUid": row.calcom_seat_uid}
    made: dict[str, Any] = scene.call("POST", f"/v2/bookings/{row.calcom_booking_uid}/reschedule", body)
    return made


def test_a_booking_that_we_moved_is_judged_on_its_present_day(scene: Scene) -> None:
    """Its customer has cancelled it there: the audit of that day says so, and that of its first day nothing."""
    row = moved_by_us(scene)
    scene.cancel(row.calcom_booking_uid or "")
    assert found(scene, row.start_at) == []
    assert found(scene, row.present_start) == [(AuditFindingKind.CANCELLED, row.id)]
    seen = survey(scene.calls(), day_of(row.present_start), day_of(row.present_start) + DAY)
    assert (seen.confirmed, seen.judged) == (1, 1)


def test_a_double_at_the_present_start_of_a_moved_booking_is_one_at_its_start(scene: Scene) -> None:
    """Both begin then: that is not "at two times", and the other one can go."""
    row = moved_by_us(scene)
    double = scene.post(row, start_at=row.present_start)
    seen = survey(scene.calls(), day_of(row.present_start), day_of(row.present_start) + DAY)
    [one] = seen.findings
    assert (one.kind, [place.uid for place in one.doubles]) == (AuditFindingKind.TWICE, [double["uid"]])
    assert mended(scene, row.present_start) == [True]
    assert scene.alive(row) == {row.calcom_booking_uid}


def test_the_intent_of_a_killed_audit_is_ended_on_the_present_day(scene: Scene) -> None:
    """The double is gone, and the story says so."""
    row = moved_by_us(scene)
    double = scene.post(row, start_at=row.present_start)
    with scene.record.engine.begin() as conn:
        assert doubles.intend(conn, row, double["uid"], None, "a test")
    scene.cancel(double["uid"])
    mended(scene, row.present_start)
    assert scene.story(row)[-1] == doubles.CANCELLED


@pytest.mark.parametrize("event_type_id", [OPEN, ROUND_ROBIN, COLLECTIVE, CONFIRM])
def test_what_a_person_has_moved_is_found_and_followed(scene: Scene, event_type_id: int) -> None:
    """On its old day and on its new one; uid and start are written, and then all agrees."""
    rows = [scene.confirmed(event_type_id) for _ in range(2)]
    uids = [moved_there(scene, row, 3.5) for row in rows]
    by_old, by_new = rows[0].start_at, rows[1].start_at + 3.5 * DAY
    moved = [(AuditFindingKind.MOVED, row.id) for row in rows]
    assert found(scene, by_old) == found(scene, by_new) == moved
    assert [scene.record.read(row.id).booked_start_at for row in rows] == [None, None]

    assert mended(scene, by_new) == [True, True]
    assert (found(scene, by_old), found(scene, by_new)) == ([], [])
    for row, uid in zip(rows, uids, strict=True):
        now = scene.record.read(row.id)
        assert (now.status, now.calcom_booking_uid) == (Status.CONFIRMED, uid)
        assert now.booked_start_at == row.start_at + 3.5 * DAY
        assert "moved_there" in scene.story(row)


def test_a_move_of_a_person_after_ours_is_followed(scene: Scene) -> None:
    """From the day to which we have moved it."""
    row = moved_by_us(scene)
    uid = moved_there(scene, row, 4)
    assert mended(scene, row.present_start) == [True]
    now = scene.record.read(row.id)
    assert (now.calcom_booking_uid, now.booked_start_at) == (uid, row.present_start + 4 * DAY)


@pytest.mark.parametrize("how", ["move", "cancel"])
def test_the_first_week_of_a_series_is_followed(scene: Scene, how: str) -> None:
    """Moved: to its new start. Cancelled: the booking begins with the next week. Other weeks are no part of the row."""
    row = scene.confirmed(RECURRING)
    weeks = sorted(scene.simulator.bookings(str(row.uuid)), key=lambda one: str(one["start"]))
    if how == "move":
        uid, start = moved_there(scene, row, 1), row.start_at + DAY
    else:
        scene.deed("cancel", row.calcom_booking_uid)
        uid, start = weeks[1]["uid"], row.start_at + 7 * DAY
    assert found(scene, row.start_at) == [(AuditFindingKind.MOVED, row.id)]
    assert mended(scene, row.start_at) == [True]
    now = scene.record.read(row.id)
    assert (now.calcom_booking_uid, now.booked_start_at, now.status) == (uid, start, Status.CONFIRMED)
    scene.deed("move", weeks[2]["uid"], start=f"{row.start_at + 16 * DAY:%Y-%m-%dT%H:%M:%SZ}")
    for days in (0, 1, 7, 14, 16):
        assert found(scene, row.start_at + days * DAY) == []


@pytest.mark.parametrize("event_type_id", [SEATS, HIDDEN])
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("joins", [True, False])
@pytest.mark.parametrize("days", [1, 60])
def test_the_move_of_a_seat_is_no_cancel(
    scene: Scene, event_type_id: int, *, alone: bool, joins: bool, days: int
) -> None:
    """To an empty time it has a new uid, and joins another booking with its own; in the range or out of it."""
    row = scene.confirmed(event_type_id)
    if not alone:
        scene.confirmed(event_type_id, start_at=row.start_at)
    if joins:
        scene.confirmed(event_type_id, start_at=row.start_at + days * DAY)
    made = seat_moved_there(scene, row, days)
    assert found(scene, row.start_at) == [(AuditFindingKind.MOVED, row.id)]
    assert mended(scene, row.start_at) == [True]
    now = scene.record.read(row.id)
    assert (now.status, now.calcom_booking_uid) == (Status.CONFIRMED, made["uid"])
    assert (now.calcom_seat_uid, now.booked_start_at) == (made["seatUid"], row.start_at + days * DAY)
    assert (found(scene, row.start_at), found(scene, row.start_at + days * DAY)) == ([], [])


@pytest.mark.parametrize("alone", [True, False])
def test_a_seat_that_is_cancelled_is_found_as_before(scene: Scene, *, alone: bool) -> None:
    """The list of its attendee shows no other."""
    row = scene.confirmed(SEATS)
    if not alone:
        scene.confirmed(SEATS, start_at=row.start_at)
    scene.deed("cancel", row.calcom_booking_uid, seat=row.calcom_seat_uid)
    kind = AuditFindingKind.CANCELLED if alone else AuditFindingKind.ABSENT
    assert found(scene, row.start_at) == [(kind, row.id)]


def test_what_is_moved_once_more_meanwhile_is_not_written(scene: Scene) -> None:
    """The finding is minutes old: Cal.com is asked again, and its newest word counts."""
    row, other = scene.confirmed(), scene.confirmed()
    for one in (row, other):
        moved_there(scene, one, 2)
    calls = scene.calls()
    seen = survey(calls, day_of(row.start_at), day_of(row.start_at) + DAY)
    newest = scene.simulator.bookings(str(row.uuid))[-1]["uid"]
    scene.deed("move", newest, start=f"{row.start_at + 5 * DAY:%Y-%m-%dT%H:%M:%SZ}")
    scene.cancel(scene.simulator.bookings(str(other.uuid))[-1]["uid"])

    assert [done.ok for _, done in mend(calls, seen)] == [True, False]
    assert scene.record.read(row.id).booked_start_at == row.start_at + 5 * DAY
    assert scene.record.read(other.id).calcom_booking_uid == other.calcom_booking_uid


def test_what_we_are_moving_is_said_to_be_moving(scene: Scene) -> None:
    """A confirmed row whose change has just ended is not "being booked": a reason of its own."""
    row = scene.confirmed()
    with scene.record.engine.begin() as conn:
        asked = ask_change(conn, row, row.start_at + DAY)
        assert moves.claim(conn, asked.id, lease_seconds=50, released=False) is not None
    moved_there(scene, row, 1)
    with scene.record.engine.begin() as conn:
        ended = {"claim_token": None, "lease_expires_at": None, "status": ChangeStatus.DONE}
        conn.execute(booking_changes.update().where(booking_changes.c.id == asked.id).values(**ended))
    assert (scene.found(), scene.silent(NoFinding.CHANGING)) == ([], [row.id])
    assert scene.silent(NoFinding.UNDER_WAY) == []
