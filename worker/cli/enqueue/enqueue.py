"""`booking enqueue`: store a file of booking requests, and send their tasks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from booking_client.database.errors import NOT_OPEN
from db import accounts
from resilience.exceptions import AppointmentDatabaseException, CustomerValidationException
from tasks.dependencies import Dependencies
from tasks.words import plural
from worker import enqueue_bookings
from worker.cli.enqueue.json_lines import read_requests
from worker.cli.enqueue.lines import Lines, Tally
from worker.cli.enqueue.sources import Source, opened, shown
from worker.cli.explain import explain
from worker.cli.session import ready
from worker.console import screen
from worker.console.notes import listening
from worker.console.stop import Stop
from worker.local.graceful_shutdown import GracefulShutdown


def run(file: str, *, account: str | None, json: bool) -> bool:
    """Store the good lines of a file, report the bad ones, and return whether none was refused.

    `account` is that of the lines that name none (None: `default`).

    Raises:
        Stop: The file cannot be read, or Postgres stopped answering in the middle.
    """
    with GracefulShutdown(), opened(file) as source:
        deps = ready()
        is_open = _open_accounts(deps)
        if account is not None and not is_open(account):
            raise Stop(f"{account}: {NOT_OPEN}")
        own = None if account == "default" else account
        lines = Lines(shown(file), enqueue_bookings, screen.note, account=own, is_open=is_open)
        source.on_pause = lines.flush
        try:
            with listening(screen.note) as notes, _progress(source, lines):
                for line in read_requests(source):
                    lines.take(line)
                lines.flush()
        except AppointmentDatabaseException as error:
            raise Stop(*(explain(error) or ()), _so_far(lines)) from None
        except CustomerValidationException as error:  # closed since its line was read
            raise Stop(f"account: {error.get_field_error('account')}", _so_far(lines)) from None
        except KeyboardInterrupt:
            screen.note(f"\nbooking: stopped; {_so_far(lines)}")
            raise
    if json:
        screen.as_json({"file": shown(file), **asdict(lines.tally), "broker_down": notes.broker_down})
    else:
        _summary(lines.tally)
    return lines.tally.requests > 0 and not lines.tally.invalid


def _open_accounts(deps: Dependencies) -> Callable[[str], bool]:
    """Return whether an account is open, by its name; each name is asked about once."""

    @cache
    def is_open(name: str) -> bool:
        with deps.autocommit.connect() as conn:
            return accounts.is_open(conn, name)

    return is_open


def _so_far(lines: Lines) -> str:
    tally = lines.tally
    read = f"{plural(tally.requests, 'line')} of {lines.name} read"
    # Lines of a batch that was cut off may have been committed all the same.
    accepted = f"{'at least ' if lines.waiting else ''}{tally.accepted:,} accepted"
    known = f", {tally.duplicates:,} were already known" if tally.duplicates else ""
    return f"{read}, {accepted}{known}; it is safe to send {lines.name} again: nothing is accepted twice"


def _summary(tally: Tally) -> None:
    parts: list[str | tuple[str, str]] = [(f"{tally.accepted:,} accepted", "bold green" if tally.accepted else "bold")]
    if tally.duplicates:
        parts.append(f", {tally.duplicates:,} already known")
    if tally.invalid:
        parts += [", ", (f"{tally.invalid:,} refused", "bold red")]
        parts.append(" (said above, line by line)")
    screen.say(*parts)


@contextmanager
def _progress(source: Source, lines: Lines) -> Iterator[None]:
    """Show how far the file is read, on a terminal only."""
    if not screen.err.is_terminal or source.size is None:
        yield
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("[dim]{task.fields[counts]}"),
    )
    with Progress(*columns, console=screen.err, transient=True) as progress:
        task = progress.add_task(f"Reading {lines.name}", total=source.size, counts="")

        def advance(count: int) -> None:
            tally = lines.tally
            counts = f"{tally.accepted:,} accepted, {tally.duplicates:,} known, {tally.invalid:,} refused"
            progress.update(task, advance=count, counts=counts)

        source.advance = advance
        yield
