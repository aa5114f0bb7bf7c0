"""The command `booking report`."""

from typing import Annotated

import typer

from worker.cli.command import OPERATING, Json, OfAccount, OfService, command


def add_to(app: typer.Typer) -> None:
    """Add it to the command line."""
    examples = ("booking report", "booking report --since 24h --compare 7d", "booking report --account salon-7")
    command(app, "worker.cli.report.report:run", *examples, panel=OPERATING)(report)


def report(
    *,
    account: OfAccount = None,
    service: OfService = None,
    since: Annotated[str, typer.Option(metavar="DURATION", help="How far back: 90m, 24h, 7d.")] = "24h",
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="Compare with what was this much earlier.", show_default="the period just before"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Go through the operators' checklist, computed, each line with its target; exit code 1 if one is missed.

    With --account it has the lines that are about bookings, of that account; with --service those about another
    Cal.com. Without --service, breaker and Cal.com are those of the settings.
    """
