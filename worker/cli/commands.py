"""The commands, what they take and what `--help` teaches. Each loads what it needs when it is run, so help is quick."""

from typing import Annotated

import typer

from worker.cli import release
from worker.cli.audit import audit_commands
from worker.cli.breaker import breaker_commands

FIRST, BOOKINGS, OPERATING = "A first look", "Bookings", "Operating"


def _examples(*lines: str) -> str:
    """Write the end of a command's help: examples, each on a line of its own."""
    return "\n\n".join(["For example:", *(f"[bold]{line}[/]" for line in lines)])


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

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
IdOrKey = Annotated[str, typer.Argument(metavar="ID|KEY", help="A booking's id, its uuid, or its idempotency key.")]
_IDS = typer.Argument(metavar="ID...", help="Ids, uuids or idempotency keys.")
Ids = Annotated[list[str], _IDS]
NotBooked = Annotated[
    bool, typer.Option("--not-booked", help="You have looked at Cal.com yourself, and it is not booked there.")
]
Why = Annotated[str, typer.Option(help="Why; it stands in the booking's story.")]


def _end(*, ok: bool) -> None:
    if not ok:
        raise typer.Exit(1)


@app.command(rich_help_panel=FIRST, epilog=_examples("booking demo", "booking demo --json | tail -1"))
def demo(*, json: Json = False) -> None:
    """Book 260 requests at a Cal.com that misbehaves, with real servers, and judge the outcome.

    Needs nothing that runs, and leaves nothing behind. Exit code 1 if a booking was lost or made twice.
    """
    from worker.local.demo import run  # noqa: PLC0415 - loaded when run

    _end(ok=run(json=json))


@app.command(
    rich_help_panel=FIRST,
    epilog=_examples(
        "booking up --simulator", "booking enqueue examples/bookings.jsonl   (in another shell, same folder)"
    ),
)
def up(
    *,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes: one a core is plenty.")] = 1,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Flower's port; another one if it is taken.")] = 5555,
    simulator: Annotated[
        bool, typer.Option("--simulator", help="Book at a simulated Cal.com, from a clone of the project.")
    ] = False,
) -> None:
    """Start everything: servers, migrations, workers, beat, Flower. One Ctrl-C ends it all.

    A DATABASE_URL or REDIS_URL that is not given is served by a real server from a wheel, with its data in .booking/.
    """
    from worker.local.up import run  # noqa: PLC0415 - loaded when run

    run(workers=workers, port=port, simulator=simulator)


@app.command(
    rich_help_panel=BOOKINGS,
    epilog=_examples("booking enqueue requests.jsonl", "export-tool | booking enqueue -")
    + '\n\nA line:  {"event_type_id": 101, "start": "2030-03-01T09:00:00Z", "attendee": {"name": "Ann Sample", '
    '"email": "ann@example.com", "time_zone": "Europe/Berlin"}}',
)
def enqueue(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="JSON lines, or - for standard input.")],
    *,
    json: Json = False,
) -> None:
    """Keep a file of booking requests and send them to the workers.

    Bad lines are reported as FILE:LINE field: why; the good ones are accepted, and the exit code is 1.

    Sending the same file again accepts nothing twice.
    """
    from worker.cli.enqueue.enqueue import run  # noqa: PLC0415 - loaded when run

    _end(ok=run(file, json=json))


@app.command(rich_help_panel=BOOKINGS, epilog=_examples("booking show 42", "booking show web-0093 --personal"))
def show(
    booking: IdOrKey,
    *,
    personal: Annotated[bool, typer.Option("--personal", help="Show whose booking it is, too.")] = False,
    json: Json = False,
) -> None:
    """Show one booking: how it stands, why it is not moving, and its story."""
    from worker.cli.show import run  # noqa: PLC0415 - loaded when run

    run(booking, personal=personal, json=json)


@app.command(
    rich_help_panel=BOOKINGS, epilog=_examples("booking status", "booking status --watch", "booking status --json")
)
def status(
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again every 2 seconds, until Ctrl-C.")] = False,
    json: Json = False,
) -> None:
    """Say in one sentence how everything stands, and what happens if you do nothing; then the figures.

    Exit code 1 if it is not calm, or something looks wrong; after --watch, as it was at the end.
    """
    if watch:
        from worker.cli.status import watch as watching  # noqa: PLC0415 - loaded when run

        _end(ok=watching.run(json=json))
        return
    from worker.cli.status.status import run  # noqa: PLC0415 - loaded when run

    _end(ok=run(json=json))


@app.command(
    rich_help_panel=BOOKINGS,
    epilog=_examples(
        "booking retry 42 43 --not-booked --why 'asked the host'", "booking retry --held blind_key --type 101"
    ),
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
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Of --held, do not ask first: for scripts.")] = False,
    json: Json = False,
    why: Why = "the operator asked",
) -> None:
    """Send held or failed bookings again. What may be booked already is looked up first.

    With --not-booked your word ends what is unknown, also of held(blind_key): it is posted anew.

    It is not taken while a call may still turn into a booking. What is booked is for "booking resolve".

    With --held all that one cause holds is counted, and after your yes sent again, in the order of the line.
    """
    from worker.cli.orders import retry_cancel, retry_held  # noqa: PLC0415 - loaded when run

    reason = retry_held.meant(held, by_name=bool(bookings) or not_booked, by_kind=bool(event_type) or yes or json)
    if reason is None:
        _end(ok=retry_cancel.retry(bookings or [], not_booked=not_booked, why=why))
    else:
        _end(ok=retry_held.run(reason, event_type_id=event_type, yes=yes, json=json, why=why))


@app.command(rich_help_panel=BOOKINGS, epilog=_examples("booking resolve 42 8uUmSGLmZnbBQ1rGrSbFkR"))
def resolve(
    booking: IdOrKey,
    uid: Annotated[str, typer.Argument(metavar="UID", help="What Cal.com calls it: a booking's uid, or a seat's.")],
) -> None:
    """Say which booking at Cal.com is this one: held(blind_key), or told not booked.

    Cal.com is asked for it; if it carries our reference, this booking is confirmed by it.
    """
    from worker.cli.orders.resolve import run  # noqa: PLC0415 - loaded when run

    _end(ok=run(booking, uid))


@app.command(
    rich_help_panel=BOOKINGS, epilog=_examples("booking cancel 42", "booking cancel web-0093 --why 'customer called'")
)
def cancel(bookings: Ids, *, not_booked: NotBooked = False, why: Why = "the operator asked") -> None:
    """Cancel bookings that are not made yet. One that may be booked is cancelled once that is known."""
    from worker.cli.orders import retry_cancel  # noqa: PLC0415 - loaded when run

    _end(ok=retry_cancel.cancel(bookings, not_booked=not_booked, why=why))


@app.command(
    rich_help_panel=OPERATING,
    epilog=_examples("booking report", "booking report --since 7d", "booking report --since 24h --compare 7d"),
)
def report(
    *,
    since: Annotated[str, typer.Option(metavar="DURATION", help="How far back: 90m, 24h, 7d.")] = "24h",
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="Compare with what was this much earlier.", show_default="the period just before"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Go through the operators' checklist, computed, each line with its target; exit code 1 if one is missed."""
    from worker.cli.report.report import run  # noqa: PLC0415 - loaded when run

    _end(ok=run(since=since, compare=compare, json=json))


@app.command(rich_help_panel=OPERATING, epilog=_examples("booking check", "booking check --json"))
def check(
    *,
    tick: Annotated[bool, typer.Option("--tick", help="Only whether beat ticks: for a health check.")] = False,
    json: Json = False,
) -> None:
    """Look at settings, Postgres, broker, Redis and Cal.com; exit code 1 if one is wrong, with what to do."""
    from worker.cli.check.check import run  # noqa: PLC0415 - loaded when run

    _end(ok=run(json=json, tick=tick))


@app.command(
    rich_help_panel=OPERATING,
    epilog=_examples("booking migrate", "booking migrate --down 1   (back)", "booking migrate --status"),
)
def migrate(
    *,
    to: Annotated[str | None, typer.Option(metavar="REV", help="Go to this revision, forward or back.")] = None,
    down: Annotated[int | None, typer.Option(metavar="N", min=1, help="Take back the newest N revisions.")] = None,
    status: Annotated[bool, typer.Option("--status", help="List the revisions; change nothing.")] = False,
    or_newer: Annotated[
        bool, typer.Option("--or-newer", help="Of --status: what a later release has migrated is well, too.")
    ] = False,
) -> None:
    """Bring the database to where this code needs it. Workers may go on while it runs."""
    if sum((to is not None, down is not None, status)) > 1:
        raise typer.BadParameter("give one of --to, --down and --status")
    from worker.cli import migrate as command  # noqa: PLC0415 - loaded when run

    if status:
        _end(ok=command.status(or_newer=or_newer))
    else:
        command.run(to=to, down=down)


@app.command(rich_help_panel=OPERATING, epilog=_examples("booking actions", "booking actions --limit 100 --json"))
def actions(
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="How many, at most.")] = 20,
    json: Json = False,
) -> None:
    """Show what operators have ordered, the newest first: when, who, by which way, what came of it, and why.

    The page's actions are there too, and who looked for whom a booking is. They are kept for RETENTION_DAYS.
    """
    from worker.cli.orders.actions import run  # noqa: PLC0415 - loaded when run

    run(limit=limit, json=json)


@app.command(rich_help_panel=OPERATING, epilog=_examples("booking alerts", "booking alerts --test"))
def alerts(
    *,
    test: Annotated[
        bool, typer.Option("--test", help="Send a test message to each sink; exit code 1 if one does not take it.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the latest incidents, the newest first, and what stands in the way of telling them."""
    from worker.cli import alerts as command  # noqa: PLC0415 - loaded when run

    if test and json:
        raise typer.BadParameter("--test prints no JSON")
    if test:
        _end(ok=command.test())
    else:
        command.show(json=json)


audit_commands.add_to(app, OPERATING)
release.add_to(app)
app.add_typer(breaker_commands.app, name="breaker", rich_help_panel=OPERATING)
