"""What operators do with accounts: added and changed. Each is recorded in the transaction that does it.

A key comes in by an argument of a function, never by one of a command, and leaves this module encrypted.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic import SecretStr
from sqlalchemy import Connection

from booking_client import correlation
from booking_client.request.fields import account as account_name
from booking_client.states import DEFAULT_ACCOUNT
from db import accounts
from db.accounts import Account
from db.api_keys import voice_secrets
from db.models.accounts import AccountState
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest
from resilience.circuit_breaker.account import CallingAccount
from resilience.circuit_breaker.types import CallOutcome, Permit, Reason
from tasks.accounts.keys import KeyUnreadableError
from tasks.calcom.event_type_answers import Me, read_me
from tasks.calcom.reply import Reply
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import GuardedCalls, NotNow
from tasks.operations.accounts.addresses import service_at
from tasks.operations.accounts.refusals import AccountRefusedError, AskedTooOftenError, named, refuse_settings

ADD, SET, ROTATE, PAUSE, RESUME, CLOSE, REENCRYPT = (
    f"account_{what}" for what in ("add", "set", "rotate", "pause", "resume", "close", "reencrypt")
)
NOBODY = 0  # the number of no account
LEAST_CALLS, MOST_CALLS = 7, 60_000  # a minute; fewer never settle an unclear answer (worker/settings/model.py)
_FIRST = (
    "this is the first account beside `default`: callers (booking_client in hosts, too) and workers of an older "
    "version would ignore it; make sure that none is left, nor a shell with one, and add --yes"
)
_FIRST_ELSEWHERE = (
    "this is the first account at another Cal.com than CALCOM_BASE_URL: callers and workers of an older version have "
    "one breaker for all, so that an outage there would hold everybody's bookings; make sure that none is left, and "
    "add --yes"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What an operator adds; `base_url` None: CALCOM_BASE_URL, `calls_per_minute` None: that of the settings."""

    name: str
    base_url: str | None = None
    calls_per_minute: int | None = None


def add(
    deps: Dependencies, wanted: NewAccount, key: SecretStr, asked: ActionRequest, *, first: bool = False
) -> Account:
    """Store an account and its key, encrypted, once Cal.com has said whose key it is; `first`: it may be the first one.

    Raises:
        AccountRefusedError: Nothing was stored.
    """
    _check_name(wanted.name)
    _check_rate(wanted.calls_per_minute)
    there = service_at(deps, wanted.base_url)
    base_url, service = there.base_url, there.name
    own = _offered(deps, base_url, key, service)
    _sealed(deps, key, DEFAULT_ACCOUNT, "")  # before Cal.com is asked: can a key be encrypted here at all?
    me = _me(own)
    with deps.engine.begin() as conn:
        accounts.lock_all(conn)
        if not first and accounts.get(conn, DEFAULT_ACCOUNT).alone:
            raise AccountRefusedError(_FIRST)
        if accounts.has_name(conn, wanted.name):
            raise AccountRefusedError(f"there is an account {wanted.name} already, or was one")
        services = accounts.services(conn).keys()
        if not first and service != deps.services.own.name and services == {deps.services.own.name}:
            raise AccountRefusedError(_FIRST_ELSEWHERE)
        if len(services | {service}) > accounts.MOST_SERVICES:
            raise AccountRefusedError(f"there are {accounts.MOST_SERVICES} Cal.coms already, by their addresses")
        _refuse_known(conn, deps, own, service)
        number = accounts.next_number(conn)
        values = {
            "id": number,
            "name": wanted.name,
            "service": service,
            "base_url": base_url,
            "encrypted_key": _sealed(deps, key, number, service),
            "key_fingerprint": own.calcom.key_fingerprint,
            "calls_per_minute": wanted.calls_per_minute,
            "user_id": me.user_id,
        }
        account = accounts.add(conn, values)
        operator_actions.record(conn, asked, "added", bookings=0)
    return account


def set_rate(deps: Dependencies, name: str, calls_per_minute: int | None, asked: ActionRequest) -> Account:
    """Store how many calls a minute an account may make; None: as many as the settings say.

    Raises:
        AccountRefusedError: The number is out of bounds, or it is the account of the settings.
    """
    _check_rate(calls_per_minute)
    return _changed(
        deps, name, asked, "set", lambda conn, one: accounts.change(conn, one.id, calls_per_minute=calls_per_minute)
    )


def rotate(deps: Dependencies, name: str, key: SecretStr, asked: ActionRequest, *, other_user: bool = False) -> Account:
    """Store another key of an account, once Cal.com has said that it is the same user's; or `other_user`.

    Raises:
        AccountRefusedError: Nothing was stored.
    """
    with deps.autocommit.connect() as conn:
        before = named(conn, name)
    _refuse_default_or_closed(before)
    own = _offered(deps, before.base_url, key, before.service)
    me = _me(own)

    def change(conn: Connection, now: Account) -> Account:
        if now.user_id not in {None, me.user_id} and not other_user:
            raise AccountRefusedError("the key is another user's, who may not see the bookings of before: --other-user")
        fingerprint = own.calcom.key_fingerprint
        if fingerprint != now.key_fingerprint:
            _refuse_known(conn, deps, own, now.service)
        sealed = _sealed(deps, key, now.id, now.service)
        return accounts.change(conn, now.id, encrypted_key=sealed, key_fingerprint=fingerprint, user_id=me.user_id)

    return _changed(deps, name, asked, "rotated", change)


def pause(deps: Dependencies, name: str, asked: ActionRequest) -> Account:
    """Have nothing called for an account: its bookings are held until it is resumed. `default` may be paused, too.

    Raises:
        AccountRefusedError: It is closed.
    """
    return _moved(deps, name, asked, AccountState.PAUSED, "paused")


def resume(deps: Dependencies, name: str, asked: ActionRequest) -> Account:
    """End the pause of an account: what it held is let go in order.

    Raises:
        AccountRefusedError: It is closed.
    """
    return _moved(deps, name, asked, AccountState.ACTIVE, "resumed")


def reencrypt(deps: Dependencies, asked: ActionRequest) -> tuple[int, list[str]]:
    """Encrypt every key, and every secret of agents, with the first of ACCOUNT_ENCRYPTION_KEYS.

    Return how many, and whose are unreadable. One that is stored meanwhile is encrypted so already.
    """
    done, unreadable = 0, []
    with deps.engine.begin() as conn:
        for account in accounts.listed(conn):
            if account.encrypted_key is None:
                continue
            try:
                sealed = deps.door.cipher.encrypt_again(account.encrypted_key)
            except KeyUnreadableError:
                unreadable.append(account.name)
                continue
            done += accounts.replace_cipher(conn, account, sealed)
        for name, secret in voice_secrets.listed(conn):
            try:
                sealed = deps.door.cipher.encrypt_again(secret.encrypted_secret)
            except KeyUnreadableError:
                unreadable.append(secret.named_of(name))
                continue
            done += voice_secrets.replace_cipher(conn, secret, sealed)
        operator_actions.record(conn, asked, "reencrypted", bookings=0)
    return done, unreadable


def _moved(deps: Dependencies, name: str, asked: ActionRequest, to: AccountState, word: str) -> Account:
    def change(conn: Connection, now: Account) -> Account:
        return now if now.state is to else accounts.change(conn, now.id, state=to)

    return _changed(deps, name, asked, word, change, settings_too=True)


def _changed(
    deps: Dependencies,
    name: str,
    asked: ActionRequest,
    word: str,
    change: Callable[[Connection, Account], Account],
    *,
    settings_too: bool = False,
) -> Account:
    """Change an account under its lock, for which each booking that is being written makes this wait."""
    with deps.engine.begin() as conn:
        accounts.lock_all(conn)
        now = named(conn, name, lock=True)
        if now.state is AccountState.CLOSED or not settings_too:
            _refuse_default_or_closed(now)
        changed = change(conn, now)
        operator_actions.record(conn, asked, word, bookings=0)
    return changed


def _check_name(name: str) -> None:
    try:
        account_name(name)
    except ValueError as error:
        raise AccountRefusedError(f"{name!r} {error}") from None


def _check_rate(calls: int | None) -> None:
    if calls is not None and not LEAST_CALLS <= calls <= MOST_CALLS:
        raise AccountRefusedError(f"calls a minute must be from {LEAST_CALLS} to {MOST_CALLS:,}")


def _refuse_default_or_closed(account: Account) -> None:
    refuse_settings(account)
    if account.state is AccountState.CLOSED:
        raise AccountRefusedError(f"{account.name} is closed, for good")


def _refuse_known(conn: Connection, deps: Dependencies, own: Dependencies, service: str) -> None:
    """Refuse a key that another account has: one key's limit, and its refusal, would be two."""
    fingerprint = own.calcom.key_fingerprint
    if fingerprint == deps.calcom.key_fingerprint:
        raise AccountRefusedError("this is the key of `default`")
    if name := accounts.has_key(conn, service, fingerprint):
        raise AccountRefusedError(f"this is the key of {name}")


def _offered(deps: Dependencies, base_url: str | None, key: SecretStr, service: str) -> Dependencies:
    """Return what calls with this key, which is no account's yet."""
    try:
        client = deps.door.client_for(base_url, key)
    except ValueError as error:
        raise AccountRefusedError(str(error)) from None
    own = deps.at_service(service)
    if own is deps:  # the breaker takes its calls for ours
        return replace(deps, calcom=client)
    caller = CallingAccount(NOBODY, client.key_fingerprint, client.settings_fingerprint, alone=False, service=service)
    return replace(own, calcom=client, caller=caller)


def _me(own: Dependencies) -> Me:
    """Ask Cal.com whose key it is."""
    try:
        me = read_me(KeyCalls(own, correlation.new()).me())
    except NotNow as no:
        said = f"Cal.com cannot be asked now ({no}): `booking breaker status`"
        if no.denied.reason is Reason.THROTTLED and no.denied.retry_after is not None:
            raise AskedTooOftenError(said, no.denied.retry_after) from None
        raise AccountRefusedError(said) from None
    if isinstance(me, Reply):
        raise AccountRefusedError(f"Cal.com does not say whose key it is: {me.message or me.error_type.value}")
    return me


def _sealed(deps: Dependencies, key: SecretStr, number: int, service: str) -> str:
    try:
        return deps.door.cipher.encrypt(key, account=number, service=service)
    except KeyUnreadableError as error:
        raise AccountRefusedError(str(error)) from None


class KeyCalls(GuardedCalls):
    """Call with a key that is no account's yet: what is answered says nothing of the keys that bookings have."""

    def _outcome(self, permit: Permit, reply: Reply | None) -> CallOutcome:  # noqa: ARG002 - as the guarded call's
        return CallOutcome.IGNORED
