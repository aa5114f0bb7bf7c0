"""Operators' orders to the breaker: written in Postgres first, for Redis may forget, then obeyed by the fleet."""

from datetime import datetime

from sqlalchemy import Engine

from db import appointments, overrides
from db.lifecycle import HoldReason
from resilience.circuit_breaker import CircuitBreaker
from resilience.permit import Order, OrderKind

OPEN, OFF, CREDENTIALS = "open", "off", "credentials"
_KINDS = {OPEN: OrderKind.OPEN, OFF: OrderKind.OFF, CREDENTIALS: OrderKind.BLOCK}


def in_force(engine: Engine, service: str) -> list[Order]:
    """Read the orders in force, oldest first."""
    with engine.begin() as conn:
        found = overrides.in_force(conn, service)
    return [Order(_KINDS[one.mode], one.by, one.why, one.until, one.id, one.key_fingerprint or "") for one in found]


def order(
    engine: Engine, breaker: CircuitBreaker, mode: str, *, by: str, why: str, until: datetime | None = None
) -> bool:
    """Order the breaker open or off; False when the fleet could not be told (the order is kept, and obeyed later)."""
    with engine.begin() as conn:
        number = overrides.order(conn, breaker.service, mode, by=by, why=why, until=until) or 0
    return breaker.restore(Order(_KINDS[mode], by, why, until, number))


def auto(engine: Engine, breaker: CircuitBreaker, *, by: str, why: str) -> bool:
    """End an order of open or off: the breaker decides again. False, and nothing done, while Redis is gone."""
    if not breaker.get_status().shared:
        return False
    with engine.begin() as conn:
        overrides.lift(conn, breaker.service, {OPEN, OFF}, by=by)
    return breaker.auto(by, why)


def reset(engine: Engine, breaker: CircuitBreaker, *, by: str, why: str) -> bool:
    """Close every breaker, end every order, and try refused keys again with the bookings that they held.

    False, and nothing done, while Redis is gone: a reset is no state that could be given again later.
    """
    if not breaker.get_status().shared:
        return False
    with engine.begin() as conn:
        overrides.lift(conn, breaker.service, {OPEN, OFF, CREDENTIALS}, by=by)
    done = breaker.reset(by, why)
    with engine.begin() as conn:  # only now: what is released before the reset would be held again, for today's key
        appointments.forget_cause(conn, HoldReason.CREDENTIALS)
    return done


def repeat(engine: Engine, breaker: CircuitBreaker) -> None:
    """Give the orders in force again: one that was obeyed changes nothing, one that Redis missed is obeyed now."""
    for one in in_force(engine, breaker.service):
        breaker.restore(one)
