"""Read the fleet's changes of state from the stream: the scripts write each change exactly once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from resilience.circuit_breaker.types import State
from resilience.circuit_breaker.wire import read_scope
from resilience.shared_state.answers import word


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state; (service, endpoint, account, epoch) is unique."""

    id: str
    """The position of the entry in the stream: the next read begins after it."""
    service: str
    endpoint: str | None
    account: int | None
    """The account whose breaker changed; None: the breaker of all accounts."""
    old: State
    new: State
    reason: str
    failures: int
    epoch: int
    at: datetime
    until: datetime | None
    by: str
    why: str
    action: int
    """The id of the operator's action that caused this change; 0: no action caused it."""
    context: Mapping[str, Any]


def read(service: str, entry_id: Any, fields: Mapping[Any, Any]) -> Transition:
    """Return one entry of the stream."""
    entry = {word(name): word(value) for name, value in fields.items()}
    ends = int(entry["ends"])
    endpoint, account = read_scope(entry["endpoint"])
    return Transition(
        id=word(entry_id),
        service=service,
        endpoint=endpoint,
        account=account,
        old=State(entry["old"]),
        new=State(entry["new"]),
        reason=entry["reason"],
        failures=int(entry["failures"]),
        epoch=int(entry["epoch"]),
        at=_moment(int(entry["at"])),
        until=_moment(ends) if ends else None,
        by=entry["by"],
        why=entry["why"],
        action=int(entry.get("action", 0)),  # a change that an older script wrote has no action
        context=json.loads(entry["context"] or "{}"),
    )


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=UTC)
