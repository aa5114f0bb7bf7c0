"""Changes while workers die, Cal.com is down, and several people ask at once."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.lifecycle import ChangeStatus, HoldReason, Status
from db.monitoring import incidents
from tasks import dependencies
from tasks.changes.ask.ask import Via
from tasks.incidents import check
from tasks.operations import retry, revoke
from tests.support.fleet import HASTY, Fleet, eventually, finals, request, row
from worker import ChangeRefusedError, cancel_booking, enqueue_booking, reschedule_booking

WANTED = datetime(2030, 3, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPENS_SOON = {"CIRCUIT_BREAKER_THRESHOLD": "3", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "2"}


def test_a_worker_that_is_killed_between_claim_and_answer_moves_nobody_twice(
    fleet: Callable[..., Fleet], seen: Any
) -> None:
    """Its lease runs out, the booking is looked up, and is at the wanted start once."""
    running = fleet(**HASTY)
    first = running.worker(name="first")
    running.maintenance()
    running.beat()
    booking = seen.booked()
    seen.simulator.faults("stall", step="answer", delay=30, match={"method": "POST", "path": "/v2/bookings/*"})
    reschedule_booking(booking, WANTED)
    eventually(lambda: seen.posts("reschedule"), what="the call is under way")
    os.killpg(first.pid, signal.SIGKILL)
    seen.simulator.no_faults()
    running.worker(name="second")

    assert seen.over(booking, within=120).status is ChangeStatus.DONE
    [there] = seen.living()
    assert there["uid"] == row(booking).calcom_booking_uid
    assert seen.posts("reschedule") == 1


def test_an_outage_holds_changes_and_lets_them_go_with_the_bookings_in_one_line(
    fleet: Callable[..., Fleet], seen: Any
) -> None:
    """A cancel, a booking, a move, a booking, as they were asked for."""
    fleet(**OPENS_SOON).start(concurrency=1)
    bookings = [seen.booked(number) for number in range(2)]
    reschedule_booking(bookings[1], WANTED)
    seen.over(bookings[1])
    dependencies.current().breaker.operators.force_open("operator", "a test")
    before = seen.now()
    cancel_booking(bookings[0])
    held = [enqueue_booking(request(20)).appointment_id]
    reschedule_booking(bookings[1], WANTED + HOUR)
    held.append(enqueue_booking(request(21)).appointment_id)
    eventually(lambda: all(seen.of(one)[-1].status is ChangeStatus.HELD for one in bookings), what="both are held")
    assert seen.calls(before) == []

    dependencies.current().breaker.reset("operator", "a test")

    assert {one.status for one in finals(held).values()} == {Status.CONFIRMED}
    assert [seen.over(one).status for one in bookings] == [ChangeStatus.DONE] * 2
    assert seen.calls(before) == ["POST cancel", "POST bookings", "POST reschedule", "POST bookings"]


def test_of_many_who_ask_at_once_one_is_obeyed(fleet: Callable[..., Fleet], seen: Any) -> None:
    """Two operators and a caller: one change, and the others hear that it is asked for."""
    fleet().start()
    booking = seen.booked()
    dependencies.current().breaker.operators.force_open("operator", "a test")

    with ThreadPoolExecutor(3) as people:
        receipts = list(people.map(lambda _: cancel_booking(booking), range(3)))
    dependencies.current().breaker.reset("operator", "a test")

    assert {one.change_id for one in receipts} == {receipts[0].change_id}
    assert sorted(one.duplicate for one in receipts) == [False, True, True]
    assert seen.over(booking).status is ChangeStatus.DONE
    assert seen.posts("cancel") == 1


def test_a_move_that_comes_after_a_cancel_is_refused(fleet: Callable[..., Fleet], seen: Any) -> None:
    """While the cancel is held, too."""
    fleet().start()
    booking = seen.booked()
    dependencies.current().breaker.operators.force_open("operator", "a test")
    cancel_booking(booking)

    try:
        reschedule_booking(booking, WANTED)
    except ChangeRefusedError as refused:
        said = str(refused)
    assert said == "the booking is being cancelled, and cannot be changed any more"


def test_flowers_revoke_withdraws_a_change_that_was_not_sent(fleet: Callable[..., Fleet], seen: Any) -> None:
    """The booking stands as before, and its row says that nothing is wanted."""
    fleet().start()
    booking = seen.booked()
    dependencies.current().breaker.operators.force_open("operator", "a test")
    cancel_booking(booking)
    eventually(lambda: seen.of(booking)[-1].hold_reason is HoldReason.BREAKER_OPEN, what="it is held")

    revoke.cancel([seen.of(booking)[-1].task_id], "worker@test")

    assert seen.of(booking)[-1].status is ChangeStatus.WITHDRAWN
    assert (row(booking).status, row(booking).cancel_requested) == (Status.CONFIRMED, False)
    assert seen.posts("cancel") == 0


def test_a_wish_for_a_booking_of_unknown_outcome_waits_and_is_then_sent(fleet: Callable[..., Fleet], seen: Any) -> None:
    """Found at Cal.com, it is moved there; nothing is posted again at the old start."""
    fleet(RETRY_DELAYS="3,3,3").start()
    seen.booked(0)
    post = {"method": "POST", "path": "/v2/bookings"}
    seen.simulator.faults("commit_then_reset", count=1, match=post)
    booking = enqueue_booking(request(5)).appointment_id
    eventually(lambda: row(booking).outcome_unknown, what="nobody knows")

    reschedule_booking(booking, WANTED)

    assert seen.over(booking).status is ChangeStatus.DONE
    assert (row(booking).status, row(booking).booked_start_at) == (Status.CONFIRMED, WANTED)
    assert len(seen.living()) == 2


def test_a_wish_for_a_booking_that_is_not_there_is_booked_at_the_wanted_start(
    fleet: Callable[..., Fleet], seen: Any
) -> None:
    """Never at the old one."""
    fleet(RETRY_DELAYS="3,3,3").start()
    seen.booked(0)
    seen.simulator.faults("reset", count=1, match={"method": "POST", "path": "/v2/bookings"})
    booking = enqueue_booking(request(5)).appointment_id
    eventually(lambda: row(booking).outcome_unknown, what="nobody knows")

    reschedule_booking(booking, WANTED)

    assert seen.over(booking).status is ChangeStatus.DONE
    [end] = finals([booking]).values()
    assert (end.status, row(booking).start_at) == (Status.CONFIRMED, WANTED)
    assert len(seen.living()) == 2


@pytest.mark.long
def test_a_cancel_that_cal_com_keeps_failing_is_told_and_can_be_sent_again(
    fleet: Callable[..., Fleet], seen: Any
) -> None:
    """Not before HOLD_MAX_AGE; the booking stands, an incident names it, and the operator's retry cancels it."""
    fleet(RETRY_DELAYS="1,1", HOLD_MAX_AGE="4", RETRY_MAX_ATTEMPTS="2").start()
    booking = seen.booked()
    seen.simulator.faults("status", name="internal", match={"method": "POST", "path": "/v2/bookings/*"})
    cancel_booking(booking)

    assert seen.over(booking, within=120).status is ChangeStatus.FAILED
    assert (row(booking).status, row(booking).cancel_requested) == (Status.CONFIRMED, False)
    check.check()
    with dependencies.current().engine.connect() as conn:
        told = [(one.kind, one.detail.get("first_id")) for one in incidents.notified(conn, open_only=True)]
    assert ("change_needs_you", str(booking)) in told

    seen.simulator.no_faults()
    retry.retry(dependencies.current().engine, booking, by="operator", via=Via.COMMAND_LINE, why="a test")

    assert seen.over(booking).status is ChangeStatus.DONE
    assert seen.living() == []
