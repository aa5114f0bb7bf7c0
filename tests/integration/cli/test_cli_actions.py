"""`booking actions`: what operators have ordered, by whichever way."""

import getpass
from collections.abc import Callable
from typing import Any

from db.lifecycle import HoldReason, Status
from db.monitoring import operator_actions
from tasks import dependencies
from tasks.operations import booking_actions, breaker_actions
from tests.support.page.operating import asked, of_bookings

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
