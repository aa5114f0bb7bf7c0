"""`booking audit --once-unknown`: whom to call, for they heard "not booked" and are booked."""

from typing import Any

from db.appointments import Appointment
from db.audits import bookings
from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.audit.finding import AuditFinding
from tasks.audit.survey import once_unknown as ask_once_unknown
from tasks.words import clock, plural
from worker.cli.audit.each_account import audited, each, note
from worker.cli.audit.shown import places
from worker.cli.session import ready
from worker.console import screen
from worker.console.notes import listening
from worker.console.progress import bars, note_waiting
from worker.console.stop import Stop


def list_once_unknown(*, account: str | None, personal: bool, json: bool) -> bool:
    """List bookings that ended as not booked and that Cal.com has; return whether there is none, and all were asked.

    Raises:
        Stop: No account has that name; or Cal.com cannot be asked now, or its list cannot be read: what was found
        before is printed.
    """
    found: list[tuple[str, Appointment, AuditFinding]] = []
    asked = 0
    with listening(screen.note):
        deps = ready()
        with deps.engine.connect() as conn:
            meant = audited(conn, account, bookings.accounts_once_unknown)
        calls = AuditCalls(deps, waiting=note_waiting)

        def audit(name: str) -> None:
            nonlocal asked
            before = asked
            with bars("Asking for what was once unknown") as (shown,):

                def progress(done: int, everything: int) -> None:
                    nonlocal asked
                    asked = before + done
                    shown(done, everything)

                for row, one in ask_once_unknown(calls, progress=progress):
                    found.append((name, row, one))
                    if not json:
                        _say_booked(row, one, personal=personal)

        try:
            halted = each(calls, meant, audit)
        except AuditHalted as why:
            raise Stop(str(why), f"{asked:,} were asked for, and nothing was changed; run it again") from None
        except KeyboardInterrupt:
            screen.note(f"\nbooking: stopped; {asked:,} were asked for, and nothing was changed")
            raise
    if json:
        booked = [{"account": name, **_booked(row, one, personal=personal)} for name, row, one in found]
        screen.as_json({"account": account, "asked": asked, "booked": booked, "not_asked": halted})
    else:
        rows = plural(asked, "booking")
        screen.say(f"{rows} ended rejected, failed or expired after their outcome had been unknown.")
        screen.say(_to_do([row for _, row, _ in found]))
        note(halted)
    return not found and not halted


def _to_do(found: list[Appointment]) -> str:
    if not found:
        return "Cal.com shows none of them."
    starts = [row.start_at for row in found]
    days = f"--from {min(starts):%Y-%m-%d} --to {max(starts):%Y-%m-%d}"
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
        "there": places(one),
        **(who if personal else {}),
    }
