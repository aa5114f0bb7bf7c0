"""`booking retry`: send again the bookings that are named, or with --held all that one reason holds."""

import threading
from collections.abc import Iterator, Sequence
from functools import partial

import typer

from db.lifecycle import HoldReason
from db.queue import held
from db.queue.held import HeldSo
from db.queue.kinds import KINDS
from tasks.changes.ask.ask import AskOutcome, Via
from tasks.maintenance.release import OF_EACH
from tasks.operations.booking_actions import RETRY, retry_held
from tasks.operations.retry import GO_BY_THEMSELVES
from tasks.words import plural
from worker.cli import record
from worker.cli.named import named_account
from worker.cli.orders import retry_cancel
from worker.cli.session import ready
from worker.console import screen
from worker.console.notes import listening
from worker.console.progress import bars
from worker.local.graceful_shutdown import GracefulShutdown

Ids = Sequence[str] | None
_ROUND = 1.0  # seconds between two rounds, as between two runs of the release
_REASONS = [reason for reason in HoldReason if reason not in GO_BY_THEMSELVES]


def in_rounds(accounts: list[Iterator[int]], *, full: int) -> Iterator[int]:
    """Take a batch of each account in turn, and wait between two rounds while a batch is `full`; yield their sizes."""
    while accounts:
        sizes = []
        for one in list(accounts):
            size = next(one, None)
            if size is None:
                accounts.remove(one)
            else:
                sizes.append(size)
                yield size
        if full in sizes:
            pause()


def pause() -> None:
    """Wait until the next round may go."""
    threading.Event().wait(_ROUND)


def retry(
    bookings: Ids,
    *,
    not_booked: bool,
    held: str | None,
    event_type: int | None,
    account: str | None,
    yes: bool,
    json: bool,
    why: str,
) -> bool:
    """Send the bookings that are named again, or all that are held for one reason; return whether that was done."""
    by_kind = bool(event_type) or account is not None or yes or json
    reason = _meant(held, by_name=bool(bookings) or not_booked, by_kind=by_kind)
    if reason is None:
        return retry_cancel.run(RETRY, bookings or (), not_booked=not_booked, why=why)
    return _run(reason, event_type_id=event_type, account=account, yes=yes, json=json, why=why)


def _meant(word: str | None, *, by_name: bool, by_kind: bool) -> HoldReason | None:
    """Return the hold reason that an operator names; None: bookings are named instead.

    `by_name`: bookings are named, or --not-booked; `by_kind`: an option that goes with --held is given.

    Raises:
        BadParameter: Neither is named, or both; or a retry does nothing for this reason.
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


def _run(
    reason: HoldReason, *, event_type_id: int | None, account: str | None, yes: bool, json: bool, why: str
) -> bool:
    """Count what is held for this reason, ask the operator, and send it again; return whether it was done.

    Raises:
        Stop: No account has that name; or nobody can answer, and `yes` is not given.
    """
    deps = ready()
    database = deps.engine
    with database.connect() as conn:
        own = None if account is None else named_account(conn, account).id
        held_so = HeldSo(reason, event_type_id, own)
        (booked, since), (changed, _) = (held.count(conn, one, held_so) for one in KINDS)
    count = booked + changed
    meant = plural(booked, "booking") + (f" and {plural(changed, 'change')}" if changed else "") + f" held for {reason}"
    if event_type_id is not None:
        meant += f", of event type {event_type_id}"
    if account is not None:
        meant += f", of the account {account}"
    if count and not yes and not record.agreed(meant, "Send them all again?", without_asking="send them again"):
        screen.note("Nothing was done.")
        return False

    about = {"held": reason, "event_type_id": event_type_id, "account": account, "count": count}
    action = record.begin(database, "retry_held", why=why, target=about) if count else None
    retried = partial(retry_held, database, since=since, by="operator", via=Via.COMMAND_LINE, why=why, action_id=action)
    batches = retried(held_so)
    if not deps.callers.is_alone():
        with database.connect() as conn:
            accounts = sorted({one for kind in KINDS for one in held.accounts_of(conn, kind, held_so)})
        batches = in_rounds([retried(held_so._replace(account=one), limit=OF_EACH) for one in accounts], full=OF_EACH)
        if count > OF_EACH:
            screen.note(f"At most {OF_EACH} of an account go each second, so that others' go between. Ctrl-C is safe.")
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
        record.finish(database, action, {AskOutcome.SENT: 1})
    if json:
        said = {"reason": reason, "event_type_id": event_type_id, "account": account, "held": count, "sent": sent}
        screen.as_json(said | {"broker_down": notes.broker_down})
    elif count:
        screen.say(f"{sent:,} of {meant}: sent again. What may be booked is looked up at Cal.com first.")
    else:
        screen.say(f"{meant}: nothing to do.")
    return True
