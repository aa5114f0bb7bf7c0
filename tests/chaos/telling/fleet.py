"""What a part has whose callers ask over HTTP: the API, a worker of callbacks, and two receivers, one of them dead."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.api_keys import key_text, keys
from db.api_keys.keys import Scope
from tasks.calcom_webhooks.secrets import secret_of, token_of
from tasks.callbacks.signing import secrets_of
from tasks.dependencies import Dependencies
from tests.chaos.processes import workers
from tests.chaos.processes.receiver import DEAD, LIVE
from tests.chaos.processes.workers import Role
from tests.chaos.said.fleet import RATE
from worker.local.embedded.server import free_port
from worker.settings.model import Settings

CALLBACKS, RECEIVER, DEAD_RECEIVER, CALLER = "callbacks", "receiver", "dead receiver", "caller"
OWN = 1  # the account `default`
_SCOPES = frozenset({Scope.BOOK, Scope.READ, Scope.CHANGE})


def settings() -> Mapping[str, Any]:
    """Return what the product is told."""
    return {
        "callback_secret": secrets.token_urlsafe(32),
        "callback_loopback_for_tests": True,
        "calcom_webhook_secret": secrets.token_urlsafe(32),
    }


@dataclass(frozen=True)
class Teller:
    """One API key and the receiver of its callbacks."""

    key: str
    key_id: int
    secret: str
    port: int
    journal: Path


@dataclass(frozen=True)
class Telling:
    """Where all of it is. `webhook` is the address that Cal.com has, `signs` what it signs with."""

    url: str
    webhook: str
    signs: str
    live: Teller
    dead: Teller

    @property
    def mode(self) -> Path:
        """The file that says how the live receiver misbehaves."""
        return self.live.journal.with_suffix(".mode")

    def key(self, number: int) -> str:
        """Return the API key of this id."""
        return next(one.key for one in (self.live, self.dead) if one.key_id == number)

    def roles(self, receipts: Path, rate: float) -> Iterator[Role]:
        """Yield the processes, who asks for bookings last."""
        for name, host, one in ((RECEIVER, LIVE, self.live), (DEAD_RECEIVER, DEAD, self.dead)):
            given = (host, str(one.port), str(one.journal), one.secret)
            yield workers.module(name, "receiver", *given, ready="receiving")
        yield workers.worker(CALLBACKS, "east", "threads", 16, "callbacks")
        yield workers.module(CALLER, "http_caller", str(receipts), str(rate), self.url, self.live.key, self.dead.key)


def add(deps: Dependencies, given: Settings, folder: Path) -> Telling:
    """Make both keys, each with a receiver's address."""
    live, dead = (_teller(deps, given, folder, name, host) for name, host in (("live", LIVE), ("dead", DEAD)))
    url, [secret, *_] = f"http://{given.http_address}", given.calcom_webhook_secret
    return Telling(url, f"{url}/v1/calcom/webhook/{token_of(secret, OWN)}", secret_of(secret, OWN), live, dead)


def _teller(deps: Dependencies, given: Settings, folder: Path, name: str, host: str) -> Teller:
    handle, port = key_text.new_handle(), free_port()
    made = key_text.new_key(handle)
    with deps.engine.begin() as conn:
        keys.add(conn, name, handle, key_text.hash_of(made), scopes=_SCOPES, event_types=None, rate=RATE)
        keys.set_callback(conn, name, f"http://{host}:{port}/hooks")
        known = keys.named(conn, name)
    assert known is not None
    [secret] = secrets_of(given.callback_secret, known.id, known.secret_version)
    return Teller(made, known.id, secret, port, folder / f"told-{name}")
