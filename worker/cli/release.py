"""`booking --version`."""

from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Give the command `booking` its own option."""

    @app.callback()
    def options(
        *,
        version: Annotated[
            bool, typer.Option("--version", callback=_print, is_eager=True, help="Print the release and end.")
        ] = False,
    ) -> None:
        """Booking requests for Cal.com: never lost, never twice, calm while Cal.com is not."""


def _print(asked: bool) -> None:  # noqa: FBT001 - typer's signature
    if asked:
        from worker.version import version  # noqa: PLC0415 - loaded when run

        typer.echo(f"booking-worker {version()}")
        raise typer.Exit
