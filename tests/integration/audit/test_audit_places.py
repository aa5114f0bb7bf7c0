"""An audit that mends, or runs at night, writes down where bookings are that people moved or accepted at Cal.com."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from db.appointments import audit, events
from db.appointments.there.places import BookedThere, record_places
from tests.support.audits.nights import Night
from tests.support.audits.scene import CONFIRM, PLAIN, SEATS, Scene


@pytest.fixture
def scene(settings: Callable[..., dict[str, str]], record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them."""
    settings(CALCOM_RATE_LIMIT_PER_MINUTE="6000")
    return Scene(record, simulator)


def deed(scene: Scene, days: int) -> Any:
    """Book two, and have a person move the one and accept the other; return the rows and when the first is now."""
    moved, accepted = scene.confirmed(PLAIN), scene.confirmed(CONFIRM)
    to = next(scene.starts) + timedelta(days=days)
    scene.deed("move", moved.calcom_booking_uid, start=to.isoformat())
    scene.deed("accept", accepted.calcom_booking_uid)
    return moved, accepted, to


@pytest.mark.parametrize("days", [0, 60], ids=["within the range", "out of it"])
def test_what_was_moved_or_accepted_there_is_written_down(scene: Scene, days: int) -> None:
    """It agrees, so nothing is found; and without --fix nothing is written."""
    moved, accepted, to = deed(scene, days)
    assert scene.audit().findings == []
    assert [scene.record.read(row.id) for row in (moved, accepted)] == [moved, accepted]

    assert scene.fixed() == []

    now = scene.record.read(moved.id)
    assert now.booked_start_at == to
    assert now.calcom_booking_uid != moved.calcom_booking_uid
    assert (now.awaits_host, scene.record.read(accepted.id).awaits_host) == (False, False)
    with scene.record.engine.connect() as conn:
        [told] = [event for event in events.timeline(conn, moved.id) if event.kind == "moved_there"]
    assert (told.by, told.detail["uid"]) == ("audit", now.calcom_booking_uid)
    assert scene.audit().places == []


@pytest.mark.parametrize("days", [0, 60], ids=["within the range", "out of it"])
def test_a_night_writes_it_down_too(scene: Scene, simulator: Any, days: int) -> None:
    """Nobody has to order that."""
    moved, accepted, to = deed(scene, days)

    assert Night(moved.start_at.date(), simulator).go_on()

    assert scene.record.read(moved.id).booked_start_at == to
    assert scene.record.read(accepted.id).awaits_host is False


def test_a_seat_keeps_its_place(scene: Scene) -> None:
    """Nothing is new of what stands as its row says."""
    row = scene.confirmed(SEATS)

    scene.fixed()

    now = scene.record.read(row.id)
    assert (now.calcom_booking_uid, now.calcom_seat_uid) == (row.calcom_booking_uid, row.calcom_seat_uid)
    assert (now.booked_start_at, now.awaits_host) == (None, False)


def test_an_older_list_says_nothing_of_a_row_that_was_written_since(scene: Scene) -> None:
    """Nor of one that has another booking by now; the list of a long range may be hours old."""
    row = scene.confirmed(PLAIN)
    with scene.record.engine.begin() as conn:
        now, there = audit.now(conn), BookedThere(row.calcom_booking_uid, awaits_host=True)
        record_places(conn, [(row, there)], by="audit", why="", read_at=row.updated_at - timedelta(seconds=1))
    assert scene.record.read(row.id).awaits_host is None
    with scene.record.engine.begin() as conn:
        record_places(conn, [(row, there)], by="audit", why="", read_at=now)
    assert (scene.record.read(row.id).awaits_host, scene.record.read(row.id).updated_at) == (True, now)
    scene.record.write(row.id, calcom_booking_uid="another")
    with scene.record.engine.begin() as conn:
        record_places(conn, [(row, BookedThere(row.calcom_booking_uid, awaits_host=False))], by="caller", why="")
    assert scene.record.read(row.id).awaits_host is True
