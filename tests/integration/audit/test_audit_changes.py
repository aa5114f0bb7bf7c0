"""A cancel or a move of ours that is under way is no finding: neither Cal.com's list nor our row is the last word."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func

from db.appointments import Appointment
from db.changes import moves
from db.lifecycle import ChangeStatus, Status
from db.models.changes import booking_changes
from tasks.audit import fixes
from tasks.audit.finding import AuditFindingKind, NoFinding
from tests.support.audits.scene import Scene
from tests.support.changes import ask_change


@pytest.fixture
def scene(settings: Callable[..., dict[str, str]], record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them."""
    settings()
    return Scene(record, simulator)


def cancelling(scene: Scene, row: Appointment) -> int:
    """Have a worker at the cancel of a row; return the change's id."""
    with scene.record.engine.begin() as conn:
        asked = ask_change(conn, row)
        assert moves.claim(conn, asked.id, lease_seconds=50, released=False) is not None
    return asked.id


def becomes(scene: Scene, change: int, **columns: Any) -> None:
    """Write columns of a change that no worker has any more."""
    columns = {"claim_token": None, "lease_expires_at": None, **columns}
    with scene.record.engine.begin() as conn:
        conn.execute(booking_changes.update().where(booking_changes.c.id == change).values(**columns))


def test_a_row_whose_cancel_is_under_way_is_no_finding(scene: Scene) -> None:
    """Cancelled there already, and not yet here; and the other way round while a replica lags. Then it is one again."""
    row = scene.confirmed()
    change = cancelling(scene, row)
    scene.cancel(row.calcom_booking_uid or "")
    under_way = scene.silent(NoFinding.CHANGING), scene.found(), scene.fixed()

    becomes(scene, change, status=ChangeStatus.DONE)
    ended = scene.silent(NoFinding.CHANGING)
    becomes(scene, change, updated_at=func.now() - timedelta(minutes=5))

    assert (under_way, ended) == (([row.id], [], []), [row.id])
    assert scene.found() == [(AuditFindingKind.CANCELLED, row.id)]


def test_one_that_was_sent_and_waits_is_under_way(scene: Scene) -> None:
    """One that was never sent is not: what the audit finds is nothing of it."""
    row = scene.confirmed()
    change = cancelling(scene, row)
    scene.cancel(row.calcom_booking_uid or "")
    found = []
    for posts in (1, 0):
        becomes(scene, change, status=ChangeStatus.RETRYING, posts=posts)
        found.append(scene.found())

    assert found == [[], [(AuditFindingKind.CANCELLED, row.id)]]


def test_no_finding_is_fixed_while_its_row_is_changed(scene: Scene) -> None:
    """A cancel that began after the audit had read the row."""
    row = scene.confirmed()
    scene.cancel(row.calcom_booking_uid or "")
    [finding] = scene.audit().findings
    cancelling(scene, row)

    assert not fixes.fix(scene.calls(), finding).ok
    assert scene.record.read(row.id).status is Status.CONFIRMED
