"""The API of a part, `booking serve`, and a key that reads there how all bookings of `default` are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from db.api_keys import key_text, keys
from db.api_keys.keys import Scope
from tasks.dependencies import Dependencies
from tests.chaos.processes import workers
from tests.chaos.processes.workers import Role
from worker.local.embedded.server import free_port
from worker.settings.model import Settings

API, HOST = "api", "127.0.0.1"
RATE = 100_000  # calls a minute of a key
_SCOPES = frozenset({Scope.READ, Scope.ALL})


@dataclass(frozen=True)
class ReadingKey:
    """Where the API is, and a key that sees every booking of its account."""

    url: str
    key: str


def settings() -> Mapping[str, Any]:
    """Return what the product is told."""
    return {"http_address": f"{HOST}:{free_port()}"}


def role() -> Role:
    """Describe the API."""
    return workers.module(API, "api", "serve", "--workers", "1", side="east")


def add(deps: Dependencies, given: Settings) -> ReadingKey:
    """Make the key."""
    handle = key_text.new_handle()
    made = key_text.new_key(handle)
    with deps.engine.begin() as conn:
        keys.add(conn, "reader", handle, key_text.hash_of(made), scopes=_SCOPES, event_types=None, rate=RATE)
    return ReadingKey(f"http://{given.http_address}", made)
