"""Redis comes back from a snapshot that is older than an outage: who remembers the outage corrects it."""

import pytest
import redis

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.types import CallOutcome, State
from tests.support.breakers import CREATE, ENDPOINT, LIST, SERVICE, Make, call

FAILED = [SERVICE, ENDPOINT]


class Snapshot:
    """The keys of the breaker as they are now, to be put back later."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)
        self._kept = {key: self._client.dump(key) for key in self._client.keys("{calcom}:*")}  # type: ignore[union-attr]

    def restore(self) -> None:
        """Put them back, and nothing else."""
        self._client.flushall()
        for key, value in self._kept.items():
            self._client.restore(key, 0, value)  # type: ignore[arg-type]
        self._client.close()


def outage(breaker: CircuitBreaker, outcome: CallOutcome) -> None:
    """Open the breaker."""
    for _ in range(breaker.settings.threshold):
        assert call(breaker, outcome)
    assert not call(breaker)


@pytest.mark.parametrize("outcome", FAILED)
def test_an_outage_that_is_younger_than_the_snapshot_is_not_forgotten(
    redis_url: str, make: Make, outcome: CallOutcome
) -> None:
    """Of the service and of an endpoint: the first process to ask that remembers it corrects it for all."""
    seer, idle = make(), make()
    assert call(seer)
    assert call(idle)
    snapshot = Snapshot(redis_url)
    outage(seer, outcome)
    snapshot.restore()
    assert not call(seer)
    assert not call(idle)
    assert seer.view.transitions()[-1].reason == "restored"


def test_a_report_after_the_restart_makes_nobody_forget(redis_url: str, make: Make) -> None:
    """Its answer shows the breaker closed, and what a process remembers is younger."""
    breaker = make()
    late = breaker.acquire(CREATE, owner="late")
    assert late
    snapshot = Snapshot(redis_url)
    outage(breaker, SERVICE)
    snapshot.restore()
    breaker.record(late, ENDPOINT)
    assert not call(breaker)


def test_a_younger_snapshot_is_believed(redis_url: str, make: Make) -> None:
    """Somebody closed the breaker since this process last asked: it corrects nothing."""
    seer, operator = make(), make()
    outage(seer, SERVICE)
    operator.reset("op@example.com", "mended")
    Snapshot(redis_url).restore()
    assert call(seer)
    assert [change.reason for change in seer.view.transitions()][-1] == "reset"


def test_an_outage_that_was_over_is_not_begun_again(redis_url: str, make: Make) -> None:
    """The process has made a call since, and remembers that, too."""
    breaker = make()
    assert call(breaker)
    snapshot = Snapshot(redis_url)
    outage(breaker, ENDPOINT)
    breaker.reset("op@example.com", "mended")
    assert call(breaker)
    snapshot.restore()
    assert call(breaker)
    assert breaker.get_status().state is State.CLOSED
    assert [change.reason for change in breaker.view.transitions()] == ["begun"]


def test_another_endpoints_outage_is_corrected_when_that_is_asked_for(redis_url: str, make: Make) -> None:
    """A read goes, for its endpoint was closed; a POST does not."""
    breaker = make()
    assert call(breaker)
    snapshot = Snapshot(redis_url)
    outage(breaker, ENDPOINT)
    snapshot.restore()
    assert breaker.acquire(LIST, owner="read")
    assert not call(breaker)
