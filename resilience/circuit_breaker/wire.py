"""What the breaker's scripts take and answer, decoded once into named fields."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from resilience.circuit_breaker.types import CallOutcome, Change, State
from resilience.shared_state.answers import word

STATES: Mapping[str | bytes, State] = MappingProxyType(
    {state.value: state for state in State} | {state.value.encode(): state for state in State}
)
"""Redis answers in bytes, or in words when its client decodes."""


class ScopeView(NamedTuple):
    """The state of the service or of an endpoint, as an answer carried it; times in ms."""

    state: State
    epoch: int
    ends: int
    opens: int


class View(NamedTuple):
    """What every answer of the breaker's scripts tells of its state (`view` in lua/lib/state_machine.lua)."""

    generation: int
    other_settings: str
    blocked: bool
    wrong: bool
    service: ScopeView
    endpoint: ScopeView
    changes: tuple[Change, ...]


LENGTH = 14
"""Of the moment and the view with which an answer begins; what the script itself has to say follows."""
GENERATION = 1
"""Where an answer has it."""


def view(raw: Sequence[Any]) -> View:
    """Read a view: an answer from its generation on."""
    born, others, blocked, wrong, *scopes, moved = raw
    state, epoch, ends, opens, endpoint_state, endpoint_epoch, endpoint_ends, endpoint_opens = scopes
    return View(
        born, word(others), blocked == 1, wrong == 1,
        ScopeView(STATES[state], epoch, ends, opens),
        ScopeView(STATES[endpoint_state], endpoint_epoch, endpoint_ends, endpoint_opens),
        tuple(
            Change(word(name) or None, STATES[old], STATES[new], epoch, word(reason), failures)
            for name, old, new, epoch, reason, failures in moved
        ),
    )  # fmt: skip


class Report(NamedTuple):
    """What came of a call, in the order in which lua/record.lua takes it; times in ms."""

    outcome: CallOutcome
    owner: str = ""
    """'': a report without a permit speaks for whoever has the half-open place."""
    item: str = ""
    trial: int = 0
    service_epoch: int = 0
    """As in the permit; 0: the present one, -1: none."""
    endpoint_epoch: int = 0
    window: int = -1
    """As in the permit; -1: there is none."""
    granted_at: int = 0
    reason: str = "none"
    retry_after: int = 0
    stretch: float = 1
    """By how much longer OPEN is, at random; 1: not."""
    context: str = ""
    error: str = ""
    """'': not counted."""
    severity: int = 0
    took: int = 0
    limit: int = 0
    """Calls in a window, as the answer told; 0: nothing was told."""
    left: int = 0
    reset: int = 0
