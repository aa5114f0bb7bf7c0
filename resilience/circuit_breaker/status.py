"""What an operator sees of a breaker."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from resilience.circuit_breaker.local import LocalBreaker, LocalScope
from resilience.circuit_breaker.types import Reason, State
from resilience.circuit_breaker.wire import KnownState


@dataclass(frozen=True, slots=True)
class ScopeStatus:
    """One breaker: the service's or an endpoint's."""

    state: State
    """An OPEN whose time is over and that nobody asks shows as half-open: it waits for traffic."""
    epoch: int
    retry_after: float | None
    """Seconds until a call may go; None: no such moment is known."""
    failures: int
    """Since the last change of state."""
    opens: int
    """Times opened in a row."""
    probing: bool
    """Whether a probe is on its way."""
    since: int = 0
    """When the state began, ms of Redis's clock; 0: not known."""


@dataclass(frozen=True, slots=True)
class BreakerStatus:
    """Everything that is known, at one moment; ms of Redis's clock."""

    service: str
    shared: bool
    """False: Redis is gone and this is what this process alone knows."""
    now: int
    generation: int
    breaker: ScopeStatus
    endpoints: dict[str, ScopeStatus]
    blocked_keys: tuple[str, ...]
    wrong_settings: tuple[str, ...]
    """Fingerprints of configurations that hold the fleet: what answers is not the service."""
    paged_settings: tuple[str, ...]
    """Fingerprints of configurations where something else has answered a call, and the service not since."""
    throttled_for: float
    """Seconds for which nothing goes because of a 429."""
    window: int
    """Held items that may be in flight at once."""
    waiting: int
    sending: int
    order: int
    """Number of the last override applied."""
    settings: str
    limit_left: int | None = None
    """Calls that the rate limits, ours and what the service tells of its own, leave until `limit_until`; None: no limit
    is known."""
    limit_until: int | None = None
    """The end of the service's window, or of a 429's pause."""
    limit_told: int = 0
    """Calls in a window, as the service told last; 0: nothing was told."""

    @property
    def state(self) -> State:
        """The service's state."""
        return self.breaker.state

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return asdict(self) | {"state": self.state}


def of_fleet(service: str, known: KnownState) -> BreakerStatus:
    """Return the status of the shared breaker."""
    fields, now = known.fields, known.now
    names = sorted({name.rpartition("/")[0] for name in fields if name.endswith(("/epoch", "/failures"))})
    generation = int(fields.get("born", 0))
    return BreakerStatus(
        service=service,
        shared=True,
        now=now,
        generation=generation,
        breaker=_scope("", fields, generation, now),
        endpoints={name: _scope(f"{name}/", fields, generation, now) for name in names},
        blocked_keys=_named(fields, "blocked:"),
        wrong_settings=_named(fields, "wrong:"),
        paged_settings=_named(fields, "page:"),
        throttled_for=max(0, known.throttled_until - now) / 1000,
        window=int(fields.get("window", 1)),
        waiting=known.waiting,
        sending=known.sending,
        order=int(fields.get("ordered", 0)),
        settings=fields.get("settings", ""),
        limit_left=None if known.limit_left < 0 else known.limit_left,
        limit_until=None if known.limit_left < 0 else known.limit_until,
        limit_told=known.limit_told,
    )


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


def of_process(service: str, local: LocalBreaker, now: int, *, key: str, configuration: str) -> BreakerStatus:
    """Return the status of the breaker of this process, for Redis is gone."""
    scopes = {name: _of_local(scope, now) for name, scope in local.scopes.items() if name}
    return BreakerStatus(
        service=service,
        shared=False,
        now=now,
        generation=local.generation,
        breaker=_of_local(local.scope(), now),
        endpoints=scopes,
        blocked_keys=(key,) if now < local.blocked[Reason.CREDENTIALS] else (),
        wrong_settings=(configuration,) if now < local.blocked[Reason.CONFIGURATION] else (),
        paged_settings=(),
        throttled_for=max(0, local.throttled_until - now, local.blocked[Reason.THROTTLED] - now) / 1000,
        window=0,
        waiting=0,
        sending=len(local.in_flight),
        order=0,
        settings=local.limits.text,
    )


def _of_local(scope: LocalScope, now: int) -> ScopeStatus:
    values = (scope.state, scope.epoch, scope.ends, scope.opens, scope.lease, len(scope.failures))
    names = ("state", "epoch", "ends", "opens", "lease", "failures")
    return _scope("", {name: str(value) for name, value in zip(names, values, strict=True)}, scope.epoch, now)
