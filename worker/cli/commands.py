"""The commands, what they take and what `--help` teaches."""

from functools import partial
from typing import Annotated

import typer

from worker.cli import release
from worker.cli.accounts import account_commands
from worker.cli.audit import audit_commands
from worker.cli.breaker import breaker_commands
from worker.cli.command import ASKED, BOOKINGS, FIRST, OPERATING, Json, OfAccount, Yes, command
from worker.cli.keys import key_commands
from worker.cli.report import report_command
from worker.cli.telling import telling_commands, webhook_commands

app = typer.Typer(
    name="booking",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with [bold]booking demo[/], then [bold]booking up[/]. "
    "Exit codes: 0 done, 1 a problem was found, 2 wrong usage.",
)

IdOrKey = Annotated[str, typer.Argument(metavar="ID|KEY", help="A booking's id, its uuid, or its idempotency key.")]
_IDS = typer.Argument(metavar="ID...", help="Ids, uuids or idempotency keys.")
Ids = Annotated[list[str], _IDS]
NotBooked = Annotated[
    bool, typer.Option("--not-booked", help="You have looked at Cal.com yourself, and it is not booked there.")
]
Why = Annotated[str, typer.Option(help="Why; it stands in the booking's story.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="What Cal.com tells the attendee.")]
Account = Annotated[str | None, typer.Option(metavar="NAME", help="Refuse a booking of another account.")]

_first, _bookings, _operating = (partial(command, app, panel=panel) for panel in (FIRST, BOOKINGS, OPERATING))


@_first("worker.local.demo:run", "booking demo", "booking demo --json | tail -1")
def demo(*, json: Json = False) -> None:
    """Book 260 requests at a Cal.com that misbehaves, with real servers, and judge the outcome.

    Needs nothing that runs, and leaves nothing behind. Exit code 1 if a booking was lost or made twice.
    """


@_first(
    "worker.local.up:run",
    "booking up --simulator",
    "booking enqueue examples/bookings.jsonl   (in another shell, same folder)",
)
def up(
    *,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes: one a core is plenty.")] = 1,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Flower's port; another one if it is taken.")] = 5555,
    simulator: Annotated[bool, typer.Option("--simulator", help="Book at a simulated Cal.com.")] = False,
) -> None:
    """Start everything: servers, migrations, workers, beat, Flower. One Ctrl-C ends it all.

    A DATABASE_URL or REDIS_URL that is not given is served by a real server from a wheel, with its data in .booking/.
    """


@_bookings(
    "worker.cli.enqueue.enqueue:run",
    "booking enqueue requests.jsonl",
    "export-tool | booking enqueue -",
    more='A line:  {"event_type_id": 101, "start": "2030-03-01T09:00:00Z", "attendee": {"name": "Ann Sample", '
    '"email": "ann@example.com", "time_zone": "Europe/Berlin"}}',
)
def enqueue(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="JSON lines, or - for standard input.")],
    *,
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="The account of the lines that name none.")
    ] = None,
    json: Json = False,
) -> None:
    """Keep a file of booking requests and send them to the workers.

    Bad lines are reported as FILE:LINE field: why; the good ones are accepted, and the exit code is 1.

    Sending the same file again accepts nothing twice.
    """


@_operating("worker.api.serve:run", "booking serve", "booking serve --workers 1")
def serve(
    *,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Processes.", show_default="one a core")] = None,
) -> None:
    """Serve the HTTP API at HTTP_ADDRESS, until Ctrl-C; `booking keys add` makes the keys. Needs the extra http."""


@_bookings("worker.cli.show:run", "booking show 42", "booking show web-0093 --personal")
def show(
    booking: IdOrKey,
    *,
    personal: Annotated[bool, typer.Option("--personal", help="Show whose booking it is, too.")] = False,
    json: Json = False,
) -> None:
    """Show one booking: how it stands, why it is not moving, and its story."""


@_bookings("worker.cli.status.workers:run", "booking status", "booking status --watch", "booking status --json")
def status(
    *,
    account: OfAccount = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again every 2 seconds, until Ctrl-C.")] = False,
    json: Json = False,
) -> None:
    """Show in one sentence how everything stands, and what happens if you do nothing; then the figures.

    With --account bookings are counted of that account; the sentence is about the whole fleet.

    Exit code 1 if the level is not calm, or something looks wrong; after --watch, as it was at the end.
    """


@_bookings(
    "worker.cli.orders.retry_held:retry",
    "booking retry 42 43 --not-booked --why 'asked the host'",
    "booking retry --held blind_key --type 101",
)
def retry(
    bookings: Annotated[list[str] | None, _IDS] = None,
    *,
    not_booked: NotBooked = False,
    held: Annotated[
        str | None, typer.Option(metavar="REASON", help="Instead of ids: all that are held for this reason.")
    ] = None,
    event_type: Annotated[
        int | None, typer.Option("--type", metavar="N", min=1, help="Of --held, only those of this event type's id.")
    ] = None,
    account: Annotated[str | None, typer.Option(metavar="NAME", help="Of --held, only those of this account.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Of --held, do not ask first: for scripts.")] = False,
    json: Json = False,
    why: Why = ASKED,
) -> None:
    """Send held or failed bookings again. What may be booked already is looked up first.

    With --not-booked your word ends the unknown outcome, also of held(blind_key): the booking is posted again.

    Your word is not taken while a call may still turn into a booking. What is booked is for "booking resolve".

    With --held all that one reason holds is counted, and after your yes sent again, in the order of the line.
    """


@_bookings("worker.cli.orders.resolve:run", "booking resolve 42 8uUmSGLmZnbBQ1rGrSb", "booking resolve 42 --not-done")
def resolve(
    booking: IdOrKey,
    uid: Annotated[str | None, typer.Argument(metavar="UID", help="A booking's uid at Cal.com, or a seat's.")] = None,
    *,
    done: Annotated[bool | None, typer.Option("--done/--not-done", help="Of a held cancel or move.")] = None,
) -> None:
    """Name the booking at Cal.com that is this one, or say whether its held cancel or move was done there.

    Cal.com is asked: a booking counts if it carries our reference, your word if what Cal.com shows does not deny it.
    """


@_bookings(
    "worker.cli.orders.retry_cancel:run",
    "booking cancel 42",
    "booking cancel web-0093 --why 'customer called' --reason 'The room is closed'",
    "booking cancel 42 --scope one --week 2030-03-12T10:00:00+01:00",
    action="cancel",
)
def cancel(
    bookings: Ids,
    *,
    not_booked: NotBooked = False,
    reason: Reason = None,
    account: Account = None,
    scope: Annotated[str, typer.Option(metavar="all|following|one", help="Which weeks of a series.")] = "all",
    week: Annotated[str | None, typer.Option(metavar="START", help="The start of the week, or of the first.")] = None,
    why: Why = ASKED,
) -> None:
    """Cancel bookings: at Cal.com, if they are there. One that may be booked is cancelled once that is known."""


@_bookings(
    "worker.cli.orders.reschedule:run",
    "booking reschedule 42 2030-03-05T10:00:00+01:00",
    "booking reschedule web-0093 2030-03-05T09:00:00Z --reason 'The host is ill'",
)
def reschedule(
    booking: IdOrKey,
    start: Annotated[str, typer.Argument(metavar="START", help="The new start, with its offset from UTC.")],
    *,
    reason: Reason = None,
    account: Account = None,
    why: Why = ASKED,
) -> None:
    """Move a booking to another start: at Cal.com, if it is there. One that may be booked is moved once that is known.

    Its length stays. A series cannot be moved; move a week of it at Cal.com.
    """


@_bookings("worker.cli.orders.calls:run", "booking calls", "booking calls 42 web-0093 --why 'they start at noon'")
def calls(bookings: Annotated[list[str] | None, _IDS] = None, *, why: Why = ASKED, json: Json = False) -> None:
    """Show whom to call: name, phone and e-mail of bookings at risk, and then of those that were promised a call.

    An alert of the last 7 days names the latter, and nobody has called. Or of those that you name; 50 at most.
    The look is recorded with your name and why, as the page's is. A booking shows who has called already.
    """


@_bookings("worker.cli.orders.calls:called", "booking called 42", "booking called 42 --undo")
def called(bookings: Ids, *, undo: Annotated[bool, typer.Option("--undo", help="Take the mark back.")] = False) -> None:
    """Mark the customers of bookings as called, so that nobody calls them twice. Mark first, then dial.

    Everybody sees the mark: on the page's lists, and in "booking calls". Exit code 1 if another operator has called.
    """


@_operating("worker.cli.check.check:run", "booking check", "booking check --json")
def check(
    *,
    tick: Annotated[bool, typer.Option("--tick", help="Check only whether beat ticks: for a health check.")] = False,
    worker: Annotated[bool, typer.Option("--worker", help="Only whether this host's worker answers.")] = False,
    json: Json = False,
) -> None:
    """Check settings, Postgres, broker, Redis and Cal.com; exit code 1 if one is wrong, with what to do.

    A host of callbacks that cannot be reached is a warning.
    """


@_operating(
    "worker.cli.migrate:run", "booking migrate", "booking migrate --down 1   (back)", "booking migrate --status"
)
def migrate(
    *,
    to: Annotated[str | None, typer.Option(metavar="REV", help="Go to this revision, forward or back.")] = None,
    down: Annotated[int | None, typer.Option(metavar="N", min=1, help="Take back the newest N revisions.")] = None,
    status: Annotated[bool, typer.Option("--status", help="List the revisions; change nothing.")] = False,
    or_newer: Annotated[
        bool, typer.Option("--or-newer", help="Of --status: also accept what a later release has migrated.")
    ] = False,
) -> None:
    """Bring the database to where this code needs it. Workers may go on while it runs."""


@_operating("worker.cli.orders.actions:run", "booking actions", "booking actions --limit 100 --json")
def actions(
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="How many, at most.")] = 20,
    json: Json = False,
) -> None:
    """Show the operators' actions, the newest first: when, who, page or command line, the result, and why.

    The page's actions are there too, also each look at a booking's personal data. They are kept for RETENTION_DAYS.
    """


@_operating("worker.cli.alerts:run", "booking alerts", "booking alerts --test")
def alerts(
    *,
    test: Annotated[
        bool, typer.Option("--test", help="Send a test message to each sink; exit code 1 if one does not take it.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the latest incidents, the newest first, and why an alert could not be delivered."""


@_operating(
    "worker.cli.orders.forget:run",
    "booking forget pat@example.com --dry-run",
    "booking forget +15550100123",
    more="A request with the same idempotency key is a new request afterwards.",
)
def forget(
    person: Annotated[str, typer.Argument(metavar="EMAIL|+NUMBER|ID", help="Whom; of an id, that booking alone.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what there is.")] = False,
    yes: Yes = False,
    why: Annotated[str, typer.Option(help="Why; it stands in `booking actions`.")] = ASKED,
) -> None:
    """Forget a person for good: name, address, number, guests, answers and notes of the bookings that are over.

    Counts and audits stay as they are. A booking that lives is not forgotten, and the exit code is 1: cancel it first.

    The uids of those that Cal.com has are shown, to be deleted there. A backup brings the person back.
    """


audit_commands.add_to(app)
report_command.add_to(app)
telling_commands.add_to(app)
release.add_to(app)
app.add_typer(account_commands.app, name="accounts", rich_help_panel=OPERATING)
app.add_typer(breaker_commands.app, name="breaker", rich_help_panel=OPERATING)
app.add_typer(key_commands.app, name="keys", rich_help_panel=OPERATING)
app.add_typer(webhook_commands.app, name="calcom-webhook", rich_help_panel=OPERATING)
