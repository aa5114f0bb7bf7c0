"""`booking resolve` of a held change: the operator's word ends it, if what Cal.com shows does not deny that."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from db.changes import moves
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, Status
from tests.support.audits.scene import PLAIN, SEATS, Scene
from tests.support.changes import ask_change, held_change

Booking = Callable[..., Any]
WANTED = datetime.now(UTC).replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=9)
DONE, NOT_DONE = "--done", "--not-done"


class Case(NamedTuple):
    """What was wished, what has become of it at Cal.com, what the operator says, and what becomes of change and row."""

    wish: str
    there: str
    word: str
    ends: ChangeStatus
    row: Status
    said: str


CASES = {
    "a move that was done": Case("move", "moved", DONE, ChangeStatus.DONE, Status.CONFIRMED, "counts as done"),
    "a move by its new uid": Case("move", "moved", "uid", ChangeStatus.DONE, Status.CONFIRMED, "counts as done"),
    "a move that was not": Case("move", "stands", NOT_DONE, ChangeStatus.REFUSED, Status.CONFIRMED, "as not done"),
    "a move that is denied": Case("move", "stands", DONE, ChangeStatus.HELD, Status.CONFIRMED, "not at "),
    "no move, and there it is": Case("move", "moved", NOT_DONE, ChangeStatus.HELD, Status.CONFIRMED, "at the wanted"),
    "moved elsewhere": Case("move", "elsewhere", NOT_DONE, ChangeStatus.REFUSED, Status.CONFIRMED, "as not done"),
    "a move, and cancelled": Case("move", "cancelled", NOT_DONE, ChangeStatus.REFUSED, Status.CANCELLED, "as not done"),
    "a seat that is nowhere": Case("seat", "lost", NOT_DONE, ChangeStatus.DONE, Status.PENDING, "booked again"),
    "a cancel that was done": Case("cancel", "cancelled", DONE, ChangeStatus.DONE, Status.CANCELLED, "counts as done"),
    "a cancel that was not": Case("cancel", "stands", NOT_DONE, ChangeStatus.REFUSED, Status.CONFIRMED, "as not done"),
    "a cancel, and it lives": Case("cancel", "stands", DONE, ChangeStatus.HELD, Status.CONFIRMED, "lives"),
    "no cancel, and it is": Case("cancel", "cancelled", NOT_DONE, ChangeStatus.HELD, Status.CONFIRMED, "is cancelled"),
}


@pytest.fixture
def scene(booking: Booking, record: Any, simulator: Any) -> Scene:
    """A Cal.com and a record, with the settings of a deployment."""
    assert booking  # it has set them
    return Scene(record, simulator)


@pytest.mark.variants(first=4)
@pytest.mark.parametrize("name", CASES)
def test_an_operators_word_ends_a_held_change(booking: Booking, scene: Scene, name: str) -> None:
    """Its row is as Cal.com shows the booking then; what is denied changes nothing."""
    case = CASES[name]
    row = scene.confirmed(SEATS if case.wish == "seat" else PLAIN)
    uid = row.calcom_booking_uid
    wanted = None if case.wish == "cancel" else WANTED
    change = held_change(scene.record, row, wanted, **({"from_seat_uid": "nowhere"} if case.there == "lost" else {}))
    start = WANTED + timedelta(hours=case.there == "elsewhere")
    if case.there in {"moved", "elsewhere"}:
        uid = scene.call("POST", f"/v2/bookings/{uid}/reschedule", {"start": f"{start:%Y-%m-%dT%H:%M:%SZ}"})["uid"]
    elif case.there == "cancelled":
        scene.cancel(str(uid))

    ran = booking("resolve", row.id, uid if case.word == "uid" else case.word)

    now, ended = scene.record.read(row.id), read(scene.record, change)
    assert case.said in ran.said
    assert (ended.status, now.status, ran.code) == (case.ends, case.row, int(case.ends is ChangeStatus.HELD)), ran.said
    if ran.code == 1:
        assert (now, ended) == (scene.record.read(row.id), change)
    elif case.there in {"moved", "elsewhere"}:
        assert (now.calcom_booking_uid, now.booked_start_at) == (uid, start)
    elif case.there == "lost":
        assert (now.start_at, now.calcom_booking_uid, now.uuid) == (WANTED, None, row.uuid)
    if ran.code == 0:
        assert "operator" in {event["by"] for event in booking("show", row.id, "--json").json["story"]}
        assert not now.cancel_requested or now.status is Status.CANCELLED


def test_no_word_is_taken_while_a_call_may_still_change_the_booking(booking: Booking, scene: Scene) -> None:
    """It could be done a moment later."""
    row = scene.confirmed(PLAIN)
    change = held_change(scene.record, row, WANTED, ends_at=datetime.now(UTC) + timedelta(minutes=2))

    ran = booking("resolve", row.id, NOT_DONE)

    assert (ran.code, read(scene.record, change)) == (1, change)
    assert "a call may still change it for 1" in ran.err


def test_a_word_about_no_held_change_changes_nothing(booking: Booking, scene: Scene) -> None:
    """One that goes by itself needs none."""
    row = scene.confirmed(PLAIN)
    held_change(scene.record, row, WANTED, hold_reason="breaker_open")
    before = len(scene.simulator.journal())

    said = [booking("resolve", row.id, *given) for given in ([DONE], [NOT_DONE], [])]

    assert [one.code for one in said] == [1, 1, 1]
    assert "no change of it is held with an unknown outcome" in said[0].err
    assert "give its uid at Cal.com" in said[2].err
    assert len(scene.simulator.journal()) == before


def test_the_next_change_goes_when_an_operators_word_has_ended_the_first(booking: Booking, scene: Scene) -> None:
    """It waited for the outcome of the uid."""
    row = scene.confirmed(PLAIN)
    held_change(scene.record, row, WANTED)
    with scene.record.engine.begin() as conn:
        following = ask_change(conn, row, status=ChangeStatus.WAITING)

    assert booking("resolve", row.id, NOT_DONE).code == 0

    assert read(scene.record, following).status is ChangeStatus.PENDING


def read(record: Any, change: BookingChange) -> BookingChange:
    """Read a change that is there."""
    with record.engine.connect() as conn:
        now = moves.get(conn, change.id)
    assert now is not None
    return now
