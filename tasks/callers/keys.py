"""API keys: looked up for each caller, and added, rotated and revoked by operators, each time on record."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from db import accounts
from db.api_keys import key_text, keys, voice_secrets
from db.api_keys.keys import ApiKey, Scope
from db.models.accounts import AccountState
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.accounts.callers import DEFAULT
from tasks.callers.connection import caller_connection

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


class KeyRefusedError(ValueError):
    """Report why an operator's order about a key is not carried out."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """Hold the text of a key, which can be shown this once; `old_until`: how long the one before it stays in force."""

    text: str = field(repr=False)
    old_until: datetime | None = None


def known_key(key_hash: bytes) -> ApiKey | None:
    """Return the key in force that has this hash; None: there is none."""
    with caller_connection() as conn:
        return keys.by_hash(conn, key_hash)


def list_keys() -> list[ApiKey]:
    """Return all keys, the revoked ones last."""
    with dependencies.current().autocommit.connect() as conn:
        return keys.every(conn)


def add_key(
    asked: ActionRequest,
    name: str,
    *,
    scopes: Collection[Scope],
    event_types: Collection[int] | None,
    rate: int,
    account: str = DEFAULT,
    callback_url: str | None = None,
) -> NewKey:
    """Make a key, which asks for bookings of one account; its callbacks go to an address that was checked, or nowhere.

    Raises:
        KeyRefusedError: The name is not one, or is another key's; or no open account has that name.
    """
    if not NAME.fullmatch(name):
        raise KeyRefusedError(f"{name!r} is no name: use a-z, 0-9 and -, 63 characters at most")
    handle = key_text.new_handle()
    text = key_text.new_key(handle)
    with dependencies.current().engine.begin() as conn:
        add = partial(keys.add, conn, name, handle, key_text.hash_of(text), account_id=_open_account(conn, account))
        if not add(scopes=scopes, event_types=event_types, rate=rate):
            raise KeyRefusedError(f"{name}: there is a key of this name; a revoked key keeps its name")
        if callback_url is not None:
            keys.set_callback(conn, name, callback_url)
        operator_actions.record(conn, asked, "added", bookings=0)
    return NewKey(text)


def rotate_key(asked: ActionRequest, name: str) -> NewKey:
    """Give a key a new secret; the old one stays in force for a day, the one before it ends.

    Raises:
        KeyRefusedError: No key in force has this name.
    """
    with dependencies.current().engine.begin() as conn:
        known = keys.named(conn, name)
        text = key_text.new_key(known.handle) if known else ""
        ends = keys.rotate(conn, name, key_text.hash_of(text)) if text else None
        if ends is None:
            raise no_such_key(name)
        operator_actions.record(conn, asked, "rotated", bookings=0)
    return NewKey(text, ends)


def revoke_key(asked: ActionRequest, name: str) -> None:
    """End a key, and the old one of its last rotation; its agents' secrets are wiped.

    Raises:
        KeyRefusedError: No key in force has this name.
    """
    with dependencies.current().engine.begin() as conn:
        revoked = keys.revoke(conn, name)
        if revoked is None:
            raise no_such_key(name)
        voice_secrets.remove(conn, revoked)
        operator_actions.record(conn, asked, "revoked", bookings=0)


def _open_account(conn: Connection, account: str) -> int:
    try:
        found = accounts.named(conn, account)
    except accounts.NoSuchAccountError:
        raise KeyRefusedError(f"{account}: no account has this name; `booking accounts list` shows them") from None
    if found.state is AccountState.CLOSED:
        raise KeyRefusedError(f"{account} is closed, for good")
    return found.id


def no_such_key(name: str) -> KeyRefusedError:
    """Return the error that no key in force has this name."""
    return KeyRefusedError(f"{name}: no key in force has this name; `booking keys list` shows them")
