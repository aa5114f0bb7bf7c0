"""`booking calls` and `booking called`: whom to call, and the mark that a customer was called."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from db import appointments
from db.appointments import listing
from db.appointments.listing import Filter, Sort
from db.lifecycle import Status
from db.monitoring import call_marks
from db.monitoring.call_marks import CallMark
from db.monitoring.status_queries import AT_RISK
from tasks.changes.ask.ask import Via
from tasks.dependencies import Dependencies
from tasks.operations import calls
from tasks.operations.calls import CALL_LIST, MOST_CALLED, REVEAL, CallListOutcome, Contact, Marked
from tasks.words import clock
from worker.cli.named import named
from worker.cli.record import requested
from worker.cli.session import login_name, ready
from worker.console import screen
from worker.console.stop import Stop


def run(bookings: Sequence[str] | None, *, why: str, json: bool) -> None:
    """Record the look, and show whom to call for these bookings; without any, for those at risk and then the promised.

    Raises:
        Stop: A name is no booking's, or there are too many.
    """
    deps = ready()
    ids = _named(deps, bookings) if bookings else _to_call(deps)
    asked = requested(REVEAL, why=why, target=CALL_LIST, ids=ids)
    contacts = calls.reveal(deps.engine, asked) if ids else []
    with deps.engine.connect() as conn:
        marks, starts = call_marks.in_force(conn, ids), _starts(conn, ids)
    if json:
        shown = [asdict(one) | {"start_at": starts.get(one.id), "called": marks.get(one.id)} for one in contacts]
        screen.as_json({"calls": shown})
    elif not contacts:
        screen.say("Nobody is to be called.")
    for one in [] if json else contacts:
        screen.say(_line(one, starts.get(one.id), marks.get(one.id)))


def called(bookings: Sequence[str], *, undo: bool) -> bool:
    """Mark each booking's customer as called, or take the mark back; return whether all of them took it.

    Raises:
        Stop: A name is no booking's.
    """
    deps = ready()
    who, via = login_name(), Via.COMMAND_LINE
    results = {
        one: calls.mark(deps.engine, one, who=who, via=via, take_back=undo)
        for one in _named(deps, list(dict.fromkeys(bookings)))
    }
    for booking_id, result in results.items():
        (screen.say if _is_well(result, who) else screen.note)(f"{booking_id}: {_sentence(result)}")
    return all(_is_well(result, who) for result in results.values())


def _named(deps: Dependencies, bookings: Sequence[str]) -> tuple[int, ...]:
    with deps.engine.connect() as conn:
        ids = tuple(dict.fromkeys(named(conn, one).id for one in bookings))
    if len(ids) > MOST_CALLED:
        raise Stop(f"{len(ids)} bookings: a call list has at most {MOST_CALLED}")
    return ids


def _to_call(deps: Dependencies) -> tuple[int, ...]:
    """Return the bookings at risk, the first to start first, and then the promised, up to a call list's length."""
    now = datetime.now(UTC)
    before = now + timedelta(seconds=deps.timings.lead + AT_RISK)
    wanted = Filter(state=Status.HELD, at_risk=before, sort=Sort.START)
    with deps.engine.connect() as conn:
        at_risk = [row.id for row in listing.page(conn, wanted, limit=MOST_CALLED).rows]
        return tuple(dict.fromkeys([*at_risk, *calls.promised(conn, now)]))[:MOST_CALLED]


def _starts(conn: Connection, ids: Sequence[int]) -> dict[int, datetime]:
    rows = (appointments.get(conn, one) for one in ids)
    return {row.id: row.booked_start_at or row.start_at for row in rows if row is not None}


def _line(one: Contact, start: datetime | None, mark: CallMark | None) -> str:
    who = ", ".join(part for part in (one.name, one.phone, one.email) if part)
    said = f"  (called by {mark.who}, {clock(mark.at)})" if mark else ""
    return screen.plain(f"{one.id:>6}  {clock(start) if start else '':<23}  {who}{said}")


def _is_well(result: Marked, who: str) -> bool:
    if result.outcome is CallListOutcome.MARKED_BEFORE:
        return result.mark is not None and result.mark.who == who
    return result.outcome is not CallListOutcome.MISSING


def _sentence(result: Marked) -> str:
    if result.mark is not None:
        return f"called by {screen.plain(result.mark.who)}, {clock(result.mark.at)}"
    if result.outcome is CallListOutcome.TAKEN_BACK:
        return "the mark is taken back."
    return "no booking has this id" if result.outcome is CallListOutcome.MISSING else "it has no mark."
