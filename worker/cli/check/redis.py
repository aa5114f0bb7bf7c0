"""Check whether Redis runs the breaker's scripts: one round trip of a breaker that no other process uses."""

from uuid import uuid4

from redis.exceptions import RedisError

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.events import Event
from resilience.circuit_breaker.types import CallOutcome, Permit
from resilience.shared_state.client import make_redis
from resilience.shared_state.events import SharedStateLost
from resilience.shared_state.scripts import Client, breaker_keys
from worker.console.broker import ANSWER_SECONDS

ENDPOINT = "check"
_NOT_ALLOWED = (
    "its user may not do what the circuit breaker needs ({error}), so each process keeps a breaker of its own; allow"
    " `ACL SETUSER name ~* &* +@all -@dangerous`"
)


def breaker_error(url: str) -> str | None:
    """Return why no breaker can be shared over this Redis; None: one can."""
    client, lost = make_redis(url, timeout=ANSWER_SECONDS, connect_timeout=ANSWER_SECONDS), list[SharedStateLost]()

    def listen(event: Event) -> None:
        if isinstance(event, SharedStateLost):
            lost.append(event)

    breaker = CircuitBreaker(f"check-{uuid4()}", redis=client, emit=listen)
    try:
        permit = breaker.acquire(ENDPOINT, owner="check")
        if isinstance(permit, Permit):
            breaker.record(permit, CallOutcome.SUCCESS)
        breaker.held_work.count_releasable(ENDPOINT)
        breaker.view.transitions()
    finally:
        _clean_up(client, breaker.service)
    if not lost:
        return None
    return (_NOT_ALLOWED if lost[0].lasting else "does not keep the circuit breaker ({error})").format(
        error=lost[0].error
    )


def _clean_up(client: Client, service: str) -> None:
    try:
        client.delete(*breaker_keys(service, ENDPOINT))
    except RedisError:
        return  # Redis refused the scripts, so there is nothing to delete
    finally:
        client.close()
