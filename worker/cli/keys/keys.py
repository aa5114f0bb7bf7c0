"""The work of `booking keys`."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from urllib.parse import urlsplit

from booking_client.request.fields import event_type
from db.api_keys.keys import ApiKey, Scope
from tasks.accounts.callers import DEFAULT
from tasks.callbacks.orders import callback_address
from tasks.callers import keys
from tasks.callers.keys import KeyRefusedError, NewKey
from tasks.words import clock
from worker.cli.record import requested
from worker.cli.session import ready
from worker.console import screen
from worker.console.stop import Stop


def add(name: str, *, scopes: str, types: str, rate: int, account: str, callback: str | None, why: str) -> None:
    """Make a key, and show it."""
    wanted = _scopes(scopes)
    event_types = [_type(text) for text in _listed(types)] or None
    ready()
    try:
        made = made_key(name, scopes=wanted, types=event_types, rate=rate, account=account, callback=callback, why=why)
    except KeyRefusedError as refused:
        raise Stop(str(refused)) from None
    _show(name, made)


def made_key(
    name: str,
    *,
    scopes: Sequence[Scope],
    types: Sequence[int] | None,
    rate: int,
    account: str,
    callback: str | None,
    why: str,
) -> NewKey:
    """Make a key, on record.

    Raises:
        KeyRefusedError: Nothing was made.
    """
    listed = ",".join(map(str, types)) if types else None
    target = {"key": name, "scopes": ",".join(scopes), "types": listed, "rate": rate, "account": account}
    if callback is not None:
        target["callback"] = "on"  # as `booking keys callback` records it: an address may hold a receiver's token
    asked = requested("key_add", why=why, target=target)
    url = None if callback is None else callback_address(callback)
    return keys.add_key(asked, name, scopes=scopes, event_types=types, rate=rate, account=account, callback_url=url)


def list_all(*, json: bool) -> None:
    """Show all keys."""
    ready()
    found = keys.list_keys()
    if json:
        screen.as_json({"keys": [_plain(key) for key in found]})
    elif not found:
        screen.say("No key; `booking keys add NAME` makes one.")
    for key in [] if json else found:
        types = "all event types" if key.event_types is None else f"event types {_joined(key.event_types)}"
        used = f"last used {clock(key.last_used_at)}" if key.last_used_at else "never used"
        state = f"revoked {clock(key.revoked_at)}" if key.revoked_at else used
        screen.say((f"{key.name:<20}", "bold"), f" bw_{key.handle}_...  {_joined(key.scopes)}; {types}; ", state)
        more = f"account {key.account or DEFAULT}; {key.rate:,} calls a minute; made {clock(key.created_at)}"
        screen.say(" " * 21, more)
        if key.callback_url is not None:
            screen.say(" " * 21, _callbacks(key))
        if key.allowed_callback_hosts:
            screen.say(" " * 21, f"requests may name a callback address at {_joined(key.allowed_callback_hosts)}")


def rotate(name: str, *, why: str) -> None:
    """Give a key a new secret, and show it."""
    ready()
    try:
        made = keys.rotate_key(requested("key_rotate", why=why, target={"key": name}), name)
    except KeyRefusedError as refused:
        raise Stop(str(refused)) from None
    _show(name, made)


def revoke(name: str, *, why: str) -> None:
    """End a key."""
    ready()
    try:
        keys.revoke_key(requested("key_revoke", why=why, target={"key": name}), name)
    except KeyRefusedError as refused:
        raise Stop(str(refused)) from None
    screen.say(f"{name} is revoked: it is refused everywhere within 5 seconds.")


def _callbacks(key: ApiKey) -> str:
    """Return where the callbacks of a key go: the host alone, for an address may hold a receiver's token."""
    host = urlsplit(key.callback_url or "").hostname
    if key.callback_off_at is None:
        return f"callbacks go to {host}"
    switched = f"callbacks to {host} are switched off since {clock(key.callback_off_at)}: it answered 410"
    return f"{switched}; `booking keys callback {key.name} URL` switches them on"


def _show(name: str, made: NewKey) -> None:
    """Print the key alone on standard output, for a script; what there is to say of it goes to standard error."""
    screen.say(made.text)
    screen.note(f"This is the key {name}. It cannot be shown again: only its hash is stored.")
    if made.old_until:
        screen.note(f"The old one stays in force until {clock(made.old_until)}.")


def _scopes(text: str) -> list[Scope]:
    unknown = [scope for scope in _listed(text) if scope not in set(Scope)]
    if unknown or not _listed(text):
        raise Stop(f"--scopes: {unknown[0] if unknown else 'nothing'} is no scope; use {', '.join(Scope)}")
    return [Scope(scope) for scope in dict.fromkeys(_listed(text))]


def _type(text: str) -> int:
    try:
        return event_type(text)
    except ValueError:
        raise Stop("--types: write the ids of event types, as in 101,102") from None


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _joined(values: Iterable[object]) -> str:
    return ", ".join(map(str, sorted(values)))  # type: ignore[type-var]  # all scopes, or all numbers


def _plain(key: ApiKey) -> dict[str, object]:
    types = key.event_types
    return asdict(key) | {
        "scopes": sorted(key.scopes),
        "event_types": None if types is None else sorted(types),
        "allowed_callback_hosts": sorted(key.allowed_callback_hosts),
        "account": key.account or DEFAULT,
    }
