"""The command group `booking breaker`."""

from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="See the circuit breaker, and give it orders. Each order says who and why, and holds for the whole fleet.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

By = Annotated[str, typer.Option(help="Who orders it.", show_default="your login name")]
Why = Annotated[str, typer.Option(help="Why; it stands in the breaker's events.")]
For = Annotated[float | None, typer.Option("--for", metavar="SECONDS", min=1, help="End the order after this time.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def _end(*, well: bool) -> None:
    if not well:
        raise typer.Exit(1)


@app.command(epilog="For example:  [bold]booking breaker status[/]   or   [bold]booking breaker status --json[/]")
def status(json: Json = False) -> None:  # noqa: FBT002 - an option of the command line
    """Show the state, since when nothing goes, and the orders in force.

    Exit code 1 unless it is closed, and today's key and settings are not refused.
    """
    from worker.cli.breaker import breaker  # noqa: PLC0415 - loaded when run

    _end(well=breaker.status(json=json))


@app.command(epilog="For example:  [bold]booking breaker open --for 600 --why 'Cal.com asked us to'[/]")
def open(why: Why = "", by: By = "", seconds: For = None) -> None:  # noqa: A001 - the operators' word
    """Send nothing: bookings are held until the override ends."""
    from worker.cli.breaker import breaker  # noqa: PLC0415 - loaded when run

    _end(well=breaker.order("open", by=by, why=why, seconds=seconds))


@app.command(epilog="For example:  [bold]booking breaker off --why 'false alarm'[/]")
def off(why: Why = "", by: By = "", seconds: For = None) -> None:
    """Let every call go, whatever fails; refused keys and the rate limit still count."""
    from worker.cli.breaker import breaker  # noqa: PLC0415 - loaded when run

    _end(well=breaker.order("off", by=by, why=why, seconds=seconds))


@app.command(epilog="For example:  [bold]booking breaker auto[/]")
def auto(why: Why = "", by: By = "") -> None:
    """End an order: the breaker decides for itself again."""
    from worker.cli.breaker import breaker  # noqa: PLC0415 - loaded when run

    _end(well=breaker.auto(by=by, why=why))


@app.command(epilog="For example:  [bold]booking breaker reset --why 'new API key'[/]")
def reset(why: Why = "", by: By = "") -> None:
    """Close every breaker, end every order and what a 429 asked for, and try a refused key again with what it held."""
    from worker.cli.breaker import breaker  # noqa: PLC0415 - loaded when run

    _end(well=breaker.reset(by=by, why=why))
