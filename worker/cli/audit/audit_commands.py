"""The commands that compare our record with Cal.com's: `booking audit`, and `booking restored`."""

from datetime import datetime
from typing import Annotated

import typer

from worker.cli.command import ASKED, OPERATING, Json, OfAccount, Yes, command


def add_to(app: typer.Typer) -> None:
    """Add both commands to the command line."""
    examples = ("booking audit", "booking audit --from 2030-03-01 --to 2030-03-31 --fix", "booking audit --days 7")
    once = "booking audit --once-unknown --personal"
    command(app, "worker.cli.audit.audit:run", *examples, once, panel=OPERATING)(audit)
    since = "booking restored --since 2030-03-01T03:00Z"
    command(app, "worker.cli.audit.restored:run", since, f"{since} --yes --json", panel=OPERATING)(restored)


def audit(
    *,
    account: OfAccount = None,
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="DAY", help="First day, UTC.", show_default="yesterday"),
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], metavar="DAY", help="Last day, UTC.")
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=366, help="How many days, instead of --to.", show_default="32"),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is safe; else nothing is changed.")] = False,
    once_unknown: Annotated[
        bool, typer.Option("--once-unknown", help="List who was told not booked after an unclear call, and is booked.")
    ] = False,
    personal: Annotated[bool, typer.Option("--personal", help="Of --once-unknown, show whom to call.")] = False,
    json: Json = False,
) -> None:
    """Compare bookings with Cal.com: absent there, not here, cancelled there, there twice, half made, a series cut.

    With --fix, a proven double of ours is cancelled at Cal.com, what was cancelled there is cancelled here, and what is
    booked there is confirmed here. With --once-unknown all bookings in the database are looked up; it changes nothing.

    Each account has its own key. Exit code 1 if anything was found and not mended, or could not be judged.
    """


def restored(
    *,
    since: Annotated[
        str, typer.Option(metavar="MOMENT", help="When the backup was made: 2030-03-01T03:00Z; UTC without a zone.")
    ],
    yes: Yes = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also while a worker runs, or the broker cannot say whether one does.")
    ] = False,
    json: Json = False,
    why: Annotated[str, typer.Option(help="Why; it is recorded.")] = ASKED,
) -> None:
    """After a restore from a backup, before any worker runs: find at Cal.com what may be booked already.

    The database has forgotten what was booked since the backup. The outcome of each booking that was on its way then
    becomes unknown: it is looked up at Cal.com before it may be posted. What was requested later has no row any more:
    Cal.com's list is read, and a caller that requests again a booking that is there gets it. Each account is asked with
    its own key; a paused one is left out, and named.

    The command first waits until Cal.com must list what the old workers sent last (160 s by default), and may be run
    again at any time. Stop all workers and beat before the restore; start them when this has ended with exit code 0.
    """
