"""The command group `booking keys`."""

from functools import partial
from typing import Annotated

import typer

from worker.cli import command
from worker.cli.command import ASKED, Json

app = typer.Typer(
    no_args_is_help=True,
    help="Make and end the API keys of `booking serve`. `booking actions` shows each action, with who and why.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_keys = partial(command.command, app)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The key's name: a-z, 0-9 and -.")]
Why = Annotated[str, typer.Option(help="Why; it stands in `booking actions`.")]


@_keys(
    "worker.cli.keys.keys:add",
    "booking keys add voice-agent --scopes book,read,change,voice --types 101 --rate 120",
    "booking keys add form --account salon-7",
    "booking keys add shop --callback https://example.com/hooks",
    more="Scopes: book (ask for bookings and free times), read (ask how they are), change (cancel and move them), "
    "voice (be named by a voice agent's address), find (find them by a person's address or number), "
    "uid (read Cal.com's uid), report (see its account's page, as a login), "
    "all (also see what others asked for of its account).",
)
def add(
    name: Name,
    *,
    scopes: Annotated[str, typer.Option(metavar="SCOPE,...", help="What it may do.")] = "book,read",
    types: Annotated[
        str, typer.Option(metavar="ID,...", help="The event types that it may book.", show_default="all")
    ] = "",
    rate: Annotated[
        int, typer.Option(metavar="N", min=1, max=600_000, help="Calls a minute; all of them may come at once.")
    ] = 120,
    account: Annotated[str, typer.Option(metavar="NAME", help="The account that its bookings belong to.")] = "default",
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
    """Replace a key by a new one of the same name, and print it this once. The old one stays in force for a day."""


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
    url: Annotated[str | None, typer.Argument(metavar="URL", help="The address: https, port 443 or 8443.")] = None,
    *,
    off: Annotated[bool, typer.Option("--off", help="Send no callbacks for new bookings.")] = False,
    hosts: Annotated[
        str | None,
        typer.Option(metavar="HOST,...", help="Hosts that a request may name in `callback_url`; '' allows none."),
    ] = None,
    why: Why = ASKED,
) -> None:
    """Set the callback address of a key. Bookings that are stored already keep theirs."""


@_keys("worker.cli.telling.callbacks:secret", "booking keys secret voice-agent")
def secret(
    name: Name,
    *,
    new: Annotated[bool, typer.Option("--new", help="Replace the callback secret first.")] = False,
    why: Why = ASKED,
) -> None:
    """Print the callback secret of a key; two while CALLBACK_SECRET has two values."""


@_keys(
    "worker.cli.keys.voice:run",
    "booking keys voice salon-7-agent --retell < key.txt",
    "booking keys voice salon-7-agent",
    "booking keys voice salon-7-agent --remove 3f9a01bc22aa",
    more="A key of `default` without a secret of a platform has those of RETELL_API_KEYS or VAPI_SECRETS.",
)
def voice(
    name: Name,
    *,
    retell: Annotated[bool, typer.Option("--retell", help="Store one more API key with which Retell signs.")] = False,
    vapi: Annotated[bool, typer.Option("--vapi", help="Store one more secret that Vapi sends.")] = False,
    remove: Annotated[str | None, typer.Option(metavar="FINGERPRINT", help="Wipe this one.")] = None,
    json: Json = False,
    why: Why = ASKED,
) -> None:
    """List by which secrets agents of Retell and Vapi prove that they ask for a key, store one, or wipe one.

    A secret is the first line of standard input, is stored encrypted, and is not shown again.
    """
