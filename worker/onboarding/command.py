"""`booking accounts import` and `export`: many clients in one run, a line each."""

import sys
from pathlib import Path

from booking_client.states import DEFAULT_ACCOUNT
from db import accounts
from db.models.accounts import AccountState
from tasks.calcom.access import checked_url
from tasks.callers import keys
from tasks.dependencies import Dependencies
from tasks.words import plural
from worker.cli.session import ready
from worker.console import screen
from worker.console.progress import bars
from worker.console.stop import Stop
from worker.onboarding.bringing import Bringing
from worker.onboarding.clients import Client, as_csv, read_clients
from worker.onboarding.folder import Folder


def bring_all(file: str, *, url: str, out: str, webhooks: bool, dry_run: bool, yes: bool, why: str) -> bool:
    """Bring the clients of a file in; return whether all are well.

    Raises:
        Stop: The file is wrong, and nothing was done.
    """
    clients = _read(file)
    deps = ready()
    bringing = Bringing(deps, Folder(Path(out)), _base(url), webhooks=webhooks, first=yes, why=why)
    wrong = 0
    with bars("clients") as (advance,):
        for number, client in enumerate(clients, 1):
            ok, said = _looked_at(bringing, client) if dry_run else bringing.bring(client)
            mark = ("ok     ", "green") if ok else ("WRONG  ", "bold red")
            screen.say(mark, f"{client.name:<20} {screen.plain('; '.join(said))}")
            wrong += not ok
            advance(number, len(clients))
    what = "can be brought in" if dry_run else f"can book; {out} has the tools of each agent, with its API key"
    screen.say(f"{plural(len(clients) - wrong, 'client')} of {len(clients):,} {what}")
    return not wrong


def export() -> None:
    """Print the clients that are here as such a file, without what is secret."""
    deps = ready()
    with deps.autocommit.connect() as conn:
        known = [one for one in accounts.listed(conn) if one.state is not AccountState.CLOSED]
    types = {one.name: one.event_types for one in keys.list_keys() if one.revoked_at is None}
    own = [one for one in known if one.id != DEFAULT_ACCOUNT]
    sys.stdout.write(
        as_csv(
            [
                Client(
                    name=one.name,
                    base_url=_elsewhere(deps, one.base_url),
                    calls=one.calls_per_minute,
                    types=tuple(sorted(types.get(one.name) or ())),
                )
                for one in own
            ]
        )
    )


def _elsewhere(deps: Dependencies, base_url: str | None) -> str | None:
    return None if base_url is None or deps.door.is_settings(base_url) else base_url


def _looked_at(bringing: Bringing, client: Client) -> tuple[bool, list[str]]:
    try:
        missing = bringing.missing(client)
    except Stop as no:
        return False, [str(no)]
    return True, [f"to be made: {', '.join(missing)}" if missing else "is here"]


def _read(file: str) -> list[Client]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Stop(f"{file}: {error.strerror if isinstance(error, OSError) else 'is not UTF-8'}") from None
    clients, problems = read_clients(text)
    if problems or not clients:
        raise Stop(*(f"{file} {problem}" for problem in problems or ["has no client"]), "nothing was stored")
    return clients


def _base(url: str) -> str:
    try:
        return checked_url(url)
    except ValueError:
        raise Stop("--url: give the address of `booking serve`, as https://booking.example.com") from None
