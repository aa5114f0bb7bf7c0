"""An audit over days of all kinds: silent about what is well, and one finding for each case of what is not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from db.appointments import event_types
from db.event_kind import EventKind
from db.lifecycle import HoldReason, Status
from tasks import dependencies
from tasks.audit.finding import AuditFindingKind
from tests.support.audits.days import SERIES, all_kinds, cut, half_made, refused_midway, told_taken, twice
from tests.support.audits.scene import Scene

POST = {"method": "POST", "path": "/v2/bookings"}


@pytest.fixture
def scene(settings: Callable[..., dict[str, str]], record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them."""
    settings()
    simulator.settings(rate_limit=0)
    return Scene(record, simulator)


@pytest.fixture
def well(scene: Scene) -> list[Any]:
    """Book two of each kind, where that may be, and let people do what they do."""
    return all_kinds(scene)


@pytest.mark.long
@pytest.mark.parametrize("key", ["owner", "host4", "blind"])
def test_over_a_healthy_day_of_all_kinds_only_moves_are_found(
    settings: Callable[..., dict[str, str]], scene: Scene, well: list[Any], key: str
) -> None:
    """With a key that sees all, one of one of two hosts, and one that sees nothing: each row is judged.

    A booking that its host has moved, and a series whose first week is cancelled, are followed.
    """
    settings(CALCOM_API_KEY=f"cal_test_{key}")
    seen = scene.audit()
    followed = [(AuditFindingKind.MOVED, row.id) for row in well[-3:-1]]
    assert [(one.kind, one.row.id if one.row else one.message) for one in seen.findings] == followed
    assert (seen.confirmed, seen.judged) == (len(well), len(well))
    assert [done.ok for _, done in scene.fixed()] == [True, True]
    seen = scene.audit()
    assert (seen.findings, seen.clean, seen.confirmed) == ([], True, len(well) - 1), "one is in another month now"


def test_each_fault_is_one_finding_by_row_and_kind(scene: Scene, well: list[Any]) -> None:
    """Told taken while booked, half made, cut, twice, refused in the middle of a series."""
    expected = {
        told_taken(scene).id: AuditFindingKind.NOT_HERE,
        half_made(scene).id: AuditFindingKind.HALF_MADE,
        cut(scene).id: AuditFindingKind.SERIES_CUT,
        twice(scene).id: AuditFindingKind.TWICE,
        refused_midway(scene).id: AuditFindingKind.NOT_HERE,
        **{row.id: AuditFindingKind.MOVED for row in well[-3:-1]},
    }
    seen = scene.audit()
    assert {one.row.id: one.kind for one in seen.findings if one.row} == expected
    assert len(seen.findings) == len(expected)
    assert seen.judged == seen.confirmed == len(well) + 2


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
        weeks = event_types.ShownType(policy_kind=EventKind.OTHER, occurrences=8)
        event_types.keep(conn, dependencies.current().calcom.key_fingerprint, rows[0].event_type, weeks)
    scene.record.write(rows[0].id, series_of=None)
    assert questions() == 0
