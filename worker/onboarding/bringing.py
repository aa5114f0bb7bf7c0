"""Bring one client in: account, API key, secrets, webhook and a check, each by the function of its own command.

What is there already stays as it is, so that the same file again does what is left. Nothing is undone where a later
step fails.
"""

import threading
from collections.abc import Callable, Iterator
from functools import partial

from pydantic import SecretStr

from db import accounts
from db.accounts import Account, NoSuchAccountError
from db.api_keys.keys import ApiKey, Scope
from db.models.accounts import AccountState
from db.models.api_keys import Platform
from tasks.callers import keys, voice_secrets
from tasks.callers.keys import KeyRefusedError
from tasks.callers.voice_secrets import fingerprint_of
from tasks.dependencies import Dependencies
from tasks.operations import accounts as operations
from tasks.operations.accounts import NewAccount
from tasks.operations.accounts.refusals import AccountRefusedError, AskedTooOftenError
from worker.cli.check.calcom import check_accounts
from worker.cli.check.calls import audit_calls
from worker.cli.keys.keys import made_key
from worker.cli.keys.voice import store
from worker.cli.record import requested
from worker.cli.telling.calcom_webhook import made_webhook
from worker.console.stop import Stop
from worker.onboarding.clients import Client
from worker.onboarding.folder import Folder

SCOPES = (Scope.BOOK, Scope.READ, Scope.CHANGE, Scope.VOICE)
RATE = 120  # calls a minute of an API key
PATIENCE = 120.0  # seconds that a client waits for the limit of calls


class Bringing:
    """Bring clients in; `url` is where agents, and Cal.com, reach `booking serve`."""

    def __init__(self, deps: Dependencies, folder: Folder, url: str, *, webhooks: bool, first: bool, why: str) -> None:
        self._deps = deps
        self._folder = folder
        self._url = url
        self._webhooks = webhooks
        self._first = first
        self._why = why
        self._pause = threading.Event().wait

    def missing(self, client: Client) -> list[str]:
        """Return what `bring` would make; nothing is stored, and Cal.com is not asked.

        Raises:
            Stop: The client cannot be brought in.
        """
        account, key = self._account_of(client.name), self._key_of(client.name)
        if account is None and client.key is None:
            raise Stop("has no account, and no key for one")
        secrets = [one.title() for one, _ in self._new_secrets(client, key)]
        return [
            *(["account"] if account is None else []),
            *(["API key"] if key is None else []),
            *(f"{name}'s secret" for name in secrets),
        ]

    def bring(self, client: Client) -> tuple[bool, list[str]]:
        """Do what is left of a client; return whether all is well, and what was done and found."""
        said: list[str] = []
        try:
            ok = self._bring(client, said)
        except (AccountRefusedError, KeyRefusedError, Stop) as refused:
            return False, [*said, str(refused).replace("\n", "; ")]
        return ok, said

    def _bring(self, client: Client, said: list[str]) -> bool:
        account = self._account(client, said)
        key, is_shown = self._key(client, said)
        for platform, secret in self._new_secrets(client, key):
            store(client.name, platform, secret, self._why)
            said.append(f"{platform.title()}'s secret stored")
        if self._webhooks:
            made_webhook(self._url, account=client.name, why=self._why)
            said.append("Cal.com reports to us")
        checked = check_accounts(self._deps, [account], partial(audit_calls, self._deps))
        [(_, ok, found)] = checked
        said.append(found)
        return ok and is_shown

    def _account(self, client: Client, said: list[str]) -> Account:
        known = self._account_of(client.name)
        if known is not None:
            if client.key is not None and self._mark(known.base_url, client) != known.key_fingerprint:
                raise AccountRefusedError(f"the account has another key: `booking accounts rotate {client.name}`")
            return known
        if client.key is None:
            raise AccountRefusedError("has no account, and no key for one")
        wanted = NewAccount(name=client.name, base_url=client.base_url, calls_per_minute=client.calls)
        asked = requested(operations.ADD, why=self._why, target={"account": client.name})
        added = self._within_limit(partial(operations.add, self._deps, wanted, client.key, asked, first=self._first))
        said.append("account added")
        return added

    def _within_limit(self, add: Callable[[], Account]) -> Account:
        """Add an account as soon as the limit lets Cal.com be asked whose key it is: that of `default` counts."""
        left = PATIENCE
        while True:
            try:
                return add()
            except AskedTooOftenError as later:
                if later.after > left:
                    raise
                left -= later.after
                self._pause(later.after)

    def _key(self, client: Client, said: list[str]) -> tuple[ApiKey, bool]:
        """Return its API key, which is made if there is none, and whether its text is in the folder."""
        known, made = self._key_of(client.name), None
        if known is None:
            types = list(client.types) or None
            made = made_key(
                client.name, scopes=SCOPES, types=types, rate=RATE, account=client.name, callback=client.callback,
                why=self._why,
            )  # fmt: skip
            said.append("API key made")
            known = self._key_of(client.name)
        if known is None or known.account != client.name or (known.event_types or frozenset()) != set(client.types):
            raise KeyRefusedError(f"{client.name}: the API key of this name has another account, or other event types")
        is_shown = self._folder.write(
            client, url=self._url, handle=known.handle, key=None if made is None else made.text
        )
        if not is_shown:
            said.append(f"no file has its API key: `booking keys rotate {client.name}` makes another")
        return known, is_shown

    def _new_secrets(self, client: Client, key: ApiKey | None) -> Iterator[tuple[Platform, SecretStr]]:
        stored = set() if key is None else {one.fingerprint for one in voice_secrets.secrets_of(client.name)}
        for platform, secret in ((Platform.RETELL, client.retell), (Platform.VAPI, client.vapi)):
            if secret is not None and fingerprint_of(platform, secret) not in stored:
                yield platform, secret

    def _mark(self, base_url: str | None, client: Client) -> str | None:
        return None if client.key is None else self._deps.door.client_for(base_url, client.key).key_fingerprint

    def _account_of(self, name: str) -> Account | None:
        with self._deps.autocommit.connect() as conn:
            try:
                found = accounts.named(conn, name)
            except NoSuchAccountError:
                return None
        if found.state is AccountState.CLOSED:
            raise Stop("the account is closed, for good")
        return found

    def _key_of(self, name: str) -> ApiKey | None:
        return next((one for one in keys.list_keys() if one.name == name), None)
