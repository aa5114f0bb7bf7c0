"""`tasks.audit`: each way in which our record and Cal.com's list may disagree is said, and what is safe is mended."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.appointments import events
from db.lifecycle import HoldReason, Status
from tasks.audit import listing
from tasks.audit.finding import AuditFindingKind, NoFinding
from tests.support.audits.scene import CONFIRM, OPEN, ROUND_ROBIN, Scene

UNKNOWN = {"outcome_unknown": True, "sent_at": timedelta(minutes=-5), "settle_at": timedelta(minutes=-1)}


@pytest.fixture
def scene(settings: Callable[..., dict[str, str]], record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them."""
    settings()
    return Scene(record, simulator)


def test_what_agrees_is_not_found(scene: Scene) -> None:
    """Confirmed and there, pending with its host, a booking of somebody else's, a request still on its way."""
    scene.confirmed()
    scene.confirmed(CONFIRM)
    scene.row()
    scene.call("POST", "/v2/bookings", strangers(scene))
    seen = scene.audit()
    assert seen.clean
    assert (seen.confirmed, seen.listed, seen.others) == (2, 3, 1)


def strangers(scene: Scene) -> dict[str, Any]:
    """Return the body of a booking that was made without us."""
    person = {"name": "Bob Example", "timeZone": "UTC", "email": "bob@example.com"}
    return {"start": f"{scene.first:%Y-%m-%d}T12:00:00Z", "eventTypeId": OPEN, "attendee": person}


def test_confirmed_here_and_absent_there(scene: Scene) -> None:
    """Not listed, and Cal.com knows no booking of that uid; nothing that is safe can be done."""
    scene.confirmed()
    row = scene.lost()
    assert scene.found() == [(AuditFindingKind.ABSENT, row.id)]
    assert scene.fixed() == []


def test_what_the_list_does_not_show_is_asked_for(settings: Callable[..., dict[str, str]], scene: Scene) -> None:
    """A key of one of two hosts lists its own bookings: by their uids it is shown the other's, too."""
    rows = [scene.confirmed(ROUND_ROBIN) for _ in range(4)]
    theirs = [row for row in rows if scene.host(row) != "host4"]
    settings(CALCOM_API_KEY="cal_test_host4")
    seen = scene.audit()
    assert (seen.clean, seen.confirmed, seen.judged, seen.asked) == (True, 4, 4, len(theirs))
    assert 0 < len(theirs) < 4
    scene.cancel(theirs[0].calcom_booking_uid or "")
    assert scene.found() == [(AuditFindingKind.CANCELLED, theirs[0].id)]


def test_absent_is_only_said_when_a_replica_must_know(scene: Scene, simulator: Any) -> None:
    """One that lags answers 404 to a booking that was just made, in the very words that it has for none."""
    old = scene.confirmed()
    simulator.settings(replica_lag=3600)
    row = scene.record.moved(Status.CONFIRMED, calcom_booking_uid="new")
    scene.record.write(row.id, updated_at=text("now() + interval '1 minute'"))  # however long the audits take
    seen = scene.audit()
    assert (seen.silent[NoFinding.TOO_YOUNG], scene.found()) == ([row.id], [(AuditFindingKind.ABSENT, old.id)])
    assert (seen.confirmed, seen.judged) == (2, 1)


def test_an_answer_that_cannot_be_read_is_no_absence(scene: Scene, simulator: Any) -> None:
    """It is said that this row could not be judged, and the audit is not clean."""
    row = scene.lost()
    simulator.faults("cut_json", match={"method": "GET", "path": f"/v2/bookings/{row.calcom_booking_uid}"})
    simulator.faults("status", name="internal", match={"method": "GET", "path": f"/v2/bookings/lost-{row.id}"})
    seen = scene.audit()
    assert (seen.silent[NoFinding.CANNOT_TELL], seen.findings, seen.clean) == ([row.id], [], False)
    assert (seen.confirmed, seen.judged) == (1, 0)


def test_cancelled_there_is_cancelled_here(scene: Scene) -> None:
    """Or declined by its host: said first, changed only when ordered, told in the story; then all agrees."""
    row, declined = scene.confirmed(), scene.confirmed(CONFIRM)
    scene.cancel(row.calcom_booking_uid or "")
    scene.call("POST", f"/v2/bookings/{declined.calcom_booking_uid}/decline")
    assert scene.found() == [(AuditFindingKind.CANCELLED, row.id), (AuditFindingKind.CANCELLED, declined.id)]
    assert scene.record.read(row.id).status is Status.CONFIRMED
    assert [done.ok for _, done in scene.fixed()] == [True, True]
    assert scene.record.read(row.id).status is Status.CANCELLED
    assert scene.story(row) == ["cancelled"]
    assert scene.audit().clean


def test_rescheduled_there_is_not_absent(scene: Scene) -> None:
    """Its successor lives on, on a day of the range or on another, or came here from one, until it is cancelled."""
    moved, rows = {}, []
    for days in (1, 60):
        row = scene.confirmed()
        rows.append(row.id)
        start = {"start": f"{row.start_at + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"}
        moved[days] = scene.call("POST", f"/v2/bookings/{row.calcom_booking_uid}/reschedule", start)["uid"], row
    far = scene.confirmed(start_at=scene.last + timedelta(days=5))
    nearer = {"start": f"{scene.first + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}
    scene.call("POST", f"/v2/bookings/{far.calcom_booking_uid}/reschedule", nearer)
    assert scene.found() == [(AuditFindingKind.MOVED, row) for row in (*rows, far.id)]
    uid, row = moved[1]
    scene.cancel(uid)
    assert scene.found()[0] == (AuditFindingKind.CANCELLED, row.id)


def test_there_and_not_here_is_recorded(scene: Scene) -> None:
    """Like a late 201: what is failed or held is confirmed, what is on its way finds its uid at its next claim."""
    rows = [
        scene.row(Status.FAILED),
        scene.record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT),
        scene.row(Status.RETRYING),
    ]
    uids = [scene.post(row)["uid"] for row in rows]
    assert scene.found() == [(AuditFindingKind.NOT_HERE, row.id) for row in rows]
    assert [done.ok for _, done in scene.fixed()] == [True, True, True]
    now = [scene.record.read(row.id) for row in rows]
    assert [row.calcom_booking_uid for row in now] == uids
    assert [row.status for row in now] == [Status.CONFIRMED, Status.CONFIRMED, Status.RETRYING]
    assert scene.audit().clean


@pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED, Status.EXPIRED])
def test_who_was_told_not_booked_and_is_becomes_confirmed(scene: Scene, status: Status) -> None:
    """Found by its reference, without any uid; somebody must be called, so the story tells it for the alert."""
    row = scene.once_unknown(status)
    made = scene.post(row)
    assert scene.found() == [(AuditFindingKind.NOT_HERE, row.id)]
    [(_, done)] = scene.fixed()
    assert (done.ok, f"booking show {row.id} --personal" in done.message) == (True, True)
    now = scene.record.read(row.id)
    assert (now.status, now.calcom_booking_uid) == (Status.CONFIRMED, made["uid"])
    assert events.TOLD_NOT_BOOKED in scene.story(row)
    assert scene.audit().clean


def test_there_and_cancelled_here_is_for_the_operator(scene: Scene) -> None:
    """No move leads out of cancelled: its uid is recorded once, and it is said again until somebody has decided."""
    row = scene.row(Status.CANCELLED)
    made = scene.post(row)
    for fixes in ([False], []):
        assert [done.ok for _, done in scene.fixed()] == fixes
        assert scene.found() == [(AuditFindingKind.NOT_HERE, row.id)]
    assert scene.record.read(row.id).calcom_booking_uid == made["uid"]
    assert scene.story(row) == ["late_uid", "cancel_there"]


def test_what_is_hidden_and_ended_is_asked_for_by_its_uid(
    settings: Callable[..., dict[str, str]], scene: Scene
) -> None:
    """Where this key's list is blind that is all that can be asked; it is believed only with our reference."""
    row, other = scene.once_unknown(Status.REJECTED), scene.once_unknown(Status.REJECTED)
    made = scene.post(row)
    scene.record.write(row.id, calcom_booking_uid=made["uid"])
    scene.record.write(other.id, calcom_booking_uid=scene.confirmed().calcom_booking_uid)
    settings(CALCOM_API_KEY="cal_test_blind")
    assert scene.found() == [(AuditFindingKind.NOT_HERE, row.id)]


def test_a_reference_that_no_row_has_is_said(scene: Scene) -> None:
    """Another installation with this key, or a record that was lost; nothing is done."""
    made = scene.post(scene.record.new(event_type_id=OPEN))
    [found] = scene.audit().findings
    assert (found.kind, found.row, found.fix) == (AuditFindingKind.NOT_HERE, None, None)
    assert made["uid"] in found.message
    scene.cancel(made["uid"])
    assert scene.audit().clean


def test_what_is_being_looked_for_is_no_finding(scene: Scene) -> None:
    """Unknown outcomes and calls in flight are a worker's matter."""
    unknown, flying = scene.row(Status.RETRYING), scene.record.claimed(event_type_id=OPEN)
    scene.record.write(unknown.id, **UNKNOWN)
    for row in (unknown, flying):
        scene.post(row)
    assert scene.silent(NoFinding.UNDER_WAY) == [unknown.id, flying.id]
    assert (scene.found(), scene.fixed()) == ([], [])


def test_all_pages_are_read(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands on the last of them counts like the first."""
    rows = [scene.confirmed() for _ in range(7)]
    monkeypatch.setattr(listing, "PAGE", 2)
    seen = scene.audit()
    assert (seen.clean, seen.listed) == (True, 7)
    scene.cancel(rows[-1].calcom_booking_uid or "")
    assert scene.found() == [(AuditFindingKind.CANCELLED, rows[-1].id)]


def test_only_the_days_asked_for_are_judged(scene: Scene) -> None:
    """The day before and the day after are another audit's."""
    inside = scene.lost(start_at=scene.first)
    scene.confirmed(start_at=scene.first + timedelta(minutes=30))
    for start in (scene.first - timedelta(minutes=1), scene.last):
        scene.lost(start_at=start)
        scene.post(scene.row(Status.FAILED), start_at=start)
    seen = scene.audit()
    assert ([one.row and one.row.id for one in seen.findings], seen.confirmed, seen.listed) == ([inside.id], 2, 1)


def test_without_an_order_nothing_at_all_is_changed(scene: Scene) -> None:
    """Neither here nor there, whatever is found."""
    doubled, over = scene.confirmed(), scene.confirmed()
    scene.post(doubled)
    scene.cancel(over.calcom_booking_uid or "")
    scene.post(scene.row(Status.FAILED))
    scene.lost()

    def everything() -> Any:
        with scene.record.engine.connect() as conn:
            tables = ("appointments", "appointment_events", "calcom_event_types")
            rows = [conn.execute(text(f"SELECT * FROM {table} ORDER BY 1")).all() for table in tables]  # noqa: S608
        return rows, scene.simulator.bookings()

    before = everything()
    assert len(scene.audit().findings) == 4
    assert everything() == before
