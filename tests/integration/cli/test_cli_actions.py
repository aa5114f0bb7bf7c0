"""`booking actions`: what operators have ordered, by whichever way; `booking calls` and `called`: whom they called."""

import getpass
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from db.appointments import events
from db.lifecycle import HoldReason, Status
from db.monitoring import operator_actions
from tasks import dependencies
from tasks.operations import booking_actions, breaker_actions, calls
from tests.support.page.operating import asked, of_bookings, recorded

Booking = Callable[..., Any]
ME = getpass.getuser()


def ordered(booking: Booking, record: Any) -> list[int]:
    """Order things by each way; return the ids of the bookings that were held."""
    deps = dependencies.current()
    rows = [record.moved(Status.HELD, hold_reason=HoldReason.CONFIGURATION) for _ in range(7)]
    booking("retry", rows[0].id, "--why", "the proxy is gone")
    booking("retry", "--held", "configuration", "--yes")
    booking("breaker", "open", "--for", "600", "--why", "announced")
    breaker_actions.carry_out(deps, asked("open", epoch_seen=7, why="looks bad\n\x1b[2J"))
    booking_actions.begin(deps.engine, of_bookings("cancel", rows, who="bob@example.com"))
    with record.engine.begin() as conn:
        operator_actions.record(conn, asked("reveal", ids=(rows[1].id,)), "shown")
    return [row.id for row in rows]


def test_each_action_is_told_with_who_how_why_and_what_came_of_it(booking: Booking, record: Any) -> None:
    """The newest first; one that was broken off and one that was refused are told apart from what was done."""
    assert booking("actions").out == "No action.\n"
    ids = ordered(booking, record)

    lines = booking("actions").out.splitlines()

    told = [line.split("ago", 1)[1].strip() for line in lines if " ago " in line]
    assert told == [
        f"ann (page)  reveal {ids[1]}: 1 shown",
        "bob@example.com (page)  cancel 7 bookings: goes on, or was broken off",
        "ann (page)  open: stale",
        f"{ME} (command line)  open (seconds 600.0): obeyed",
        f"{ME} (command line)  retry held (held configuration, count 6): sent, 6 bookings",
        f"{ME} (command line)  retry {ids[0]}: 1 sent",
    ]
    more = [line.strip() for line in lines if " ago " not in line]
    assert more[2].startswith("refused: open by override since ")
    assert more[3:] == [
        "why: looks bad\ufffd\ufffd[2J",  # what people wrote steers no terminal
        "why: announced",
        "why: the operator asked",
        "why: the proxy is gone",
    ]


def test_for_programs_each_is_whole(booking: Booking, record: Any) -> None:
    """As many as are asked for; ids of all its bookings, and every count."""
    ids = ordered(booking, record)

    shown, cancelled = booking("actions", "--limit", "2", "--json").json["actions"]

    assert (shown["action"], shown["ids"], shown["outcomes"], shown["via"]) == (
        "reveal",
        [ids[1]],
        {"shown": 1},
        "page",
    )
    assert (cancelled["who"], cancelled["ids"], cancelled["target"]) == ("bob@example.com", ids, {"not_booked": False})
    assert (cancelled["done_at"], cancelled["done"], cancelled["refused"]) == (None, 0, None)


def test_those_at_risk_are_shown_with_who_has_called_and_the_look_is_recorded(booking: Booking, record: Any) -> None:
    """The first to start first; what starts later is not at risk, and can be named."""
    rows = [record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT) for _ in range(3)]
    for row, hours in zip(rows, (2, 1, 99), strict=True):
        record.write(row.id, start_at=timedelta(hours=hours), attendee_phone=f"+15550100{hours}")
    calls.mark(dependencies.current().engine, rows[0].id, who="bob", via="page")

    ran = booking("calls", "--why", "they start soon")

    assert ran.code == 0
    first, second = (line.split() for line in ran.out.splitlines())
    assert (first[0], second[0]) == (str(rows[1].id), str(rows[0].id))
    assert "+155501001," in first
    assert "called by bob" in ran.out.splitlines()[1]
    [look] = [one for one in recorded(dependencies.current()) if one.action == "reveal"]
    assert (look.via, look.why, look.ids) == ("command line", "they start soon", (rows[1].id, rows[0].id))
    [named] = booking("calls", rows[2].id, "--json").json["calls"]
    assert (named["id"], named["phone"], named["called"]) == (rows[2].id, "+1555010099", None)


def test_who_was_promised_a_call_is_listed_until_somebody_has_called(booking: Booking, record: Any) -> None:
    """Behind those at risk: what failed or expired, and what an alert names; a booking that was refused is none."""
    failed, expired, refused = (record.moved(end) for end in (Status.FAILED, Status.EXPIRED, Status.REJECTED))
    change, old = (record.moved(Status.CONFIRMED, calcom_booking_uid=f"uid-{number}") for number in range(2))
    record.write(old.id, status=Status.FAILED, updated_at=datetime.now(UTC) - calls.PROMISED)
    at_risk = record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT)
    record.write(at_risk.id, start_at=timedelta(hours=1))
    with record.engine.begin() as conn:
        events.record(conn, change.id, events.CHANGE_NEEDS_YOU, "worker")

    listed = listed_ids(booking)
    booking("called", expired.id)

    assert (listed[0], set(listed[1:])) == (at_risk.id, {failed.id, expired.id, change.id})
    assert set(listed_ids(booking)) == {at_risk.id, failed.id, change.id}
    assert refused.id not in listed


def listed_ids(booking: Booking) -> list[int]:
    """Return the bookings of the call list, in its order."""
    return [one["id"] for one in booking("calls", "--json").json["calls"]]


def test_a_call_list_has_where_a_booking_is_now(booking: Booking, record: Any) -> None:
    """A moved one is not at the start that was asked for."""
    later = datetime(2031, 5, 5, 9, tzinfo=UTC)
    row = record.moved(Status.CONFIRMED, calcom_booking_uid="uid-1")
    record.write(row.id, booked_start_at=later)

    [named] = booking("calls", row.id, "--why", "a test", "--json").json["calls"]

    assert datetime.fromisoformat(named["start_at"]) == later


def test_nobody_is_to_be_called_and_nothing_is_recorded(booking: Booking) -> None:
    """Where no booking is at risk; a name that is none is said."""
    assert booking("calls").out == "Nobody is to be called.\n"
    assert booking("calls", "nonsense").code == 1
    assert recorded(dependencies.current()) == []


def test_a_customer_is_marked_once_and_the_mark_taken_back(booking: Booking, record: Any) -> None:
    """Another operator's mark stays, and the exit code says so."""
    row = record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT)
    assert booking("called", row.id).code == 0
    assert "called by" in booking("called", row.id).out
    assert booking("called", row.id, "--undo").out == f"{row.id}: the mark is taken back.\n"
    calls.mark(dependencies.current().engine, row.id, who="bob", via="page")
    refused = booking("called", row.id)
    assert (refused.code, "called by bob" in refused.err) == (1, True)
    assert [one.action for one in recorded(dependencies.current())] == ["called", "not_called", "called"]
