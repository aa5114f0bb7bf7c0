"""The command group `booking calcom-webhook`."""

from functools import partial
from typing import Annotated

import typer

from worker.cli import command
from worker.cli.command import ASKED

app = typer.Typer(
    no_args_is_help=True,
    help="Manage the webhook by which Cal.com reports what people do there; its address and secret are made of "
    "CALCOM_WEBHOOK_SECRET.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_WORK = "worker.cli.telling.calcom_webhook:"
_add, _check, _remove, _show = (
    partial(command.command, app, f"{_WORK}{work}") for work in ("add", "check", "remove", "show")
)

Account = Annotated[str, typer.Option(metavar="NAME", help="Whose webhook it is.")]
Why = Annotated[str, typer.Option(help="Why; it stands in `booking actions`.")]


@_add(
    "booking calcom-webhook add https://booking.example.com",
    "booking calcom-webhook add https://booking.example.com --account salon-7",
    more="A repeated `add` changes nothing if the webhook is right, and replaces one that differs.",
)
def add(
    address: Annotated[
        str | None,
        typer.Argument(metavar="URL", help="Where Cal.com reaches `booking serve`.", show_default="as before"),
    ] = None,
    *,
    account: Account = "default",
    why: Why = ASKED,
) -> None:
    """Make the webhook at Cal.com, for the user of the account's key; one of ours that differs is replaced."""


@_check("booking calcom-webhook check", "booking calcom-webhook check --account salon-7")
def check(*, account: Account = "default") -> None:
    """Compare what Cal.com has with our side, and say what to do; exit code 1 if they differ."""


@_remove("booking calcom-webhook remove --why 'another deployment has it'")
def remove(*, account: Account = "default", why: Why = ASKED) -> None:
    """Delete the account's webhook at Cal.com. Hints that have arrived are still checked."""


@_show("booking calcom-webhook show")
def show(*, account: Account = "default") -> None:
    """Show address and secret, for a webhook of one event type, which is made at Cal.com by hand."""
