"""The secrets by which the agents of an API key prove themselves: read as they ask, and changed by operators."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import SecretStr
from sqlalchemy import Connection

from booking_client.states import DEFAULT_ACCOUNT
from db.api_keys import keys, voice_secrets
from db.api_keys.keys import ApiKey, Scope
from db.api_keys.voice_secrets import SharedSecret, VoiceSecret
from db.models.api_keys import Platform
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.accounts.keys import KeyUnreadableError
from tasks.calcom.access import fingerprint
from tasks.callers.connection import caller_connection
from tasks.callers.keys import KeyRefusedError, no_such_key

MOST = 4  # of a key at one platform: each costs a hash of each body, and one is enough but while it is changed
SHORTEST = 16  # characters


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """Hold a key that an address names, and what proves that its agent asks; `unreadable` says why a secret does not.

    `own` has each platform of which the key has a secret, also if none of them could be decrypted.
    """

    key: ApiKey
    own: Mapping[Platform, Sequence[SecretStr]] = field(repr=False)
    unreadable: str | None = None

    def secrets(self, platform: Platform, fleets: Sequence[SecretStr]) -> Sequence[SecretStr]:
        """Return what proves: the key's own; else, for a key of `default`, the settings'."""
        if platform in self.own:
            return self.own[platform]
        return fleets if self.key.account_id == DEFAULT_ACCOUNT else ()


def known_agent(handle: str) -> KnownAgent | None:
    """Return the key in force that has this handle, with its secrets; None: there is none. A handle proves nothing."""
    with caller_connection() as conn:
        key = keys.by_handle(conn, handle)
        stored = [] if key is None else voice_secrets.of_key(conn, key.id)
    return None if key is None else _opened(key, stored)


def secrets_of(name: str) -> list[VoiceSecret]:
    """Return the secrets of a key.

    Raises:
        KeyRefusedError: No key in force has this name.
    """
    with dependencies.current().autocommit.connect() as conn:
        return voice_secrets.of_key(conn, _in_force(conn, name).id)


def add_secret(asked: ActionRequest, name: str, platform: Platform, secret: SecretStr) -> list[str]:
    """Store a secret of a key, and return the other keys for which it proves, too.

    Raises:
        KeyRefusedError: It is none, or cannot be encrypted here, or the key cannot have it.
    """
    text = secret.get_secret_value()
    if len(text) < SHORTEST or not text.isascii() or not text.isprintable() or " " in text:
        raise KeyRefusedError(f"a secret has {SHORTEST} characters or more: letters, digits and signs, without blanks")
    mark = fingerprint_of(platform, secret)
    with dependencies.current().engine.begin() as conn:
        voice_secrets.lock(conn, name)
        key = _in_force(conn, name)
        if Scope.VOICE not in key.scopes:
            raise KeyRefusedError(f"{name} lacks the scope voice, so no agent's address may name it")
        known = [one.fingerprint for one in voice_secrets.of_key(conn, key.id) if one.platform is platform]
        if mark in known:
            raise KeyRefusedError(f"{name} has this secret already")
        if len(known) >= MOST:
            raise KeyRefusedError(f"{name} has {MOST} already: `booking keys voice {name} --remove FINGERPRINT`")
        voice_secrets.add(conn, key.id, platform, mark, _sealed(secret, key.id, platform))
        others = [one.keys for one in voice_secrets.shared(conn, ()) if one.fingerprint == mark]
        operator_actions.record(conn, asked, "added", bookings=0)
    return [other for names in others for other in names if other != name]


def remove_secret(asked: ActionRequest, name: str, mark: str) -> None:
    """Wipe a secret of a key, by its fingerprint.

    Raises:
        KeyRefusedError: The key is not in force, or has no such secret.
    """
    with dependencies.current().engine.begin() as conn:
        voice_secrets.lock(conn, name)
        if not voice_secrets.remove(conn, _in_force(conn, name).id, mark):
            raise KeyRefusedError(f"{name} has no secret {mark}; `booking keys voice {name}` lists them")
        operator_actions.record(conn, asked, "removed", bookings=0)


def fingerprint_of(platform: Platform, secret: SecretStr) -> str:
    """Return what distinguishes a platform's secrets and does not reveal them."""
    return fingerprint(platform, secret.get_secret_value())


def shared_secrets(fleets: Mapping[Platform, Collection[SecretStr]]) -> list[tuple[SharedSecret, bool]]:
    """Return the secrets that prove for several keys, each with whether the settings have it, too."""
    ours = {fingerprint_of(platform, one) for platform, secrets in fleets.items() for one in secrets}
    with dependencies.current().autocommit.connect() as conn:
        return [(one, one.fingerprint in ours) for one in voice_secrets.shared(conn, ours)]


def unreadable_secrets(listed: Sequence[tuple[str, VoiceSecret]]) -> dict[str, str]:
    """Return why secrets cannot be decrypted, each by what people call it."""
    found = {}
    for name, one in listed:
        try:
            _open(one)
        except KeyUnreadableError as error:
            found[one.named_of(name)] = str(error)
    return found


def keys_without_secret() -> list[str]:
    """Return the keys that an agent's address may name, and for which no secret proves."""
    with dependencies.current().autocommit.connect() as conn:
        return voice_secrets.missing(conn)


def _in_force(conn: Connection, name: str) -> ApiKey:
    key = keys.named(conn, name)
    if key is None or key.revoked_at is not None:
        raise no_such_key(name)
    return key


def _sealed(secret: SecretStr, api_key: int, platform: Platform) -> str:
    try:
        return dependencies.current().door.cipher.encrypt(secret, api_key=api_key, platform=platform)
    except KeyUnreadableError as error:
        raise KeyRefusedError(str(error)) from None


def _open(secret: VoiceSecret) -> SecretStr:
    cipher = dependencies.current().door.cipher
    return cipher.decrypt(secret.encrypted_secret, api_key=secret.api_key_id, platform=secret.platform)


def _opened(key: ApiKey, stored: Sequence[VoiceSecret]) -> KnownAgent:
    own: dict[Platform, list[SecretStr]] = {}
    unreadable = None
    for one in stored:
        found = own.setdefault(one.platform, [])
        try:
            found.append(_open(one))
        except KeyUnreadableError as error:
            unreadable = str(error)
    return KnownAgent(key, own, unreadable)
