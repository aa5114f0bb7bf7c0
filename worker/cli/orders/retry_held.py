"""`booking retry --held`: send again, at once, all that one cause holds."""

import sys

import typer
from sqlalchemy import Engine

from db.appointments import sweeps
from db.lifecycle import HoldReason
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest
from tasks.operations.booking_actions import begin
from tasks.operations.booking_commands import GO_BY_THEMSELVES, CommandOutcome, Via, retry_held
from tasks.words import plural
from worker.cli.session import engine, login_name
from worker.console import screen
from worker.console.notes import listening
from worker.console.progress import bars
from worker.console.stop import Stop
from worker.local.graceful_shutdown import GracefulShutdown

_REASONS = [reason for reason in HoldReason if reason not in GO_BY_THEMSELVES]


def meant(word: str | None, *, by_name: bool, by_kind: bool) -> HoldReason | None:
    """Return the hold reason that an operator names; None when bookings are named instead, each for itself.

    `by_name` and `by_kind` say whether anything else is given that goes with the one or with the other.

    Raises:
        BadParameter: Neither is named, or both; or a retry is nothing for this reason. The text says what there is.
    """
    if word is None:
        if by_kind or not by_name:
            raise typer.BadParameter("name bookings, or with --held what holds them; the other options go with --held")
        return None
    if by_name:
        raise typer.BadParameter("--held names bookings by what holds them: no ids, no --not-booked")
    reason = HoldReason(word) if word in set(HoldReason) else None
    if reason in _REASONS:
        return reason
    wrong = f"{word!r} is none" if reason is None else f"not {reason}: {GO_BY_THEMSELVES[reason]}"
    raise typer.BadParameter(f"{wrong}. There are: {', '.join(_REASONS)}", param_hint="--held")


def run(reason: HoldReason, *, event_type_id: int | None, yes: bool, json: bool, why: str) -> bool:
    """Count what is held for this reason, ask, and send it again; return whether it was done.

    Raises:
        Stop: Nobody can be asked, and `yes` is not given.
    """
    database = engine()
    with database.connect() as conn:
        count, since = sweeps.count_held(conn, reason, event_type_id=event_type_id)
    meant = f"{plural(count, 'booking')} held for {reason}"
    if event_type_id is not None:
        meant += f", of event type {event_type_id}"
    if count and not yes and not _agreed(meant):
        screen.note("Nothing was done.")
        return False

    action = _recorded(database, reason, count, event_type_id=event_type_id, why=why)
    batches = retry_held(
        database, reason, since=since, event_type_id=event_type_id, by="operator", via=Via.COMMAND_LINE, why=why,
        action_id=action,
    )  # fmt: skip
    sent = 0
    with GracefulShutdown(), listening(screen.note) as notes, bars("Sending") as (told,):
        try:
            for batch in batches:
                sent += batch
                told(sent, count)
        except KeyboardInterrupt:
            screen.note(f"\nbooking: stopped; {sent:,} of {meant} are sent again, the others stay held")
            raise
    if action is not None:
        with database.begin() as conn:
            operator_actions.finish(conn, action, {CommandOutcome.SENT: 1})
    if json:
        said = {"reason": reason, "event_type_id": event_type_id, "held": count, "sent": sent}
        screen.as_json(said | {"broker_down": notes.broker_down})
    elif count:
        screen.say(f"{sent:,} of {meant}: sent again. What may be booked is looked up at Cal.com first.")
    else:
        screen.say(f"{meant}: nothing to do.")
    return True


def _recorded(database: Engine, reason: HoldReason, count: int, *, event_type_id: int | None, why: str) -> int | None:
    """Record that all of a kind are sent again; return the action's number, None when there is nothing to send."""
    about = {"held": reason, "event_type_id": event_type_id, "count": count}
    asked = ActionRequest(who=login_name(), via=Via.COMMAND_LINE, action="retry_held", why=why, target=about)
    return begin(database, asked).id if count else None


def _agreed(meant: str) -> bool:
    if not sys.stdin.isatty():
        raise Stop(f"{meant}: give --yes to send them again (there is nobody to ask)")
    return typer.confirm(f"{meant}. Send them all again?", err=True)
