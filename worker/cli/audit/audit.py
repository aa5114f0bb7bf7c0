"""`booking audit`: compare our record with Cal.com's list, and mend what is safe."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import typer

from db.appointments import Appointment
from db.audits import nights
from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.audit.finding import NAMES, AuditFinding, NoFinding
from tasks.audit.fixes import Fixed
from tasks.audit.survey import Survey, mend, survey
from tasks.audit.survey import once_unknown as ask_once_unknown
from tasks.words import clock, plural
from worker.cli.session import ready
from worker.console import screen
from worker.console.notes import listening
from worker.console.progress import bars, note_waiting
from worker.console.stop import Stop

DAY, DAYS = timedelta(days=1), 32
Day = datetime | None
_NOT_JUDGED = {
    NoFinding.UNDER_WAY: "being booked or looked for right now: {rows}",
    NoFinding.TOO_YOUNG: "confirmed so lately that Cal.com need not show it yet: {rows}",
    NoFinding.CANNOT_TELL: "cannot tell, for Cal.com gave no answer that can be read: {rows}",
}
_SHOWN = 20  # ids of rows that were not judged


def run(*, first: Day, last: Day, days: int | None, fix: bool, once_unknown: bool, personal: bool, json: bool) -> bool:
    """Audit days, or list what was once unknown; return whether nothing wrong is left, and all was judged.

    Raises:
        typer.BadParameter: The options contradict each other.
        Stop: Cal.com cannot be asked now, or its list cannot be read.
    """
    if once_unknown and (first or last or days or fix):
        raise typer.BadParameter("--once-unknown looks at all that are kept and changes nothing: no days, no --fix")
    if personal and not once_unknown:
        raise typer.BadParameter("--personal goes with --once-unknown")
    if last is not None and days is not None:
        raise typer.BadParameter("give one of --to and --days")
    if once_unknown:
        return _list_once_unknown(personal=personal, json=json)
    start, end = _span(first, last, days)
    if start >= end:
        raise typer.BadParameter("--to is before --from")
    return _audit_days(start, end, fix=fix, json=json)


def _span(first: Day, last: Day, days: int | None) -> tuple[datetime, datetime]:
    """Return the start of the first day, UTC, and the end of the last; by default 32 days that begin with yesterday."""
    start = first.replace(tzinfo=UTC) if first else _today() - DAY
    return start, last.replace(tzinfo=UTC) + DAY if last else start + (days or DAYS) * DAY


def _audit_days(start: datetime, end: datetime, *, fix: bool, json: bool) -> bool:
    """Audit bookings that start in [`start`, `end`); return whether nothing wrong is left, and all was judged.

    Raises:
        Stop: Cal.com cannot be asked now, or its list cannot be read; nothing was judged.
    """
    fixed: dict[int, Fixed] = {}
    with listening(screen.note):
        deps = ready()
        calls = AuditCalls(deps, waiting=note_waiting)
        try:
            with bars("Reading Cal.com's list", "Asking for what it does not show") as (reading, asking):
                seen = survey(calls, start, end, progress=reading, asking=asking)
            for finding, done in mend(calls, seen) if fix else ():
                fixed[id(finding)] = done
        except AuditHalted as halted:
            raise Stop(str(halted), "nothing was judged, and nothing changed") from None
        except KeyboardInterrupt:
            done_so_far = f"; {plural(len(fixed), 'fix', 'fixes')} tried" if fix else " and changed nothing"
            screen.note(f"\nbooking: stopped{done_so_far}; it is safe to run the audit again")
            raise
    open_ones = [one for one in seen.findings if not (id(one) in fixed and fixed[id(one)].ok)]
    clean = not open_ones and not seen.silent[NoFinding.CANNOT_TELL]
    if fix and clean:
        with deps.engine.begin() as conn:
            nights.mended(conn, start, end)
    if json:
        screen.as_json(_as_dict(seen, fixed))
    else:
        _report(seen, fixed, open_ones, fix=fix)
    return clean


def _list_once_unknown(*, personal: bool, json: bool) -> bool:
    """List bookings that ended as not booked and that Cal.com has; return whether there is none.

    Raises:
        Stop: Cal.com cannot be asked now, or its list cannot be read; what was found before is printed.
    """
    found: list[tuple[Appointment, AuditFinding]] = []
    asked = 0
    with listening(screen.note):
        deps = ready()
        calls = AuditCalls(deps, waiting=note_waiting)
        try:
            with bars("Asking for what was once unknown") as (shown,):

                def progress(done: int, everything: int) -> None:
                    nonlocal asked
                    asked = done
                    shown(done, everything)

                for row, one in ask_once_unknown(calls, progress=progress):
                    found.append((row, one))
                    if not json:
                        _say_booked(row, one, personal=personal)
        except AuditHalted as halted:
            raise Stop(str(halted), f"{asked:,} were asked for, and nothing was changed; run it again") from None
        except KeyboardInterrupt:
            screen.note(f"\nbooking: stopped; {asked:,} were asked for, and nothing was changed")
            raise
    if json:
        booked = [_booked(row, one, personal=personal) for row, one in found]
        screen.as_json({"asked": asked, "booked": booked})
    else:
        rows = plural(asked, "booking")
        screen.say(f"{rows} ended rejected, failed or expired after their outcome had been unknown.")
        screen.say(_to_do([row for row, _ in found]))
    return not found


def _today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _report(seen: Survey, fixed: dict[int, Fixed], open_ones: list[AuditFinding], *, fix: bool) -> None:
    for one in seen.findings:
        who = f"booking {one.row.id}" if one.row else f"reference {one.reference}"
        when = f" ({clock(one.row.start_at)})" if one.row else ""
        done = fixed.get(id(one))
        screen.say((f"{NAMES[one.kind]}: ", "bold red"), f"{who}{when}: {one.message}")
        if done is not None:
            screen.say(
                "    ", ("fixed: " if done.ok else "not fixed: ", "green" if done.ok else "bold yellow"), done.message
            )
    for why, rows in seen.silent.items():
        if rows:
            shown = ", ".join(map(str, rows[:_SHOWN])) + (f" and {len(rows) - _SHOWN:,} more" if rows[_SHOWN:] else "")
            screen.note(_NOT_JUDGED[why].format(rows=shown))
    last = seen.end - DAY
    here = f"{plural(seen.confirmed, 'booking')} confirmed here, {seen.judged:,} judged"
    asked = f" ({seen.asked:,} of them asked for one by one)" if seen.asked else ""
    others = f" ({seen.others:,} of them others')" if seen.others else ""
    there = f"{seen.listed:,} listed there{others}"
    screen.say(f"{seen.start:%Y-%m-%d} to {last:%Y-%m-%d} (UTC): {here}{asked}, {there}.")
    if not seen.findings:
        screen.say("Nothing found." if seen.clean else "Nothing found where it can be told.")
        return
    counts = ", ".join(f"{count} {NAMES[kind]}" for kind, count in Counter(one.kind for one in seen.findings).items())
    screen.say((f"Found: {counts}.", "bold"), f" Fixed {len(seen.findings) - len(open_ones)}." if fix else "")
    safe = sum(one.fix is not None for one in seen.findings)
    if safe and not fix:
        screen.say(f"`booking audit --fix` mends {safe} of them.")


def _as_dict(seen: Survey, fixed: dict[int, Fixed]) -> dict[str, Any]:
    return {
        "from": f"{seen.start:%Y-%m-%d}",
        "to": f"{seen.end - DAY:%Y-%m-%d}",
        **{name: getattr(seen, name) for name in ("confirmed", "judged", "asked", "listed", "others")},
        **{why.value: rows for why, rows in seen.silent.items()},
        "findings": [_as_finding(one, fixed.get(id(one))) for one in seen.findings],
    }


def _as_finding(one: AuditFinding, done: Fixed | None) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "id": one.row.id if one.row else None,
        "status": one.row.status if one.row else None,
        "reference": one.reference,
        "said": one.message,
        "there": _places(one),
        "fix": one.fix,
        "fixed": done is not None and done.ok,
        "outcome": done.message if done else None,
    }


def _places(one: AuditFinding) -> list[dict[str, str | None]]:
    """Return the bookings and seats at Cal.com that a finding names, for JSON."""
    return [{"uid": place.uid, "seat_uid": place.seat_uid} for place in one.there]


def _to_do(found: list[Appointment]) -> str:
    if not found:
        return "Cal.com shows none of them."
    days = f"--from {found[0].start_at:%Y-%m-%d} --to {found[-1].start_at:%Y-%m-%d}"
    return f"Cal.com has {len(found):,} of them: call them. `booking audit {days} --fix` confirms what is safe."


def _say_booked(row: Appointment, one: AuditFinding, *, personal: bool) -> None:
    uids = " and ".join(place.name for place in one.there)
    what = f"  {clock(row.start_at)}, event type {row.event_type}, {row.status} here"
    screen.say((str(row.id), "bold"), what, f", {uids} there" if uids else "")
    if len(one.there) != 1:
        screen.say(f"    {one.message}")
    if personal:
        people = (row.attendee_name, row.attendee_email, row.attendee_phone)
        screen.say(f"    {screen.plain(', '.join(part for part in people if part))}")


def _booked(row: Appointment, one: AuditFinding, *, personal: bool) -> dict[str, Any]:
    who = {name: getattr(row, name) for name in ("attendee_name", "attendee_email", "attendee_phone")}
    return {
        "id": row.id,
        "status": row.status,
        "start": row.start_at,
        "event_type": row.event_type,
        "kind": one.kind,
        "said": one.message,
        "there": _places(one),
        **(who if personal else {}),
    }
