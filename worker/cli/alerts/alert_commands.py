"""The command group `booking alerts`."""

from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="See what operators were told of, and try whether they can be told.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command(epilog="For example:  [bold]booking alerts test[/]")
def test() -> None:
    """Send a test message to each sink of ALERT_URLS; exit code 1 if one does not take it."""
    from worker.cli.alerts import alerts  # noqa: PLC0415 - loaded when run

    if not alerts.test():
        raise typer.Exit(1)


@app.command("list", epilog="For example:  [bold]booking alerts list[/]   or   [bold]booking alerts list --json[/]")
def list_(json: Json = False) -> None:  # noqa: FBT002 - an option of the command line
    """Show the latest incidents, the newest first, and what stands in the way of telling them."""
    from worker.cli.alerts import alerts  # noqa: PLC0415 - loaded when run

    alerts.show(json=json)
