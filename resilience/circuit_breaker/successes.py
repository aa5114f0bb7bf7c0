"""Successes that are recorded a little later than they came: several in one call of Redis."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.types import PlainSuccess, Recorded


class KeptSuccess(NamedTuple):
    """A plain success that is still to be recorded: nothing is decided by it. `record` records it by itself."""

    call: PlainSuccess
    breaker: CircuitBreaker
    record: Callable[[], Recorded]


def record_together(successes: Sequence[KeptSuccess]) -> list[Recorded]:
    """Record successes, those of one breaker and account in one call of Redis; return the state after each."""
    alike: dict[tuple[Any, ...], list[KeptSuccess]] = {}
    for one in successes:
        permit = one.call.permit
        epochs = permit.service_epoch, permit.endpoint_epoch
        alike.setdefault((id(one.breaker), permit.endpoint, permit.account, *epochs), []).append(one)
    recorded: dict[int, Recorded] = {}
    for group in alike.values():
        known = group[0].breaker.record_plain([one.call for one in group]) if len(group) > 1 else None
        recorded |= {id(one): one.record() if known is None else known for one in group}
    return [recorded[id(one)] for one in successes]
