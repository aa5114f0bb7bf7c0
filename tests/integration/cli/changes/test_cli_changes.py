"""A cancel or a move is asked for by the command and by Python alike, once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import ChangeStatus, Status
from db.models.changes import ChangeKind, booking_changes
from tasks import dependencies
from tasks.changes.ask.ask import Via
from tasks.changes.ask.change import cancel
from tests.support.changes import ask_change
from tests.support.refused_changes import HOUR, LATER, booked, stored
from worker import ChangeRefusedError, cancel_booking, reschedule_booking

Booking = Callable[..., Any]


def test_a_cancel_of_a_booking_goes_to_cal_com(booking: Booking, record: Any) -> None:
    """The row says that it is wanted, and the second wish is the first one."""
    row = booked(record)

    ran = booking("cancel", row.id)

    assert (ran.code, ran.out) == (
        0,
        f"{row.id}: its cancel goes to Cal.com; `booking show {row.id}` says when it is cancelled.\n",
    )
    assert record.read(row.id).cancel_requested
    shown = booking("show", row.id).out
    assert ("Its cancel, asked for" in shown, "nothing sends it" in shown) == (True, False)
    again = cancel_booking(row.id)
    assert (again.duplicate, again.status) == (True, ChangeStatus.PENDING)
    assert stored(record) == [(ChangeKind.CANCEL, ChangeStatus.PENDING)]


def test_a_booking_that_is_not_booked_yet_takes_the_new_start_without_a_call(booking: Booking, record: Any) -> None:
    """With its derived key and its place in the line."""
    row = record.keep(key_derived=True)

    ran = booking("reschedule", row.id, LATER.isoformat())

    now = record.read(row.id)
    assert (ran.code, now.status, now.start_at) == (0, Status.PENDING, LATER)
    assert now.idempotency_key != row.idempotency_key
    assert stored(record) == [(ChangeKind.RESCHEDULE, ChangeStatus.DONE)]


def test_a_move_and_its_record_are_one_transaction(booking: Booking, record: Any) -> None:
    """One that is refused is recorded with why."""
    row = booked(record)

    ran = [booking("reschedule", row.id, start.isoformat()).code for start in (LATER, LATER.replace(year=2020))]

    actions, by = "FROM operator_actions WHERE action = 'reschedule'", "ORDER BY id"
    with record.engine.connect() as conn:
        told = conn.execute(text(f"SELECT outcomes, done, refused IS NULL {actions} {by}")).all()
        together = conn.execute(text(f"SELECT xmin::text {actions} {by} LIMIT 1")).scalar_one()
        asked = conn.execute(text("SELECT xmin::text FROM booking_changes")).scalar_one()
    assert (ran, together) == ([0, 1], asked)
    assert told == [({"move_asked": 1}, 1, True), ({"past": 1}, 0, False)]


@pytest.mark.usefixtures("booking")
def test_a_newer_wish_withdraws_one_that_was_not_sent(record: Any) -> None:
    """And a cancel withdraws every move."""
    row = booked(record)

    for wanted in (LATER, LATER + HOUR):
        reschedule_booking(row.id, wanted)
    cancel_booking(row.id)

    assert [status for _, status in stored(record)] == ["withdrawn", "withdrawn", "pending"]


@pytest.mark.usefixtures("booking")
def test_two_operators_and_a_caller_at_once_ask_for_one_change(record: Any) -> None:
    """One of them has asked for it, and the others hear which change it is."""
    row, engine, ready = booked(record), dependencies.current().engine, Barrier(3)

    def order(via: Via) -> tuple[int | None, bool]:
        ready.wait(10)
        result = cancel(engine, row.id, by="operator", via=via, why="a test")
        return result.change and result.change.id, result.repeated

    def call() -> tuple[int | None, bool]:
        ready.wait(10)
        receipt = cancel_booking(row.id)
        return receipt.change_id, receipt.duplicate

    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(order, Via.PAGE), pool.submit(order, Via.COMMAND_LINE), pool.submit(call)]
        heard = [one.result(30) for one in asked]

    assert stored(record) == [(ChangeKind.CANCEL, ChangeStatus.PENDING)]
    assert len({change for change, _ in heard}) == 1
    assert sorted(is_known for _, is_known in heard) == [False, True, True]


@pytest.mark.usefixtures("booking")
def test_the_same_key_is_the_same_change(record: Any) -> None:
    """Another start under it is refused."""
    row = booked(record)

    first, again = (reschedule_booking(row.id, LATER, key="k1") for _ in range(2))

    assert (first.change_id, again.duplicate) == (again.change_id, True)
    with pytest.raises(ChangeRefusedError, match="this key stands for another change"):
        reschedule_booking(row.id, LATER + HOUR, key="k1")


@pytest.mark.usefixtures("booking")
def test_who_asks_for_the_booking_again_takes_back_what_was_not_sent(record: Any) -> None:
    """A cancel that was sent stays: then the row says so."""
    row, sent = booked(record), booked(record)
    for one in (row, sent):
        cancel_booking(one.id)
    with record.engine.begin() as conn:
        changes = booking_changes.c
        of_sent = booking_changes.update().where(changes.appointment_id == sent.id)
        conn.execute(of_sent.values(status="retrying", posts=1))

    for one in (row, sent):
        record.write(one.id, cancel_requested=False)

    assert [record.read(one.id).cancel_requested for one in (row, sent)] == [False, True]
    assert [status for _, status in stored(record)] == ["withdrawn", "retrying"]


def test_a_refused_wish_hides_no_failed_change(booking: Booking, record: Any) -> None:
    """`booking retry` sends the one that failed: the wish that came after it has changed nothing."""
    row = booked(record)
    reschedule_booking(row.id, LATER)
    changes = booking_changes.c
    with record.engine.begin() as conn:
        failed = booking_changes.update().where(changes.appointment_id == row.id)
        conn.execute(failed.values(status=ChangeStatus.FAILED, posts=3))
        refused = ask_change(conn, row, status=ChangeStatus.WAITING)
        conn.execute(booking_changes.update().where(changes.id == refused.id).values(status=ChangeStatus.REFUSED))

    ran = booking("retry", row.id)

    assert ran.code == 0, ran.said
    assert [status for _, status in stored(record)] == ["pending", "refused"]
