"""`booking restored`: after a restore and before any worker runs, find at Cal.com what may be booked already."""

import threading
from dataclasses import asdict
from datetime import UTC, datetime

import typer
from sqlalchemy import Engine

from db import appointments
from db.audits import restored as restored_rows
from tasks.audit.calls import AuditHalted, RestoredCalls
from tasks.audit.restored import Restored, find_lost, make_unknown
from tasks.dependencies import Dependencies
from tasks.words import clock, duration, plural
from worker.cli import record
from worker.cli.session import ready
from worker.console import broker, screen
from worker.console.notes import listening
from worker.console.progress import bars, note_waiting
from worker.console.stop import Stop
from worker.running import running
from worker.settings.model import Settings

PING = 2.0  # seconds that workers have to answer
_AGAIN = "no worker may run before this command has ended with exit code 0; run it again"


def _moment(given: str) -> datetime:
    """Read a moment: ISO 8601, UTC where it names no zone.

    Raises:
        typer.BadParameter: It cannot be read.
    """
    try:
        read = datetime.fromisoformat(given)
    except ValueError:
        raise typer.BadParameter(
            f"{given!r} is no moment: write 2030-03-01T03:00Z, when the backup was made", param_hint="--since"
        ) from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def run(*, since: str, yes: bool, force: bool, json: bool, why: str) -> bool:
    """Make outcomes unknown, wait until Cal.com lists all, store bookings without a row; return whether it was done.

    Raises:
        typer.BadParameter: `since` is no moment of the past.
        Stop: A worker runs, nobody can answer the question, or Cal.com's list could not be read.
    """
    moment = _moment(since)
    deps, ended = ready(), False
    _refuse_the_future(deps.engine, moment)
    _refuse_workers(force=force)
    with deps.engine.connect() as conn:
        restored_rows.references(conn)  # a backup of an older release lacks the table: fails before anything is done
        live = restored_rows.count_live(conn)
    if not yes and not _agreed(live, moment):
        screen.note("Nothing was done.")
        return False
    about = {"since": moment.isoformat(), "force": force}
    action = record.begin(deps.engine, "restored", why=why, target=about)
    with listening(screen.note):
        try:
            unknown = sum(make_unknown(deps, moment, action_id=action))
            _wait(deps)
            _refuse_workers(force=force)
            with bars("Reading Cal.com's list") as (reading,):
                lost = find_lost(RestoredCalls(deps, waiting=note_waiting), moment, progress=reading)
            ended = True
        except (AuditHalted, Stop) as halted:
            stop = halted if isinstance(halted, Stop) else Stop(str(halted), _AGAIN)
            record.finish(deps.engine, action, {"not_done": 1}, refused=stop.lines[0])
            raise stop from None
        finally:
            if not ended:
                screen.note(f"booking: not done; {_AGAIN}")
    record.finish(deps.engine, action, {"unknown": unknown, **asdict(lost)})
    _report(moment, unknown, lost, json=json)
    return True


def _refuse_the_future(engine: Engine, since: datetime) -> None:
    with engine.connect() as conn:
        now = appointments.now(conn)
    if since > now:
        raise typer.BadParameter("is still to come: give the moment of the backup", param_hint="--since")


def _refuse_workers(*, force: bool) -> None:
    """Raise Stop while a worker runs, or the broker does not answer: a worker would post what Cal.com may have."""
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
    question = "Look for each at Cal.com before it may be posted?"
    return record.agreed(meant, question, without_asking="have them looked for")


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
