"""The state of a breaker as operators and callers read it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from resilience.circuit_breaker.account import CallingAccount
from resilience.circuit_breaker.local.breaker import LocalBreaker
from resilience.circuit_breaker.local.scope import LocalScope
from resilience.circuit_breaker.types import Block, Reason, State
from resilience.circuit_breaker.wire import KnownState, read_scope


@dataclass(frozen=True, slots=True)
class ScopeStatus:
    """The breaker of the service or of an endpoint."""

    state: State
    """An OPEN whose time is over is shown as half-open, though no call has come since."""
    epoch: int
    retry_after: float | None
    """Seconds until a call may go; None: not known."""
    failures: int
    """Failures in a row since the last change of state."""
    opens: int
    """How many times in a row the breaker has opened."""
    probing: bool
    """Whether a probe is in flight."""
    since: int = 0
    """When the state began, ms of Redis's clock; 0: not known."""


@dataclass(frozen=True, slots=True)
class BreakerStatus:
    """Everything that is known about a breaker at one moment; moments are ms of Redis's clock."""

    service: str
    shared: bool
    """False: Redis is gone, and this is the state of this process alone."""
    now: int
    generation: int
    breaker: ScopeStatus
    endpoints: dict[str, ScopeStatus]
    blocked_keys: tuple[str, ...]
    wrong_settings: tuple[str, ...]
    """Fingerprints of blocked configurations: another server than the service answers."""
    paged_settings: tuple[str, ...]
    """Fingerprints of configurations with which another server answered, and the service has not answered since."""
    throttled_for: float
    """Seconds for which a 429 denies every call."""
    window: int
    """How many held items may be in flight at once."""
    waiting: int
    sending: int
    last_override: int
    """The number of the last override that was applied; 0: no override was."""
    settings: str
    limit_left: int | None = None
    """Calls that the rate limits, ours and the service's own, allow until `limit_until`; None: no limit is known."""
    limit_until: int | None = None
    """The end of the service's window, or of the pause after a 429."""
    limit_told: int = 0
    """Calls in a window of the service's limit, as the service last reported; 0: it reported no limit."""
    account_endpoints: dict[str, ScopeStatus] = field(default_factory=dict)
    """The breakers of the account that asked, by endpoint; empty: it is alone, or at rest."""

    @property
    def state(self) -> State:
        """The service's state."""
        return self.breaker.state

    def block(self, endpoint: str, *, key: str, configuration: str) -> Block:
        """Return what stops calls to an endpoint now, for a process with this key and configuration."""
        states = {self.state, self.endpoints[endpoint].state if endpoint in self.endpoints else self.state}
        if not self.shared:
            return Block.UNKNOWN
        if key in self.blocked_keys:
            return Block.CREDENTIALS
        if configuration in self.wrong_settings:
            return Block.CONFIGURATION
        for state, block in _BLOCKS.items():
            if state in states and self.state is not State.OFF:
                return block
        return Block.THROTTLED if self.throttled_for else Block.NOTHING

    def as_dict(self) -> dict[str, Any]:
        """Return the status as JSON types."""
        return asdict(self) | {"state": self.state}


_BLOCKS = {State.FORCED_OPEN: Block.ORDER, State.OPEN: Block.BREAKER_OPEN, State.HALF_OPEN: Block.PROBE}


def of_fleet(service: str, known: KnownState) -> BreakerStatus:
    """Return the status of the shared breaker."""
    fields, now = known.fields, known.now
    generation, blocks = int(fields.get("born", 0)), {**fields, **known.own_fields}
    return BreakerStatus(
        service=service,
        shared=True,
        now=now,
        generation=generation,
        breaker=_scope("", fields, generation, now),
        endpoints=_endpoints(fields, generation, now),
        blocked_keys=_named(blocks, "blocked:"),
        wrong_settings=_named(blocks, "wrong:"),
        paged_settings=_named(blocks, "page:"),
        throttled_for=max(0, known.throttled_until - now) / 1000,
        window=int(fields.get("window", 1)),
        waiting=known.waiting,
        sending=known.sending,
        last_override=int(fields.get("ordered", 0)),
        settings=fields.get("settings", ""),
        limit_left=None if known.limit_left < 0 else known.limit_left,
        limit_until=None if known.limit_left < 0 else known.limit_until,
        limit_told=known.limit_told,
        account_endpoints=_endpoints(known.own_fields, generation, now),
    )


def _endpoints(fields: Mapping[str, str], generation: int, now: int) -> dict[str, ScopeStatus]:
    names = sorted({name.rpartition("/")[0] for name in fields if name.endswith(("/epoch", "/failures"))})
    return {name: _scope(f"{name}/", fields, generation, now) for name in names}


def _named(fields: Mapping[str, str], prefix: str) -> tuple[str, ...]:
    return tuple(sorted(name.removeprefix(prefix) for name in fields if name.startswith(prefix)))


def _scope(prefix: str, fields: Mapping[str, str], generation: int, now: int) -> ScopeStatus:
    def number(name: str, default: int = 0) -> int:
        return int(fields.get(prefix + name, default))

    state, ends = State(fields.get(f"{prefix}state", "closed")), number("ends")
    since = number("epoch", generation)  # a change's epoch is its moment
    if ends and now >= ends:
        state, since, ends = (State.CLOSED if state is State.OFF else State.HALF_OPEN), ends, 0
    waits = {State.OPEN, State.FORCED_OPEN} & {state}
    retry_after: float | None = 0.0
    if waits:
        retry_after = (ends - now) / 1000 if ends else None
    return ScopeStatus(
        state=state,
        epoch=number("epoch", generation),
        retry_after=retry_after,
        failures=number("failures"),
        opens=number("opens"),
        probing=state is State.HALF_OPEN and now < number("lease"),
        since=since,
    )


def of_process(service: str, local: LocalBreaker, now: int, account: CallingAccount) -> BreakerStatus:
    """Return the status of this process's own breaker, while Redis is gone."""
    scopes = {read_scope(name): _of_local(scope, now) for name, scope in local.scopes.items() if name}
    key = local.key(account, now)
    return BreakerStatus(
        service=service,
        shared=False,
        now=now,
        generation=local.generation,
        breaker=_of_local(local.scope(), now),
        endpoints={name: scope for (name, of), scope in scopes.items() if name and of is None},
        blocked_keys=(account.key,) if now < key.blocked[Reason.CREDENTIALS] else (),
        wrong_settings=(account.configuration,) if now < key.blocked[Reason.CONFIGURATION] else (),
        paged_settings=(),
        throttled_for=max(0, key.throttled_until - now, key.blocked[Reason.THROTTLED] - now) / 1000,
        window=0,
        waiting=0,
        sending=len(key.in_flight),
        last_override=0,
        settings=local.limits.text,
        account_endpoints={name: scope for (name, of), scope in scopes.items() if name and of == account.id},
    )


def _of_local(scope: LocalScope, now: int) -> ScopeStatus:
    values = (scope.state, scope.epoch, scope.ends, scope.opens, scope.lease, len(scope.failures))
    names = ("state", "epoch", "ends", "opens", "lease", "failures")
    return _scope("", {name: str(value) for name, value in zip(names, values, strict=True)}, scope.epoch, now)
