"""Actions on many bookings: each once, however often a button is pressed, and whichever process dies over it."""

import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from db.engine import make_engine
from db.lifecycle import HoldReason, Status
from db.monitoring import operator_actions
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS
from tasks.changes.ask import change
from tasks.dependencies import Dependencies
from tasks.operations import booking_actions, preview, retry
from tasks.operations.answers import answer
from tasks.operations.booking_actions import OtherActionError
from tests.support.fleet import eventually
from tests.support.page.operating import held, of_bookings, recorded, story

ROOT = Path(__file__).parents[3]
UTC = ZoneInfo("UTC")
UNKNOWN = {"outcome_unknown": True, "sent_at": timedelta(minutes=-5), "settle_at": timedelta(minutes=-1)}
KEPT = {"via": "page", "who": "ann", "why": "a test"}


def carry_out(deps: Dependencies, request: Any) -> Any:
    """Ask for an action and carry it out, as a press does; return it as it stands then."""
    booking_actions.carry_out(deps, booking_actions.begin(deps.engine, request))
    return booking_actions.found(deps.engine, request.request_id)


def test_a_retry_of_many_sends_each_and_records_who_by_which_way_and_why(built: Dependencies, record: Any) -> None:
    """What may be booked is looked up first; each has its event, the action its counts."""
    rows = [held(record), held(record, HoldReason.SUSPECT, leases_lost=3, **UNKNOWN), record.moved(Status.FAILED)]

    action = carry_out(built, of_bookings("retry", rows))

    now = [record.read(row.id) for row in rows]
    assert [(row.status, row.leases_lost, row.outcome_unknown) for row in now] == [
        (Status.PENDING, 0, False),
        (Status.PENDING, 0, True),
        (Status.PENDING, 0, False),
    ]
    told = [KEPT | {"held": "credentials"}, KEPT | {"held": "suspect"}, KEPT]
    assert [story(record, row) for row in rows] == [[("pending", one)] for one in told]
    assert recorded(built) == [action]
    assert (action.who, action.via, action.action, action.why) == ("ann", "page", "retry", "a test")
    assert (action.done, action.moved_on, action.outcomes) == (3, 0, {"sent": 2, "sent_to_look_up": 1})
    assert action.done_at >= action.asked_at
    assert answer(action, UTC) == "2 are sent again, 1 is sent again and looked up first."


def test_a_cancel_of_many_says_how_many_had_moved_on(built: Dependencies, record: Any) -> None:
    """Some have ended since they were counted, one is gone; none of them keeps the others from anything."""
    rows = [held(record), record.keep(), record.claimed(), record.moved(Status.RETRYING), record.moved(Status.REJECTED)]
    record.write(rows[3].id, **UNKNOWN)

    action = carry_out(built, of_bookings("cancel", [*rows, 404]))

    now = [record.read(row.id) for row in rows]
    assert [(row.status, row.cancel_requested) for row in now] == [
        (Status.CANCELLED, False),
        (Status.CANCELLED, False),
        (Status.BOOKING, True),
        (Status.RETRYING, True),
        (Status.REJECTED, False),
    ]
    outcomes = {"cancelled": 2, "cancelled_after_call": 1, "cancelled_after_lookup": 1, "ended": 1, "missing": 1}
    assert (action.done, action.moved_on, action.outcomes) == (4, 2, outcomes)
    assert answer(action, UTC) == (
        "2 are cancelled, 1 is cancelled after the call under way, 1 is cancelled once a lookup has shown whether it "
        "is booked. 2 were left alone: 1 is not there any more, 1 has ended."
    )


def test_a_page_leaves_alone_what_goes_by_itself_by_now(built: Dependencies, record: Any) -> None:
    """It was unreachable when it was counted; sent now it would only be held again."""
    row = held(record, HoldReason.BREAKER_OPEN)

    action = carry_out(built, of_bookings("retry", [row]))

    assert (record.read(row.id).status, story(record, row)) == (Status.HELD, [])
    assert answer(action, UTC) == "Nothing was done: it goes by itself by now."


def test_not_booked_ends_what_is_unknown_of_one(built: Dependencies, record: Any) -> None:
    """The operator has looked; refused while a call may still turn into a booking."""
    settled = held(record, HoldReason.BLIND_KEY, **UNKNOWN)
    working = held(record, HoldReason.BLIND_KEY, **UNKNOWN | {"ends_at": timedelta(minutes=1)})

    said = [answer(carry_out(built, of_bookings("retry", [row], not_booked=True)), UTC) for row in (settled, working)]

    assert [record.read(row.id).outcome_unknown for row in (settled, working)] == [False, True]
    assert said == ["Sent again.", "Nothing was done: a call may still turn into a booking."]


def test_not_booked_is_said_of_the_call_that_was_looked_for(built: Dependencies, record: Any) -> None:
    """It was called again while the page stood open: nobody has looked for that call."""
    row = held(record, HoldReason.BLIND_KEY, **UNKNOWN)
    counted = [preview.of_bookings(built, command, [row.id], zone=UTC).epoch for command in ("retry", "cancel")]
    record.write(row.id, updated_at=timedelta(seconds=1))

    said = [
        answer(carry_out(built, of_bookings(command, [row], not_booked=True, epoch_seen=seen)), UTC)
        for command, seen in zip(("retry", "cancel"), counted, strict=True)
    ]

    assert said == ["Nothing was done: it has just moved on by itself."] * 2
    now = record.read(row.id)
    assert (now.status, now.outcome_unknown, story(record, row)) == (Status.HELD, True, [])


@pytest.mark.parametrize("not_booked", [False, True])
def test_what_a_late_answer_has_booked_is_not_just_cancelled_here(
    built: Dependencies, record: Any, *, not_booked: bool
) -> None:
    """Its next claim confirms it, and tells that it is to be cancelled there."""
    row = record.keep()
    record.write(row.id, calcom_booking_uid="late-1")

    carry_out(built, of_bookings("cancel", [row], not_booked=not_booked))

    now = record.read(row.id)
    assert (now.status, now.cancel_requested) == (Status.PENDING, True)


@pytest.mark.parametrize("command", ["retry", "cancel"])
def test_what_a_command_decides_on_stays_until_it_is_done(
    built: Dependencies, record: Any, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """However long its process sleeps in between: else what has been called meanwhile counts as not called."""
    row = held(record)
    module = change if command == "cancel" else retry
    decide = getattr(module, f"{command}_outcome")

    def slowly(read: Any, **how: Any) -> Any:
        with record.engine.begin() as conn, pytest.raises(OperationalError, match="could not obtain lock"):
            conn.execute(text("SELECT FROM appointments WHERE id = :id FOR NO KEY UPDATE NOWAIT"), {"id": row.id})
        return decide(read, **how)

    monkeypatch.setattr(module, f"{command}_outcome", slowly)

    assert carry_out(built, of_bookings(command, [row])).done == 1


def test_a_second_press_does_nothing_and_hears_what_the_first_one_did(built: Dependencies, record: Any) -> None:
    """Also when the booking has been held again since."""
    row = held(record)
    request = of_bookings("retry", [row])
    first = carry_out(built, request)
    record.write(row.id, status=Status.HELD, hold_reason=HoldReason.CREDENTIALS, held_at=timedelta())

    assert carry_out(built, request) == first

    assert (record.read(row.id).status, len(story(record, row))) == (Status.HELD, 1)
    assert len(recorded(built)) == 1


def test_presses_at_once_share_the_work_and_do_none_twice(built: Dependencies, record: Any) -> None:
    """Four at the same moment, from pages of several processes: each booking moves once and is counted once."""
    rows = [held(record) for _ in range(12)]
    request = of_bookings("cancel", rows)
    with ThreadPoolExecutor(4) as presses:
        pressed = [presses.submit(carry_out, built, request) for _ in range(4)]
        for one in pressed:
            one.result(30)

    [action] = recorded(built)
    assert (action.done, action.moved_on, action.outcomes) == (12, 0, {"cancelled": 12})
    assert [len(story(record, row)) for row in rows] == [1] * 12


def test_a_request_id_that_stands_for_something_else_does_nothing(built: Dependencies, record: Any) -> None:
    """Neither the first's answer, which it is not, nor a second action."""
    rows = [held(record), held(record)]
    request = of_bookings("retry", rows[:1])
    carry_out(built, request)

    with pytest.raises(OtherActionError):
        booking_actions.begin(built.engine, of_bookings("retry", rows[1:], request_id=request.request_id))
    with pytest.raises(OtherActionError):
        booking_actions.begin(built.engine, of_bookings("cancel", rows[:1], request_id=request.request_id))
    assert len(recorded(built)) == 1


_DIES = """
import os, signal, sys
from uuid import UUID
from db.monitoring import operator_actions
from tasks import dependencies
from tasks.operations import booking_actions
from worker import wiring

count = operator_actions.count
def count_and_die(conn, number, position, *rest, **named):
    counted = count(conn, number, position, *rest, **named)
    if position == 3:  # done and counted, but not committed
        os.kill(os.getpid(), signal.SIGKILL)
    return counted
operator_actions.count = count_and_die
deps = dependencies.current()
booking_actions.carry_out(deps, booking_actions.found(deps.engine, UUID(sys.argv[1])))
"""


def test_an_action_that_was_killed_half_way_goes_on_where_it_was(
    settings: Callable[..., dict[str, str]], built: Dependencies, record: Any
) -> None:
    """Pressed again it does the rest: what was done is done once, and what was not committed is done then."""
    rows = [held(record) for _ in range(8)]
    request = of_bookings("cancel", rows)
    booking_actions.begin(built.engine, request)

    argv = [sys.executable, "-c", _DIES, str(request.request_id)]
    died = subprocess.run(argv, cwd=ROOT, env=settings(), capture_output=True, timeout=60, check=False)

    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    [half] = recorded(built)
    assert (half.done, half.done_at, answer(half, UTC)) == (3, None, "3 of 8")
    assert [record.read(row.id).status for row in rows] == [Status.CANCELLED] * 3 + [Status.HELD] * 5

    whole = carry_out(built, request)

    assert (whole.done, whole.moved_on, answer(whole, UTC)) == (8, 0, "8 are cancelled.")
    assert [len(story(record, row)) for row in rows] == [1] * 8


def test_a_booking_that_somebody_is_moving_keeps_the_others_from_nothing(
    built: Dependencies, record: Any, database_url: str
) -> None:
    """It is waited for shortly, and then had moved on."""
    rows = [held(record) for _ in range(3)]
    impatient = replace(built, engine=make_engine(database_url, lock_timeout_ms=50))
    with built.engine.connect() as other:
        other.execute(text("SELECT 1 FROM appointments WHERE id = :id FOR UPDATE"), {"id": rows[1].id})
        action = carry_out(impatient, of_bookings("cancel", rows))

    assert (action.done, action.moved_on) == (2, 1)
    assert [record.read(row.id).status for row in rows] == [Status.CANCELLED, Status.HELD, Status.CANCELLED]


def test_without_a_broker_the_rows_are_committed_and_the_sweeper_sends_them(
    built: Dependencies, record: Any, valkey: Any
) -> None:
    """One silence of the broker is waited for, not a thousand."""
    rows = [held(record) for _ in range(5)]
    valkey.kill()

    action = carry_out(built, of_bookings("retry", rows))

    assert (action.done, action.done_at is not None) == (5, True)
    assert [row.id for row in record.sweep(queue_sweeps.unsent, BOOKINGS, 10, queue_empty=False)] == [
        row.id for row in rows
    ]


def test_a_postgres_that_dies_half_way_leaves_what_it_has_counted(
    built: Dependencies, record: Any, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pressed again when it is back, the rest is done."""
    rows = [held(record) for _ in range(4)]
    request = of_bookings("cancel", rows)
    count = operator_actions.count

    def count_until_it_dies(conn: Any, number: int, position: int, *rest: Any, **named: Any) -> bool:
        if position == 2:
            postgres.kill()
        return count(conn, number, position, *rest, **named)

    with monkeypatch.context() as patched:
        patched.setattr(operator_actions, "count", count_until_it_dies)
        with pytest.raises(Exception, match="connection"):
            carry_out(built, request)
    postgres.recover()

    assert eventually(lambda: recorded(built))[0].done == 2
    assert carry_out(built, request).done == 4
    assert [len(story(record, row)) for row in rows] == [1] * 4
