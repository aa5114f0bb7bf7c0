"""The command group `booking keys`."""

from functools import partial
from typing import Annotated

import typer

from worker.cli import command
from worker.cli.command import ASKED, Json

app = typer.Typer(
    no_args_is_help=True,
    help="Make and end the API keys of `booking serve`. Each order is in `booking actions`, with who and why.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_keys = partial(command.command, app)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The key's name: a-z, 0-9 and -.")]
Why = Annotated[str, typer.Option(help="Why; it stands in `booking actions`.")]


@_keys(
    "worker.cli.keys.keys:add",
    "booking keys add voice-agent --scopes book,read --types 101,102 --rate 120",
    "booking keys add form --account salon-7",
    "booking keys add shop --callback https://example.com/hooks",
    more="Scopes: book (ask for bookings and free times), read (ask how they are), change (cancel and move them), "
    "voice (be named by a voice agent's address), find (find them by a person's address or number), "
    "uid (read Cal.com's uid), all (also see what others asked for of its account).",
)
def add(
    name: Name,
    *,
    scopes: Annotated[str, typer.Option(metavar="SCOPE,...", help="What it may do.")] = "book,read",
    types: Annotated[
        str, typer.Option(metavar="ID,...", help="The event types that it may book.", show_default="all")
    ] = "",
    rate: Annotated[
        int, typer.Option(metavar="N", min=1, max=600_000, help="Calls a minute; as many may come at once.")
    ] = 120,
    account: Annotated[str, typer.Option(metavar="NAME", help="The account that its bookings are of.")] = "default",
    callback: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where its callbacks go; as `keys callback`.", show_default="nowhere"),
    ] = None,
    why: Why = ASKED,
) -> None:
    """Make a key, and print it this once: only its hash is stored."""


@_keys("worker.cli.keys.keys:list_all", "booking keys list", "booking keys list --json", name="list")
def list_all(*, json: Json = False) -> None:
    """List the keys: what each may do, and when it was last used."""


@_keys("worker.cli.keys.keys:rotate", "booking keys rotate voice-agent")
def rotate(name: Name, *, why: Why = ASKED) -> None:
    """Give a key a new secret, and print it this once. The old one stays in force for a day."""


@_keys("worker.cli.keys.keys:revoke", "booking keys revoke voice-agent --why 'it stood in a log'")
def revoke(name: Name, *, why: Why = ASKED) -> None:
    """End a key. It is refused everywhere within 5 seconds; its bookings stay."""


@_keys(
    "worker.cli.telling.callbacks:set_callback",
    "booking keys callback voice-agent https://example.com/hooks",
    "booking keys callback voice-agent --off",
    "booking keys callback shop --hosts hooks.example.com",
)
def callback(
    name: Name,
    url: Annotated[str | None, typer.Argument(metavar="URL", help="Where to; https, port 443 or 8443.")] = None,
    *,
    off: Annotated[bool, typer.Option("--off", help="Nowhere, instead.")] = False,
    hosts: Annotated[
        str | None,
        typer.Option(metavar="HOST,...", help="That a request may name as its booking's own address; '' for none."),
    ] = None,
    why: Why = ASKED,
) -> None:
    """Set where what its bookings come to is sent. Bookings that are stored already keep what they have."""


@_keys("worker.cli.telling.callbacks:secret", "booking keys secret voice-agent")
def secret(
    name: Name,
    *,
    new: Annotated[bool, typer.Option("--new", help="Another one signs from now on.")] = False,
    why: Why = ASKED,
) -> None:
    """Print the secret that signs a key's callbacks; two of them while CALLBACK_SECRET has two values."""
