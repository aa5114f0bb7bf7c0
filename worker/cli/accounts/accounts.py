"""`booking accounts`: what its commands do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from urllib.parse import urlsplit

from booking_client.states import DEFAULT_ACCOUNT
from db import accounts
from db.accounts import Account
from db.monitoring.operator_actions import ActionRequest
from tasks.accounts.standing import read_standing
from tasks.dependencies import Dependencies
from tasks.incidents.template import named_bookings
from tasks.operations import accounts as operations
from tasks.operations.accounts import NewAccount, closing
from tasks.operations.accounts.closing import Closing, NotClosedError
from tasks.operations.accounts.refusals import AccountRefusedError
from tasks.overview.cards import read_shared
from tasks.words import plural
from worker.cli.named import named_account
from worker.cli.record import requested
from worker.cli.secret_line import read_secret
from worker.cli.session import ready
from worker.console import screen
from worker.console.stop import Stop


def add(name: str, *, base_url: str | None, rate: int | None, yes: bool, why: str) -> bool:
    """Add an account with the key of standard input; return True.

    Raises:
        Stop: It was refused.
    """
    wanted = NewAccount(name=name, base_url=base_url, calls_per_minute=rate)
    asked = _asked(operations.ADD, name, why)
    return _done("is added", lambda deps: operations.add(deps, wanted, read_secret("The API key"), asked, first=yes))


def show_all(*, json: bool) -> bool:
    """List the accounts; return True."""
    deps = ready()
    with deps.autocommit.connect() as conn:
        known = accounts.listed(conn)
    if json:
        screen.as_json([_as_json(deps, one) for one in known])
        return True
    screen.facts([(one.name, ", ".join(_parts(deps, one))) for one in known])
    return True


def show(name: str, *, json: bool) -> bool:
    """Show one account; return True.

    Raises:
        Stop: There is no such account.
    """
    deps = ready()
    stops_default = read_shared(deps).stops_default
    with deps.autocommit.connect() as conn:
        account = named_account(conn, name)
        standing = read_standing(
            conn, account, deps.breaker.service, lead=deps.timings.lead, stops_default=stops_default
        )
    shown = _as_json(deps, account)
    if json:
        screen.as_json({**shown, "trouble": standing.trouble and standing.trouble.value, "since": standing.since})
        return True
    shown["stopped by"] = standing.words(name)
    screen.facts([(key, "" if value is None else str(value)) for key, value in shown.items()])
    return True


def set_rate(name: str, *, rate: int | None, why: str) -> bool:
    """Change an account's calls a minute; return True."""
    return _done("is changed", lambda deps: operations.set_rate(deps, name, rate, _asked(operations.SET, name, why)))


def rotate(name: str, *, other_user: bool, why: str) -> bool:
    """Store another key of an account, from standard input; return True."""
    asked = _asked(operations.ROTATE, name, why)
    return _done(
        "has its new key",
        lambda deps: operations.rotate(deps, name, read_secret("The API key"), asked, other_user=other_user),
    )


def pause(name: str, *, why: str) -> bool:
    """Pause an account; return True."""
    return _done("is paused", lambda deps: operations.pause(deps, name, _asked(operations.PAUSE, name, why)))


def resume(name: str, *, why: str) -> bool:
    """Resume an account; return True."""
    return _done("is active", lambda deps: operations.resume(deps, name, _asked(operations.RESUME, name, why)))


def close(name: str, *, yes: bool, json: bool, why: str) -> bool:
    """Close an account; return whether it is closed.

    Raises:
        Stop: It is not; with `json` only where there is nothing to count.
    """
    try:
        done = closing.close(ready(), name, _asked(operations.CLOSE, name, why), yes=yes)
    except AccountRefusedError as error:
        if not (json and isinstance(error, NotClosedError)):
            raise Stop(str(error)) from None
        screen.as_json({"account": name, "closed": False, "why": str(error), **asdict(error.found)})
        return False
    if json:
        screen.as_json({"account": name, "closed": True, "why": None, **asdict(done)})
    else:
        screen.say(" ".join(_closed(name, done)))
    return True


def _closed(name: str, done: Closing) -> Iterator[str]:
    yield f"{name} is closed, and its key wiped."
    if done.to_come:
        yield f"{plural(done.to_come, 'booking stays', 'bookings stay')} at Cal.com."
    if done.withdrawn:
        withdrawn = plural(done.withdrawn, "cancel or move was", "cancels and moves were")
        yield f"{withdrawn} not sent yet, and {'is' if done.withdrawn == 1 else 'are'} withdrawn."
    if done.not_known:
        yield f"Nobody knows whether Cal.com has cancelled or moved {named_bookings(done.not_known)}: look there."


def reencrypt(*, why: str) -> bool:
    """Encrypt each key with the newest encryption key; return whether all could be."""
    deps = ready()
    done, unreadable = operations.reencrypt(deps, requested(operations.REENCRYPT, why=why, target={}))
    screen.say(f"{plural(done, 'key')} encrypted again")
    if unreadable:
        screen.note(f"cannot be decrypted: {', '.join(unreadable)}; `booking accounts rotate` stores a key again")
    return not unreadable


def _asked(action: str, name: str, why: str) -> ActionRequest:
    return requested(action, why=why, target={"account": name})


def _done(what: str, work: Callable[[Dependencies], Account]) -> bool:
    with _refusals():
        account = work(ready())
    screen.say(f"{account.name} {what}.")
    return True


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except AccountRefusedError as error:
        raise Stop(str(error)) from None


def _as_json(deps: Dependencies, account: Account) -> dict[str, object]:
    own = account.id == DEFAULT_ACCOUNT
    return {
        "id": account.id,
        "name": account.name,
        "state": account.state.value,
        "calcom": _host(deps, account),
        "key": deps.calcom.key_fingerprint if own else account.key_fingerprint,
        "calls_per_minute": account.calls_per_minute or deps.breaker.settings.rate_limit or None,
        "user": account.user_id,
        "version": account.version,
    }


def _parts(deps: Dependencies, account: Account) -> Iterator[str]:
    yield account.state.value
    yield _host(deps, account)
    calls = account.calls_per_minute or deps.breaker.settings.rate_limit
    yield f"{calls:,} calls a minute" if calls else "no limit of our own"


def _host(deps: Dependencies, account: Account) -> str:
    return urlsplit(deps.door.address(account.base_url)).netloc
