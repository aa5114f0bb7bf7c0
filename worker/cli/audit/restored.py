"""`booking restored`: after a restore and before any worker runs, find at Cal.com what may be booked already."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import typer
from sqlalchemy import Engine

from db import accounts, appointments
from db.audits import restored as restored_rows
from db.models.accounts import AccountState
from tasks.audit.calls import AuditHalted, RestoredCalls
from tasks.audit.restored import Restored, find_lost, make_unknown
from tasks.dependencies import Dependencies
from tasks.words import clock, duration, plural
from worker.cli import record
from worker.cli.audit.each_account import each, note
from worker.cli.session import ready
from worker.console import broker, screen
from worker.console.notes import listening
from worker.console.progress import bars, note_waiting
from worker.console.stop import Stop
from worker.running import running
from worker.settings.model import Settings

PING = 2.0  # seconds that workers have to answer
_AGAIN = "no worker may run before this command has ended with exit code 0; run it again"
_OR_PAUSED = "an account that cannot be asked now can be paused (`booking accounts pause`): then it is left out"
_NAMED = 20  # accounts


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
            meant, paused = _accounts(deps.engine)
            lost = _find_lost(deps, meant, moment)
            ended = True
        except (AuditHalted, Stop) as halted:
            stop = halted if isinstance(halted, Stop) else Stop(str(halted), _AGAIN)
            record.finish(deps.engine, action, {"not_done": 1}, refused=stop.lines[0])
            raise stop from None
        finally:
            if not ended:
                screen.note(f"booking: not done; {_AGAIN}")
    record.finish(deps.engine, action, {"unknown": unknown, **asdict(lost)})
    _report(moment, unknown, lost, paused, json=json)
    return True


def _accounts(engine: Engine) -> tuple[dict[int, str], list[str]]:
    """Return number and name of the accounts to ask for, and the names of those that are paused: nothing goes there."""
    with engine.connect() as conn:
        found = accounts.listed(conn)
    asked = {one.id: one.name for one in found if one.state is AccountState.ACTIVE}
    return asked, [one.name for one in found if one.state is AccountState.PAUSED]


def _find_lost(deps: Dependencies, meant: Mapping[int, str], since: datetime) -> Restored:
    """Find what is lost of each of these accounts, with its own key.

    Raises:
        AuditHalted: None of them could be asked.
        Stop: Some could not be asked; what was found of the others is stored.
    """
    calls = RestoredCalls(deps, waiting=note_waiting)
    found: list[Restored] = []
    seen: set[str] = set()

    def find(_: str) -> None:
        with bars("Reading Cal.com's list") as (reading,):
            found.append(find_lost(calls, since, progress=reading, seen=seen))

    halted = each(calls, meant, find)
    if halted:
        note(halted)
        raise Stop(f"{len(halted)} of {plural(len(meant), 'account')} could not be asked", _AGAIN, _OR_PAUSED)
    return sum(found, Restored())


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


def _report(since: datetime, unknown: int, lost: Restored, paused: Sequence[str], *, json: bool) -> None:
    if json:
        screen.as_json({"since": since, "unknown": unknown, **asdict(lost), "not_asked": list(paused)})
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
    if paused:
        more = f" and {len(paused) - _NAMED:,} more" if len(paused) > _NAMED else ""
        screen.say(
            ("! ", "bold yellow"),
            f"not asked, because they are paused: {', '.join(paused[:_NAMED])}{more}. Before one is resumed, stop all"
            " workers, resume it, and run this again: else what is lost of it may be made twice",
        )
    screen.say("Start the workers; then `booking audit --fix` compares what has ended here with Cal.com.")
