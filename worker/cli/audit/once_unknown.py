"""`booking audit --once-unknown`: who was told "not booked" and is booked: a list for a person to call."""

from typing import Any

from db.appointments import Appointment
from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.audit.finding import AuditFinding
from tasks.audit.once_unknown import once_unknown
from tasks.words import clock, plural
from worker.cli.audit.audit import as_places, bars, say_waiting
from worker.cli.session import ready
from worker.console import screen
from worker.console.notes import listening
from worker.console.stop import Stop


def run(*, personal: bool, json: bool) -> bool:
    """Ask Cal.com for all of them, say who must be called, and return whether there is nobody.

    Raises:
        Stop: Cal.com cannot be asked now, or its list not be read; who was found until then has been said.
    """
    found: list[tuple[Appointment, AuditFinding]] = []
    asked = 0
    with listening(screen.note):
        deps = ready()
        calls = AuditCalls(deps, waiting=say_waiting)
        try:
            with bars("Asking for what was once unknown") as (shown,):

                def progress(done: int, everything: int) -> None:
                    nonlocal asked
                    asked = done
                    shown(done, everything)

                for row, one in once_unknown(calls, progress=progress):
                    found.append((row, one))
                    if not json:
                        _say(row, one, personal=personal)
        except AuditHalted as halted:
            raise Stop(str(halted), f"{asked:,} were asked for, and nothing was changed; run it again") from None
        except KeyboardInterrupt:
            screen.note(f"\nbooking: stopped; {asked:,} were asked for, and nothing was changed")
            raise
    if json:
        booked = [_as_dict(row, one, personal=personal) for row, one in found]
        screen.as_json({"asked": asked, "booked": booked})
    else:
        rows = plural(asked, "booking")
        screen.say(f"{rows} ended rejected, failed or expired after their outcome had been unknown.")
        screen.say(_to_do([row for row, _ in found]))
    return not found


def _to_do(found: list[Appointment]) -> str:
    if not found:
        return "Cal.com shows none of them."
    days = f"--from {found[0].start_at:%Y-%m-%d} --to {found[-1].start_at:%Y-%m-%d}"
    return f"Cal.com has {len(found):,} of them: call them. `booking audit {days} --fix` confirms what is safe."


def _say(row: Appointment, one: AuditFinding, *, personal: bool) -> None:
    uids = " and ".join(place.name for place in one.there)
    what = f"  {clock(row.start_at)}, event type {row.event_type}, {row.status} here"
    screen.say((str(row.id), "bold"), what, f", {uids} there" if uids else "")
    if len(one.there) != 1:
        screen.say(f"    {one.message}")
    if personal:
        people = (row.attendee_name, row.attendee_email, row.attendee_phone)
        screen.say(f"    {screen.plain(', '.join(part for part in people if part))}")


def _as_dict(row: Appointment, one: AuditFinding, *, personal: bool) -> dict[str, Any]:
    who = {name: getattr(row, name) for name in ("attendee_name", "attendee_email", "attendee_phone")}
    return {
        "id": row.id,
        "status": row.status,
        "start": row.start_at,
        "event_type": row.event_type,
        "kind": one.kind,
        "said": one.message,
        "there": as_places(one),
        **(who if personal else {}),
    }
