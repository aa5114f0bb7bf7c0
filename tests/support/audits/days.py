"""Days for an audit: one on which all is well, of all kinds, and what can go wrong on one."""

from datetime import timedelta
from typing import Any

from db.lifecycle import Status
from tests.support.audits.scene import Scene

POST = {"method": "POST", "path": "/v2/bookings"}
RR_CONFIRM, SERIES, SERIES_OF_A_MONTH = 130, 129, 141
PERSONAL = (101, 109, 107, 108, 102, 140, 103, 138, 151, 133, 114, 146, 111, SERIES, 137)
TEAMS = (104, 106, 117, 130, 131, 132, 134, 148, 150, 135, 136)
PHONE = {"attendee_email": None, "attendee_phone": "+12025550123"}
BY_PHONE = {107: PHONE, 150: PHONE, 151: PHONE}


def all_kinds(scene: Scene) -> list[Any]:
    """Book two of each kind, where that may be, and let people do what they do."""
    rows = [
        scene.confirmed(event_type_id, **BY_PHONE.get(event_type_id, {}))
        for event_type_id in (*PERSONAL, *TEAMS, *TEAMS)
    ]
    moved, week, reassigned = scene.confirmed(), scene.confirmed(SERIES), scene.confirmed(104)
    to = moved.start_at + timedelta(days=40)
    scene.deed("move", moved.calcom_booking_uid, start=f"{to:%Y-%m-%dT%H:%M:%SZ}")
    weeks = sorted(scene.simulator.bookings(str(week.uuid)), key=lambda one: str(one["start"]))
    scene.deed("cancel", weeks[0]["uid"])
    scene.deed("cancel", weeks[3]["uid"])
    scene.deed(
        "reassign", reassigned.calcom_booking_uid, host={"host4": "host5", "host5": "host4"}[scene.host(reassigned)]
    )
    return [*rows, moved, week, reassigned]


def told_taken(scene: Scene) -> Any:
    """The answer is lost, the slots do not offer the time any more, and the key does not list that host's bookings."""
    row = scene.once_unknown(Status.REJECTED, event_type_id=104)
    scene.post(row)
    return row


def half_made(scene: Scene) -> Any:
    """A server is killed between the booking and its seat."""
    row = scene.record.claimed(event_type_id=103, start_at=next(scene.starts))
    scene.simulator.faults("kill", step="seat", count=1, match=POST)
    assert scene.answered(row) == 0
    return scene.once_unknown(Status.REJECTED, row)


def cut(scene: Scene) -> Any:
    """A server is killed in the middle of a series, and a look finds its first week."""
    row = scene.record.claimed(event_type_id=SERIES, start_at=next(scene.starts))
    scene.simulator.faults("kill", step="insert", week=4, count=1, match=POST)
    assert scene.answered(row) == 0
    return scene.found_booked(row)


def twice(scene: Scene) -> Any:
    """Round robin that asks for confirmation: its host has accepted, and a second POST takes the other host."""
    row = scene.confirmed(RR_CONFIRM)
    scene.deed("accept", row.calcom_booking_uid)
    scene.post(row)
    return row


def refused_midway(scene: Scene) -> Any:
    """A type that may be booked a month ahead refuses the fifth week, and leaves four."""
    row = scene.record.claimed(event_type_id=SERIES_OF_A_MONTH, start_at=next(scene.starts))
    assert scene.answered(row) == 400
    return scene.once_unknown(Status.REJECTED, row)
