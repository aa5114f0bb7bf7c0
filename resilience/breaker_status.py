"""What an operator is told about a breaker."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from resilience.breaker_rules import Rules
from resilience.permit import State


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
    throttled_for: float
    """Seconds for which nothing goes because of a 429."""
    window: int
    """Held items that may be in flight at once."""
    waiting: int
    sending: int
    order: int
    """Number of the last order obeyed."""
    settings: str

    @property
    def state(self) -> State:
        """The service's state."""
        return self.breaker.state

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return asdict(self) | {"state": self.state}


def read(
    service: str,
    fields: Mapping[str, str],
    *,
    now: int,
    waiting: int,
    sending: int,
    shared: bool,
) -> BreakerStatus:
    """Read a breaker's fields as `status.lua` and `fields_of` give them."""
    names = sorted({name.rpartition("/")[0] for name in fields if "/" in name})
    born = int(fields.get("born", 0))
    return BreakerStatus(
        service=service,
        shared=shared,
        now=now,
        generation=born,
        breaker=_scope("", fields, born, now),
        endpoints={name: _scope(f"{name}/", fields, born, now) for name in names},
        blocked_keys=tuple(sorted(name.removeprefix("blocked:") for name in fields if name.startswith("blocked:"))),
        throttled_for=max(0, int(fields.get("shut", 0)) - now) / 1000,
        window=int(fields.get("window", 1)),
        waiting=waiting,
        sending=sending,
        order=int(fields.get("ordered", 0)),
        settings=fields.get("settings", ""),
    )


def _scope(prefix: str, fields: Mapping[str, str], born: int, now: int) -> ScopeStatus:
    def number(name: str, default: int = 0) -> int:
        return int(fields.get(prefix + name, default))

    state, ends = State(fields.get(f"{prefix}state", "closed")), number("ends")
    if ends and now >= ends:
        state, ends = (State.CLOSED if state is State.OFF else State.HALF_OPEN), 0
    waits = {State.OPEN, State.FORCED_OPEN} & {state}
    retry_after: float | None = 0.0
    if waits:
        retry_after = (ends - now) / 1000 if ends else None
    return ScopeStatus(
        state=state,
        epoch=number("epoch", born),
        retry_after=retry_after,
        failures=number("failures"),
        opens=number("opens"),
        probing=state is State.HALF_OPEN and now < number("lease"),
    )


def fields_of(rules: Rules) -> dict[str, str]:
    """Give the breaker of this process as Redis would hold it."""
    fields: dict[str, Any] = {"born": rules.born, "seeded": rules.seeded, "ordered": rules.ordered}
    fields |= {"settings": rules.settings, "fence": rules.window.fence, "window": rules.window.size}
    rate = rules.rate
    fields |= {"paid_until": rate.paid_until, "grants": rate.grants}
    fields |= {"shut": rate.shut, "cap": rate.cap, "cap_ends": rate.cap_ends, "ceiling": rate.ceiling}
    fields |= {"first": rate.first, "first_at": rate.first_at, "pull": rate.pull}
    fields |= {f"blocked:{key}": at for key, at in rules.blocked.items()}
    for scope in rules.scopes():
        if scope.name and scope.epoch == rules.born and not scope.failures:
            continue  # nothing has happened to it
        prefix = f"{scope.name}/" if scope.name else ""
        values = (*scope.view(), scope.failures)
        names = ("state", "epoch", "ends", "opens", "owner", "lease", "failures")
        fields |= {prefix + name: value for name, value in zip(names, values, strict=True)}
    return {name: str(value) for name, value in fields.items()}
