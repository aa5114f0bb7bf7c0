"""`booking restored`: after a restore and before any worker runs, have all that may be booked looked for."""

import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

import typer
from sqlalchemy import Engine

from db import appointments
from db.audits import restored as record
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest
from tasks.audit.calls import AuditHalted, RestoredCalls
from tasks.audit.restored import Restored, find_lost, make_unknown
from tasks.dependencies import Dependencies
from tasks.operations.booking_actions import begin
from tasks.operations.booking_commands import Via
from tasks.words import clock, duration, plural
from worker.cli.session import login_name, ready
from worker.console import broker, screen
from worker.console.notes import listening
from worker.console.progress import bars, note_waiting
from worker.console.stop import Stop
from worker.running import running
from worker.settings.model import Settings

PING = 2.0  # seconds that workers have to answer
_AGAIN = "no worker may run before this command has ended well; run it again"


def moment(given: str) -> datetime:
    """Read a moment: ISO 8601, UTC where it names no zone.

    Raises:
        BadParameter: It cannot be read.
    """
    try:
        read = datetime.fromisoformat(given)
    except ValueError:
        raise typer.BadParameter(
            f"{given!r} is no moment: write 2030-03-01T03:00Z, when the backup was made", param_hint="--since"
        ) from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def run(since: datetime, *, yes: bool, force: bool, json: bool, why: str) -> bool:
    """Make outcomes unknown, wait until Cal.com lists all bookings, store those without a row; return whether it did.

    Raises:
        Stop: A worker runs, nobody can answer the question, or Cal.com's list could not be read.
    """
    deps, ended = ready(), False
    _refuse_the_future(deps.engine, since)
    _refuse_workers(force=force)
    with deps.engine.connect() as conn:
        record.references(conn)  # a backup of an older release lacks the table: said before anything is done
        live = record.count_live(conn)
    if not yes and not _agreed(live, since):
        screen.note("Nothing was done.")
        return False
    action = _recorded(deps.engine, since, force=force, why=why)
    with listening(screen.note):
        try:
            unknown = sum(make_unknown(deps, since, action_id=action))
            _wait(deps)
            _refuse_workers(force=force)
            with bars("Reading Cal.com's list") as (reading,):
                lost = find_lost(RestoredCalls(deps, waiting=note_waiting), since, progress=reading)
            ended = True
        except (AuditHalted, Stop) as halted:
            stop = halted if isinstance(halted, Stop) else Stop(str(halted), _AGAIN)
            _finish(deps.engine, action, {"not_done": 1}, refused=stop.lines[0])
            raise stop from None
        finally:
            if not ended:
                screen.note(f"booking: not done; {_AGAIN}")
    _finish(deps.engine, action, {"unknown": unknown, **asdict(lost)})
    _report(since, unknown, lost, json=json)
    return True


def _recorded(engine: Engine, since: datetime, *, force: bool, why: str) -> int:
    """Record the command, and return the action's number."""
    about = {"since": since.isoformat(), "force": force}
    asked = ActionRequest(who=login_name(), via=Via.COMMAND_LINE, action="restored", why=why, target=about)
    return begin(engine, asked).id


def _finish(engine: Engine, action_id: int, outcomes: Mapping[str, int], *, refused: str | None = None) -> None:
    with engine.begin() as conn:
        operator_actions.finish(conn, action_id, outcomes, refused=refused)


def _refuse_the_future(engine: Engine, since: datetime) -> None:
    with engine.connect() as conn:
        now = appointments.now(conn)
    if since > now:
        raise typer.BadParameter("is still to come: give the moment of the backup", param_hint="--since")


def _refuse_workers(*, force: bool) -> None:
    """Refuse while a worker runs, or the broker cannot say: a worker would post what Cal.com may have."""
    if force:
        return
    asked = broker.ask(running(Settings.load()).broker_url or "", (), ping=PING)
    if asked.error:
        raise Stop(
            f"the broker does not answer ({asked.error}), so nobody can tell whether a worker runs",
            "start it and try again; if you know that no worker runs, --force goes on without asking",
        )
    if asked.workers:
        raise Stop(
            f"a worker runs: {', '.join(asked.workers)}",
            "it would post again what is booked already: stop all workers first (--force goes on all the same)",
        )


def _agreed(live: int, since: datetime) -> bool:
    meant = f"The backup is of {clock(since)}; {plural(live, 'booking')} on the way or held then"
    if not sys.stdin.isatty():
        raise Stop(f"{meant}: give --yes to have them looked for (there is nobody to ask)")
    return typer.confirm(f"{meant}. Look for each at Cal.com before it may be posted?", err=True)


def _wait(deps: Dependencies) -> None:
    """Wait until Cal.com must list the last bookings that the old workers sent."""
    seconds = deps.timings.ends_unanswered
    screen.note(f"Waiting {duration(seconds)}: what was sent last may still turn into a booking. Ctrl-C is safe.")
    threading.Event().wait(seconds)


def _report(since: datetime, unknown: int, lost: Restored, *, json: bool) -> None:
    if json:
        screen.as_json({"since": since, "unknown": unknown, **asdict(lost)})
        return
    screen.say(f"{plural(unknown, 'booking')} on the way or held: each is looked for before it may be posted.")
    screen.say(f"{plural(lost.found, 'booking')} at Cal.com without a row here: a caller that asks again gets it.")
    if lost.asked_again:
        screen.say(f"{lost.asked_again:,} of them were asked for again since the restore, and have their bookings.")
    if lost.unnamed:
        screen.say(
            ("! ", "bold yellow"),
            f"{lost.unnamed:,} of them hide from this key for whom they are: asked for again, they may be made twice",
        )
    screen.say("Start the workers; then `booking audit --fix` compares what has ended here with Cal.com.")
