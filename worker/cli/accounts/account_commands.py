"""The command group `booking accounts`."""

from functools import partial
from typing import Annotated

import typer

from worker.cli import command
from worker.cli.command import ASKED, Json

app = typer.Typer(
    no_args_is_help=True,
    help="The accounts at Cal.com: one API key each. `default` is that of the settings. Keys come from standard input.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_WORK = "worker.cli.accounts.accounts:"
_add, _list, _show, _set, _rotate, _pause, _resume, _close, _reencrypt = (
    partial(command.command, app, f"{_WORK}{work}")
    for work in ("add", "show_all", "show", "set_rate", "rotate", "pause", "resume", "close", "reencrypt")
)
_check = partial(command.command, app, "worker.cli.accounts.stored_keys:check")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name: a-z, 0-9 and -.")]
Why = Annotated[str, typer.Option(help="Why; it stands in the actions' record.")]
Rate = Annotated[
    int | None, typer.Option("--rate", metavar="N", help="Calls a minute; not given: CALCOM_RATE_LIMIT_PER_MINUTE.")
]


@_add("booking accounts add salon-7 --rate 120 < key.txt")
def add(
    name: Name,
    *,
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url", metavar="URL", help="Another Cal.com, with a breaker of its own; it never changes afterwards."
        ),
    ] = None,
    rate: Rate = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="No caller or worker of an older version is left.")] = False,
    why: Why = ASKED,
) -> None:
    """Add an account, whose key is the first line of standard input. Cal.com is asked once whose key it is."""


@_list("booking accounts list", "booking accounts list --json")
def list(*, json: Json = False) -> None:  # noqa: A001 - the operators' word
    """List the accounts: name, state, Cal.com, calls a minute. No key is shown."""


@_show("booking accounts show salon-7")
def show(name: Name, *, json: Json = False) -> None:
    """Show one account."""


@command.command(
    app,
    "worker.cli.accounts.report:run",
    "booking accounts report salon-7",
    "booking accounts report salon-7 --since 30d --html > salon-7.html",
)
def report(
    name: Name,
    *,
    since: Annotated[str, typer.Option(metavar="DURATION", help="How far back: 24h, 7d, 30d.")] = "7d",
    html: Annotated[bool, typer.Option("--html", help="Print an HTML file, for the account's owner.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    json: Json = False,
) -> None:
    """Show what one account asked for, what came of it, how long it waited, what is held and why, and its outages.

    Nothing in it is another account's, names a person, or is a command: it may be handed to the account's owner.
    """


@_set("booking accounts set salon-7 --rate 300")
def set(name: Name, *, rate: Rate = None, why: Why = ASKED) -> None:  # noqa: A001 - the operators' word
    """Change how many calls a minute an account may make."""


@_rotate("booking accounts rotate salon-7 < key.txt")
def rotate(
    name: Name,
    *,
    other_user: Annotated[
        bool, typer.Option("--other-user", help="The key is another user's, and that user sees what was booked before.")
    ] = False,
    why: Why = ASKED,
) -> None:
    """Store another key of an account, the first line of standard input. What the old one held goes by itself."""


@_pause("booking accounts pause salon-7 --why 'moves to another team'")
def pause(name: Name, *, why: Annotated[str, typer.Option(help="Why; it stands in the actions' record.")]) -> None:
    """Call nothing for an account: its bookings are held until it is resumed."""


@_resume("booking accounts resume salon-7")
def resume(name: Name, *, why: Why = ASKED) -> None:
    """End a pause: what it held goes by itself, in order."""


@_close(
    "booking accounts close salon-7 --why 'the contract has ended'",
    "booking accounts close salon-7 --yes",
    more="The exit code is 1 where the account was not closed.",
)
def close(
    name: Name,
    *,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            "-y",
            help="Its bookings to come stay at Cal.com as they are; its open cancels and moves are ended.",
        ),
    ] = False,
    json: Json = False,
    why: Why = ASKED,
) -> None:
    """Close an account for good, and wipe its key: nothing goes to Cal.com for it any more, no cancel and no move.

    While a booking of it has not ended, it is not closed. If bookings are to come, or cancels or moves are open, the
    command says how many, and closes it with --yes alone: the bookings stay at Cal.com, what was never sent is
    withdrawn, and where a change was sent and nobody can know what became of it, its booking is named. The API keys of
    the account stay, to read.
    """


@_check("booking accounts check")
def check(*, json: Json = False) -> None:
    """Try to decrypt each key and each secret of agents, and ask Cal.com with each key; exit code 1 if one is wrong.

    Asked is whether Cal.com is there, takes the key, and shows what unclear answers need. Bookings go first; a paused
    account is not asked for.
    """


@command.command(
    app,
    "worker.onboarding.command:bring_all",
    "booking accounts import clients.csv --url https://booking.example.com --dry-run",
    "booking accounts import clients.csv --url https://booking.example.com --webhooks",
    name="import",
    more="The first line names the columns: name, key, base_url, calls, types, zone, language, callback, retell, vapi.",
)
def bring(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="CSV, or - for standard input.")],
    *,
    url: Annotated[str, typer.Option(metavar="URL", help="Where agents reach `booking serve`.")],
    out: Annotated[str, typer.Option(metavar="DIR", help="Where each client's tools and API key go.")] = "clients",
    webhooks: Annotated[bool, typer.Option("--webhooks", help="Have Cal.com report to --url, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be made.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="No caller or worker of an older version is left.")] = False,
    why: Why = ASKED,
) -> None:
    """Bring many clients in: of each an account, an API key, its agent's secrets, and the tools ready to paste.

    A line each says what was done, and whether Cal.com takes its key. The same file again does what is left. Nothing is
    stored while a line of the file is wrong.
    """


@command.command(app, "worker.onboarding.command:export", "booking accounts export > clients.csv")
def export() -> None:
    """Print the clients that are here as such a file, without keys, callback addresses and secrets."""


@_reencrypt("booking accounts reencrypt")
def reencrypt(*, why: Why = ASKED) -> None:
    """Encrypt each key, and each secret of agents, with the first of ACCOUNT_ENCRYPTION_KEYS.

    Do so before an old one of them is taken out.
    """
