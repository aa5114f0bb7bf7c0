"""Operators' overrides of the breaker: written to Postgres first, because Redis may lose them; the fleet obeys them."""

from datetime import datetime

from sqlalchemy import Engine

from db.monitoring import overrides
from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.types import OperatorOverride, OverrideKind

OPEN, OFF, CREDENTIALS = "open", "off", "credentials"
_KINDS = {OPEN: OverrideKind.OPEN, OFF: OverrideKind.OFF, CREDENTIALS: OverrideKind.BLOCK}


def in_force(engine: Engine, service: str) -> list[OperatorOverride]:
    """Return the overrides in force, the oldest first."""
    with engine.begin() as conn:
        found = overrides.in_force(conn, service)
    return [
        OperatorOverride(_KINDS[row.mode], row.by, row.why, row.until, row.id, row.key_fingerprint or "")
        for row in found
    ]


def force(
    engine: Engine,
    breaker: CircuitBreaker,
    mode: str,
    *,
    by: str,
    why: str,
    until: datetime | None = None,
    action: int = 0,
) -> bool:
    """Force the breaker open or off; False: Redis does not answer, and the override is applied later.

    `action` is the id of the operator's action that asks for it, here and below; 0: no action does.
    """
    with engine.begin() as conn:
        number = overrides.add(conn, breaker.service, mode, by=by, why=why, until=until) or 0
    breaker.operators.apply(OperatorOverride(_KINDS[mode], by, why, until, number, action=action))
    seen = breaker.get_status()  # if Redis had forgotten the breaker, it began again here, with this override
    return seen.shared and seen.last_override >= number


def auto(engine: Engine, breaker: CircuitBreaker, *, by: str, why: str, action: int = 0) -> bool:
    """End an override of open or off: the breaker decides again. False: Redis is gone, and nothing was done."""
    if not breaker.get_status().shared:
        return False
    with engine.begin() as conn:
        overrides.lift(conn, breaker.service, {OPEN, OFF}, by=by)
    return breaker.operators.apply(OperatorOverride(OverrideKind.AUTO, by, why, action=action))


def reset(engine: Engine, breaker: CircuitBreaker, *, by: str, why: str, action: int = 0) -> bool:
    """Close every breaker, end every override, and try refused keys again; then the bookings held for keys go.

    False: Redis does not answer, and nothing was done: a reset is not a state that could be applied later.
    """
    if not breaker.get_status().shared:
        return False
    with engine.begin() as conn:
        overrides.lift(conn, breaker.service, {OPEN, OFF, CREDENTIALS}, by=by)
    return breaker.operators.apply(OperatorOverride(OverrideKind.RESET, by, why, action=action))


def repeat(engine: Engine, breaker: CircuitBreaker, seen: BreakerStatus) -> None:
    """Apply the overrides in force again: an obeyed one changes nothing, one that Redis lost is obeyed now.

    A block ends here, too, if the shared breaker obeyed the block and has it no more: Cal.com accepts the key again.
    `seen` is the breaker's state, read before the overrides: an override added meanwhile is applied, not ended.
    """
    lifted: list[int] = []
    for one in in_force(engine, breaker.service):
        obeyed = seen.shared and 0 < one.number <= seen.last_override
        if one.kind is OverrideKind.BLOCK and obeyed and one.fingerprint not in seen.blocked_keys:
            lifted.append(one.number)
        else:
            breaker.operators.apply(one)
    if lifted:
        with engine.begin() as conn:
            overrides.lift(conn, breaker.service, {CREDENTIALS}, by="worker", ids=lifted)
