"""An audit over days of all kinds: silent about what is well, and one finding for each case of what is not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from db.appointments import event_types
from db.appointments.event_types import EventKind
from db.lifecycle import HoldReason, Status
from tasks import dependencies
from tasks.audit.finding import AuditFindingKind
from tests.support.auditing import Scene

POST = {"method": "POST", "path": "/v2/bookings"}
RR_CONFIRM, SERIES, SERIES_OF_A_MONTH = 130, 129, 141
PERSONAL = (101, 109, 107, 108, 102, 140, 103, 138, 151, 133, 114, 146, 111, SERIES, 137)
TEAMS = (104, 106, 117, 130, 131, 132, 134, 148, 150, 135, 136)
PHONE = {"attendee_email": None, "attendee_phone": "+12025550123"}
BY_PHONE = {107: PHONE, 150: PHONE, 151: PHONE}


@pytest.fixture
def scene(settings: Callable[..., dict[str, str]], record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them."""
    settings()
    simulator.settings(rate_limit=0)
    return Scene(record, simulator)


@pytest.fixture
def well(scene: Scene) -> list[Any]:
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


@pytest.mark.parametrize("key", ["owner", "host4", "blind"])
def test_over_a_healthy_day_of_all_kinds_nothing_is_found(
    settings: Callable[..., dict[str, str]], scene: Scene, well: list[Any], key: str
) -> None:
    """With a key that sees all, one of one of two hosts, and one that sees nothing: each row is judged."""
    settings(CALCOM_API_KEY=f"cal_test_{key}")
    seen = scene.audit()
    assert [(one.kind, one.message) for one in seen.findings] == []
    assert (seen.clean, seen.confirmed, seen.judged) == (True, len(well), len(well))


def test_each_fault_is_one_finding_by_row_and_kind(scene: Scene, well: list[Any]) -> None:
    """Told taken while booked, half made, cut, twice, refused in the middle of a series."""
    expected = {
        told_taken(scene).id: AuditFindingKind.NOT_HERE,
        half_made(scene).id: AuditFindingKind.HALF_MADE,
        cut(scene).id: AuditFindingKind.SERIES_CUT,
        twice(scene).id: AuditFindingKind.TWICE,
        refused_midway(scene).id: AuditFindingKind.NOT_HERE,
    }
    seen = scene.audit()
    assert {one.row.id: one.kind for one in seen.findings if one.row} == expected
    assert len(seen.findings) == len(expected)
    assert seen.judged == seen.confirmed == len(well) + 2


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


def test_what_is_mended_leaves_what_only_people_can_mend(scene: Scene) -> None:
    """Of a series that was refused in the middle the audit confirms the row, and then tells how many weeks it has."""
    row = refused_midway(scene)
    assert [done.ok for _, done in scene.fixed()] == [True]
    now = scene.aged(row)
    assert now.status is Status.CONFIRMED
    assert now.series_uid
    [found] = scene.audit().findings
    assert found.kind is AuditFindingKind.SERIES_CUT
    assert "weeks of" in found.message
    assert scene.fixed() == []


def test_what_is_held_as_half_made_is_a_finding(scene: Scene) -> None:
    """A worker has seen it, and only a person can end it; what settles is looked for again by itself."""
    row = scene.record.claimed(event_type_id=103, start_at=next(scene.starts))
    scene.simulator.faults("kill", step="seat", count=1, match=POST)
    assert scene.answered(row) == 0
    unknown = {"outcome_unknown": True, "sent_at": timedelta(minutes=-5), "settle_at": timedelta(minutes=-4)}
    assert scene.record.move(row, Status.HELD, hold_reason=HoldReason.SUSPECT)
    scene.record.write(row.id, **unknown)
    [found] = scene.audit().findings
    assert (found.kind, found.row and found.row.id) == (AuditFindingKind.HALF_MADE, row.id)
    assert "`booking retry`" in found.message
    scene.record.write(row.id, hold_reason=HoldReason.SETTLING, hold_until=timedelta(minutes=1))
    assert scene.audit().clean


def test_how_many_weeks_there_should_be_is_asked_once(scene: Scene) -> None:
    """And not at all when a worker was told it, or has counted them: an audit takes no call that it can do without."""
    rows = [scene.confirmed(SERIES) for _ in range(2)]
    asked = f"/v2/event-types/{SERIES}"

    def questions() -> int:
        before = len(scene.simulator.journal())
        assert scene.audit().clean
        return [entry["target"] for entry in scene.simulator.journal()[before:]].count(asked)

    assert questions() == 1
    for row in rows:
        scene.record.write(row.id, series_of=8)
    assert questions() == 0
    with dependencies.current().engine.begin() as conn:
        weeks = {"kind": EventKind.OTHER, "sight": True, "occurrences": 8}
        event_types.keep(conn, dependencies.current().calcom.key_fingerprint, rows[0].event_type, **weeks)
    scene.record.write(rows[0].id, series_of=None)
    assert questions() == 0
