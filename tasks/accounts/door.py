"""The one door to Cal.com's clients: each account's has its own key, and all of one Cal.com share their connections."""

from typing import NamedTuple

from pydantic import SecretStr
from sqlalchemy import Engine

from booking_client.states import DEFAULT_ACCOUNT, HoldReason
from db import accounts
from db.accounts import Account
from db.models.accounts import FIRST_VERSION, AccountState
from resilience.circuit_breaker.account import CallingAccount
from tasks.accounts.callers import caller_of
from tasks.accounts.keys import KeyCipher, KeyUnreadableError
from tasks.accounts.recent import Recent
from tasks.calcom.access import checked_url, fingerprint, service_of
from tasks.calcom.client import CalcomClient

CLIENTS = 2_000  # of the accounts met last, a KB each; another one's is one statement
UNREADABLE = "unreadable"
"""What bookings are held for whose key cannot be decrypted: no key's fingerprint, so that any readable key ends it."""
CLOSED = "closed"
"""What is held for whose account is closed: no key ends it."""


class NoAccess(Exception):  # noqa: N818 - no error: the account's bookings wait
    """Report that no call may be made for an account; its bookings are held for `reason`, and `held_for` this."""

    def __init__(self, reason: HoldReason, why: str, held_for: str | None) -> None:
        super().__init__(why)
        self.reason = reason
        self.why = why
        self.held_for = held_for


class Access(NamedTuple):
    """The client of an account, and who calls by it, as the breaker knows it."""

    client: CalcomClient
    caller: CallingAccount


class _Opened(NamedTuple):
    version: int
    access: Access


class Door:
    """Give the client of an account as its row has it: no attempt begins with a key that was rotated or wiped.

    `engine` commits each statement by itself. `default` is the client of the settings, and so of account 1.
    """

    def __init__(self, engine: Engine, default: CalcomClient, cipher: KeyCipher) -> None:
        self.cipher = cipher
        self._engine = engine
        self._default = default
        self._opened: Recent[int, _Opened] = Recent(CLIENTS)
        alone = CallingAccount(key=default.key_fingerprint, configuration=default.settings_fingerprint)
        self._opened[DEFAULT_ACCOUNT] = _Opened(FIRST_VERSION, Access(default, alone))
        self._services: Recent[str, CalcomClient] = Recent(accounts.MOST_SERVICES)

    def access(self, account: int, state: AccountState, version: int) -> Access:
        """Return an account's access from the state and version that a claim has read; a new version costs a statement.

        Raises:
            NoAccess: The account is paused or closed, or its key cannot be decrypted.
        """
        if state is not AccountState.ACTIVE:
            raise _shut(state)
        known = self._opened.get(account)
        return known.access if known is not None and known.version == version else self._open(account)

    def access_now(self, account: int) -> Access:
        """Return the access of an account, whose state is read now.

        Raises:
            NoAccess: The account is paused or closed, or its key cannot be decrypted.
        """
        with self._engine.connect() as conn:
            state, version = accounts.state(conn, account)
        return self.access(account, state, version)

    def address(self, base_url: str | None) -> str:
        """Return the address of a Cal.com without a slash at its end; None: that of the settings."""
        return self._default.base_url if base_url is None else checked_url(base_url)

    def is_settings(self, base_url: str) -> bool:
        """Return whether this is the address of the settings."""
        return base_url == self._default.base_url

    def client_for(self, base_url: str | None, key: SecretStr) -> CalcomClient:
        """Return a client with a key at a Cal.com (None: the settings')."""
        base_url = self.address(base_url)
        if self.is_settings(base_url):
            return self._default.with_key(key.get_secret_value())
        service = self._services.get(base_url)
        if service is None:
            service = self._default.at(base_url)
            self._services[base_url] = service
        client = service.with_key(key.get_secret_value())
        # One key may be valid at two Cal.coms, one a copy of the other: what each of them answers is kept apart.
        client.key_fingerprint = fingerprint(service_of(base_url), key.get_secret_value())
        return client

    def client_of(self, account: Account) -> CalcomClient:
        """Return the client of a row of the accounts.

        Raises:
            NoAccess: The account is closed, or its key cannot be decrypted.
        """
        if account.id == DEFAULT_ACCOUNT:
            return self._default
        if account.encrypted_key is None:
            raise _shut(AccountState.CLOSED)
        try:
            key = self.cipher.decrypt(account.encrypted_key, account=account.id, service=account.service)
        except KeyUnreadableError as unreadable:
            raise NoAccess(HoldReason.CREDENTIALS, str(unreadable), UNREADABLE) from None
        return self.client_for(account.base_url, key)

    def _open(self, number: int) -> Access:
        with self._engine.connect() as conn:
            account = accounts.get(conn, number)
        client = self.client_of(account)  # closed meanwhile it has no key; a pause is the next claim's
        access = Access(client, caller_of(account, client.key_fingerprint, client.settings_fingerprint))
        self._opened[number] = _Opened(account.version, access)
        return access


def _shut(state: AccountState) -> NoAccess:
    if state is AccountState.PAUSED:
        return NoAccess(HoldReason.PAUSED, "its account is paused", None)
    return NoAccess(HoldReason.CREDENTIALS, "its account is closed", CLOSED)
