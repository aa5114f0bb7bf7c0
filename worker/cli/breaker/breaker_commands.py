"""The command group `booking breaker`."""

from functools import partial
from typing import Annotated

import typer

from worker.cli import command
from worker.cli.command import Json, OfService

app = typer.Typer(
    no_args_is_help=True,
    help="See the circuit breaker, and give it orders. Each order says who and why, and holds for the whole fleet.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_status = partial(command.command, app, "worker.cli.breaker.breaker:status")
_order = partial(command.command, app, "worker.cli.breaker.breaker:order")

By = Annotated[str, typer.Option(help="Who orders it.", show_default="your login name")]
Why = Annotated[str, typer.Option(help="Why; it stands in the breaker's events.")]
For = Annotated[float | None, typer.Option("--for", metavar="SECONDS", min=1, help="End the order after this time.")]


@_status("booking breaker status", "booking breaker status --service cal.example.org")
def status(service: OfService = None, json: Json = False) -> None:  # noqa: FBT002 - an option of the command line
    """Show the state, since when nothing goes, and the orders in force.

    Exit code 1 unless it is closed, and today's key and settings are not refused.
    """


@_order("booking breaker open --for 600 --why 'Cal.com asked us to'", mode="open")
def open(why: Why = "", by: By = "", seconds: For = None, service: OfService = None) -> None:  # noqa: A001 - the operators' word
    """Send nothing: bookings are held until the override ends."""


@_order("booking breaker off --why 'false alarm'", mode="off")
def off(why: Why = "", by: By = "", seconds: For = None, service: OfService = None) -> None:
    """Let every call go, whatever fails; refused keys and the rate limit still count."""


@_order("booking breaker auto", mode="auto")
def auto(why: Why = "", by: By = "", service: OfService = None) -> None:
    """End an override: the breaker decides for itself again."""


@_order("booking breaker reset --why 'new API key'", mode="reset")
def reset(why: Why = "", by: By = "", service: OfService = None) -> None:
    """Close every breaker, end every override and a 429's pause, and try a refused key again with what it held."""
