"""`booking callbacks`."""

from functools import partial
from typing import Annotated

import typer

from worker.cli.command import ASKED, OPERATING, Json, command

Why = Annotated[str, typer.Option(help="Why; it stands in `booking actions`.")]


def add_to(app: typer.Typer) -> None:
    """Give the command `booking` this one."""
    operating = partial(command, app, panel=OPERATING)

    @operating(
        "worker.cli.telling.callbacks:run",
        "booking callbacks",
        "booking callbacks --again",
        "booking callbacks --again 42 43",
        "booking callbacks --drop 42",
    )
    def callbacks(
        bookings: Annotated[
            list[int] | None,
            typer.Argument(metavar="ID...", help="With --again or --drop: only those of these bookings."),
        ] = None,
        *,
        again: Annotated[bool, typer.Option("--again", help="Send it now, also what was given up.")] = False,
        drop: Annotated[
            bool, typer.Option("--drop", help="Give these callbacks up for good: the alert about them ends.")
        ] = False,
        json: Json = False,
        why: Why = ASKED,
    ) -> None:
        """Show what is still to be sent to callers, and why it could not be. Exit code 1 if something was given up."""
