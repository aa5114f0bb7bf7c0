"""The rows of agents' secrets: a few of each platform a key, read when the key's agent asks, and never shown."""

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import NamedTuple, Self

from sqlalchemy import Connection, RowMapping, any_, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from booking_client.states import DEFAULT_ACCOUNT
from db.api_keys.keys import Scope
from db.models.api_keys import Platform, api_keys, voice_secrets

_columns, _keys = voice_secrets.c, api_keys.c


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSecret:
    """Hold a row, whose secret is encrypted."""

    api_key_id: int
    platform: Platform
    fingerprint: str
    encrypted_secret: str = field(repr=False)
    created_at: datetime

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Read a row."""
        return cls(**{column.name: row[column.name] for column in fields(cls)})

    def named_of(self, key: str) -> str:
        """Return what people call it, by its key's name."""
        return f"{self.platform.title()}'s secret {self.fingerprint} of the API key {key}"


class SharedSecret(NamedTuple):
    """Name the keys, in force, for which one secret proves."""

    platform: Platform
    fingerprint: str
    keys: list[str]


def of_key(conn: Connection, api_key_id: int) -> list[VoiceSecret]:
    """Return the secrets of a key, of each platform the oldest first."""
    own = select(voice_secrets).where(_columns.api_key_id == api_key_id)
    rows = conn.execute(own.order_by(_columns.platform, _columns.created_at, _columns.fingerprint)).mappings()
    return [VoiceSecret.of(row) for row in rows]


def listed(conn: Connection) -> list[tuple[str, VoiceSecret]]:
    """Return each secret of a key in force, with the key's name."""
    named = select(_keys.name, voice_secrets).join(api_keys, _keys.id == _columns.api_key_id)
    rows = conn.execute(named.where(_keys.revoked_at.is_(None)).order_by(_keys.name)).mappings()
    return [(row["name"], VoiceSecret.of(row)) for row in rows]


def lock(conn: Connection, name: str) -> None:
    """Let nobody else change the secrets of a key, nor end it, until the transaction ends."""
    conn.execute(select(_keys.id).where(_keys.name == name).with_for_update(key_share=True))


def add(conn: Connection, api_key_id: int, platform: Platform, fingerprint: str, encrypted: str) -> bool:
    """Store a secret of a key; False: the key has it."""
    row = {"api_key_id": api_key_id, "platform": platform, "fingerprint": fingerprint, "encrypted_secret": encrypted}
    written = insert(voice_secrets).values(row).on_conflict_do_nothing()
    return conn.execute(written.returning(_columns.api_key_id)).first() is not None


def remove(conn: Connection, api_key_id: int, fingerprint: str | None = None) -> bool:
    """Wipe a secret of a key, by default all of them; False: there is none."""
    own = delete(voice_secrets).where(_columns.api_key_id == api_key_id)
    return bool(conn.execute(own if fingerprint is None else own.where(_columns.fingerprint == fingerprint)).rowcount)


def replace_cipher(conn: Connection, secret: VoiceSecret, encrypted: str) -> bool:
    """Write the same secret, encrypted again; False: it was wiped meanwhile."""
    own = _columns.api_key_id == secret.api_key_id, _columns.fingerprint == secret.fingerprint
    written = update(voice_secrets).where(*own, _columns.platform == secret.platform)
    return bool(conn.execute(written.values(encrypted_secret=encrypted)).rowcount)


def shared(conn: Connection, beside: Collection[str]) -> list[SharedSecret]:
    """Return which secrets several keys in force have, or a key that has one of the fingerprints `beside`."""
    names = func.array_agg(aggregate_order_by(_keys.name, _keys.name))
    by_secret = _columns.platform, _columns.fingerprint
    query = select(*by_secret, names).join(api_keys, _keys.id == _columns.api_key_id)
    query = query.where(_keys.revoked_at.is_(None)).group_by(*by_secret).order_by(*by_secret)
    query = query.having(or_(func.count() > 1, _columns.fingerprint.in_(beside)))
    return [SharedSecret(*row) for row in conn.execute(query)]


def missing(conn: Connection) -> list[str]:
    """Return the keys in force with the scope voice, but of the account `default`, that have no secret."""
    has_own = select(_columns.api_key_id).where(_columns.api_key_id == _keys.id).exists()
    may_be_named = literal(str(Scope.VOICE)) == any_(_keys.scopes)
    query = select(_keys.name).where(_keys.account_id != DEFAULT_ACCOUNT, may_be_named)
    return list(conn.execute(query.where(_keys.revoked_at.is_(None), ~has_own).order_by(_keys.name)).scalars())
