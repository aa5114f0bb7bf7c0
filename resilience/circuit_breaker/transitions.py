"""The fleet's changes of state, as the scripts write them to the stream: one entry a change, exactly once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from resilience.circuit_breaker.types import State
from resilience.shared_state.answers import word


@dataclass(frozen=True, slots=True)
class Transition:
    """One change; (service, endpoint, epoch) never comes twice."""

    id: str
    """Place in the stream: where to read on."""
    service: str
    endpoint: str | None
    old: State
    new: State
    reason: str
    failures: int
    epoch: int
    at: datetime
    until: datetime | None
    by: str
    why: str
    context: Mapping[str, Any]


def read(service: str, entry_id: Any, fields: Mapping[Any, Any]) -> Transition:
    """Read one entry of the stream."""
    told = {word(name): word(value) for name, value in fields.items()}
    ends = int(told["ends"])
    return Transition(
        id=word(entry_id),
        service=service,
        endpoint=told["endpoint"] or None,
        old=State(told["old"]),
        new=State(told["new"]),
        reason=told["reason"],
        failures=int(told["failures"]),
        epoch=int(told["epoch"]),
        at=_moment(int(told["at"])),
        until=_moment(ends) if ends else None,
        by=told["by"],
        why=told["why"],
        context=json.loads(told["context"] or "{}"),
    )


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=UTC)
