"""Encode the arguments of the breaker's scripts and decode their replies; times are in ms."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

from resilience.circuit_breaker.types import CallOutcome, Change, OperatorOverride, Reason, State
from resilience.shared_state.answers import pairs, word

Reply = TypeVar("Reply")
Result = TypeVar("Result")
Arguments = tuple[str | float, ...]
_STATES: Mapping[str | bytes, State] = MappingProxyType(
    {state.value: state for state in State} | {state.value.encode(): state for state in State}
)
"""Redis replies in bytes, or in strings if its client decodes."""


class AcquireRequest(NamedTuple):
    """The arguments of lua/acquire.lua, in its order."""

    owner: str
    probe_ok: int
    item: str
    trial: int
    taken_at: int = 0
    """When the attempt's first call was permitted, ms of Redis's clock; 0: this one is the first."""


class OutcomeReport(NamedTuple):
    """The outcome of a call: the arguments of lua/record.lua, in its order."""

    outcome: CallOutcome
    owner: str = ""
    """'': a report without a permit, which counts as the probe's."""
    item: str = ""
    trial: int = 0
    service_epoch: int = 0
    """The permit's epoch; 0: the present epoch, -1: no epoch."""
    endpoint_epoch: int = 0
    window: int = -1
    """The permit's window; -1: there is no permit."""
    granted_at: int = 0
    reason: str = "none"
    retry_after: int = 0
    stretch: float = 1
    """The random factor by which an OPEN is longer."""
    context: str = ""
    error: str = ""
    """The error type; '': the call is not counted."""
    severity: int = 0
    took: int = 0
    limit: int = 0
    """Calls in a window, from the answer's headers; 0: the answer had no such headers."""
    remaining: int = 0
    reset: int = 0
    own_epoch: int = 0
    """The permit's epoch of the account's breaker; 0: the present epoch, or the account is alone."""
    never_sent: int = 0
    """1: the call failed before a byte was sent, which no account can cause."""
    released_at: int = 0
    """The permit's; 0: its item was not released."""
    taken_at: int = 0
    release_max: int = 0
    """The ceiling of the release window; 0: none."""


class ScopeState(NamedTuple):
    """The state of the breaker of the service, of an endpoint, or of an account for an endpoint."""

    state: State
    epoch: int
    ends: int
    opens: int


class BreakerState(NamedTuple):
    """The breaker's state, as every reply contains it (lua/lib/reply.lua)."""

    generation: int
    other_settings: str
    blocked: bool
    misconfigured: bool
    service: ScopeState
    endpoint: ScopeState
    changes: tuple[Change, ...]
    own: ScopeState | None = None
    """The breaker of the account for the endpoint; None: the account is alone."""

    @property
    def endpoint_state(self) -> State:
        """Return the endpoint's state, or the account's if only the account's breaker is not closed."""
        own = self.endpoint.state if self.own is None else self.own.state
        return own if self.endpoint.state is State.CLOSED else self.endpoint.state

    @property
    def own_epoch(self) -> int:
        """Return the epoch of the account's breaker; 0: the account is alone."""
        return 0 if self.own is None else self.own.epoch


class ScriptReply(NamedTuple, Generic[Result]):
    """One reply: its time, the state, and the script's own result."""

    now: int
    state: BreakerState
    result: Result


class Forgotten:
    """The reply of a Redis without the breaker, because Redis is new or has lost its data."""


class Admission(NamedTuple):
    """Whether a call may go."""

    reason: Reason | None
    """Why the call may not go; None: it may go."""
    wait: int
    """How many ms to wait; -1: until an operator acts."""
    probe: bool
    released_at: int
    window: int


class Releases(NamedTuple):
    """The held items that may go, how many more may go, and why no item may."""

    reason: Reason | None
    wait: int
    room: int
    items: tuple[str, ...]
    places: int
    """How many more items may go, whichever account's they are."""
    turn: int | None
    """The account that was let go last, if it was asked for no items; None: not asked, or none of several was."""


class KnownState(NamedTuple):
    """The fields of the breaker's hash, and what else a status needs."""

    now: int
    fields: Mapping[str, str]
    throttled_until: int
    limit_told: int
    """Calls in a window of the service's limit; 0: not known."""
    own_fields: Mapping[str, str]
    """Those of the account's key; empty: the account is alone, or at rest."""
    waiting: int
    sending: int
    limit_left: int
    """-1: there is no limit."""
    limit_until: int


@dataclass(frozen=True, slots=True)
class BreakerScript(Generic[Reply]):
    """A script of the breaker, and the function that reads its reply."""

    name: str
    read: Callable[[Sequence[Any]], Reply]

    def decode(self, raw: Sequence[Any]) -> Reply | Forgotten:
        """Return a reply with named fields."""
        return Forgotten() if len(raw) == 1 else self.read(raw)


def to_ms(seconds: float) -> int:
    """Convert seconds to the scripts' milliseconds."""
    return max(0, round(seconds * 1000))


def to_seconds(ms: float) -> float | None:
    """Convert the scripts' milliseconds to seconds; None: until an operator acts."""
    return None if ms < 0 else ms / 1000


def override_argument(override: OperatorOverride) -> str:
    """Return an override as lua/override.lua takes it."""
    return json.dumps(_override(override))


def restore_argument(
    generation: int, epoch: int, scopes: Mapping[str, ScopeState], overrides: Iterable[OperatorOverride]
) -> str:
    """Return the argument of lua/restore.lua: what this process knows about the breaker; scope '' is the service."""
    known = [{"name": name, **scope._asdict()} for name, scope in scopes.items()]
    given = [_override(override) for override in overrides]
    return json.dumps({"generation": generation, "epoch": epoch, "scopes": known, "overrides": given})


def _override(override: OperatorOverride) -> dict[str, str | int]:
    return {
        "kind": override.kind,
        "number": override.number,
        "by": override.by[:100],
        "why": override.why[:500],
        "ends": 0 if override.until is None else round(override.until.timestamp() * 1000),
        "fingerprint": override.fingerprint,
        "action": override.action,
    }


def _script(name: str, read: Callable[..., Result]) -> BreakerScript[ScriptReply[Result]]:
    """Describe a script whose reply begins with the state; `read` takes what follows."""

    def reply(raw: Sequence[Any]) -> ScriptReply[Result]:
        now, generation, others, blocked, misconfigured, *rest = raw
        state, epoch, ends, opens, *rest = rest
        service = ScopeState(_STATES[state], epoch, ends, opens)
        state, epoch, ends, opens, changes, account, *result = rest
        endpoint = ScopeState(_STATES[state], epoch, ends, opens)
        moved = tuple(_change(*change) for change in changes)
        own = ScopeState(_STATES[account[0]], *account[1:]) if account else None
        return ScriptReply(
            now,
            BreakerState(generation, word(others), blocked == 1, misconfigured == 1, service, endpoint, moved, own),
            read(*result),
        )

    return BreakerScript(name, reply)


def _change(name: Any, old: Any, new: Any, epoch: int, reason: Any, failures: int) -> Change:
    endpoint, account = read_scope(word(name))
    return Change(endpoint, _STATES[old], _STATES[new], epoch, word(reason), failures, account)


def read_scope(name: str) -> tuple[str | None, int | None]:
    """Return the endpoint (None: the service) and the account (None: all) of a scope's name, `ENDPOINT/ACCOUNT`."""
    endpoint, _, account = name.partition("/")
    return endpoint or None, int(account) if account else None


def _admission(reason: Any, wait: int, probe: int, released_at: int, window: int) -> Admission:
    answer = word(reason)
    return Admission(None if answer == "granted" else Reason(answer), wait, probe == 1, released_at, window)


def _releases(reason: Any, wait: int, room: int, items: Sequence[Any], places: int, turn: Any) -> Releases:
    why, granted = Reason(word(reason)) if reason else None, tuple(word(item) for item in items)
    return Releases(why, wait, room, granted, places, int(turn) if turn else None)


def _known_state(raw: Sequence[Any]) -> KnownState:
    _, now, fields, rate, own, *counted = raw
    quota = pairs(rate)
    throttled_until, told = int(quota.get("throttled_until", 0)), int(quota.get("limit", 0))
    return KnownState(now, pairs(fields), throttled_until, told, pairs(own), *counted)


def _is_done(result: Any) -> bool:
    return word(result) == "done"


ACQUIRE = _script("acquire", _admission)
RECORD = _script("record", lambda _, room: int(room))
RELEASE = _script("release", _releases)
GIVE_BACK = _script("give_back", _is_done)
TURNED_OUT = _script("turned_out", _is_done)
IS_OPEN = _script("is_open", lambda is_open: bool(is_open == 1))
OVERRIDE = _script("override", _is_done)
RESTORE = _script("restore", _is_done)
STATUS = BreakerScript("status", _known_state)
