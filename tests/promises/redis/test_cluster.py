"""A Redis Cluster as REDIS_URL: the breaker is shared, a fleet outlives a master, and as a broker it is refused."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from db.lifecycle import Status
from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Permit, State
from resilience.shared_state.client import make_redis
from resilience.shared_state.cluster import ClusterClient
from tasks import dependencies
from tests.promises.redis.cluster_nodes import ThreeMasters
from tests.support.fleet import ROOT, Fleet, eventually, finals, request, row
from worker import enqueue_bookings
from worker.cli.check.redis import breaker_error
from worker.console import broker
from worker.local import embedded
from worker.settings.values import NO_CLUSTER

CREATE = "bookings.create"
PATIENT = {"timeout": 30.0, "connect_timeout": 30.0}  # with a server that is only slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[ThreeMasters]:
    """Run three nodes that share the slots."""
    with embedded.Guard() as guard:
        yield ThreeMasters(guard)


@pytest.fixture
def url(cluster: ThreeMasters) -> str:
    """What REDIS_URL is."""
    return cluster.url


def test_two_processes_share_a_breaker_that_lives_in_a_cluster(url: str) -> None:
    """The keys of any service are together, on whichever node it is."""
    for service in ("calcom", "one", "other", "third"):
        ours, theirs = (CircuitBreaker(service, redis=make_redis(url, **PATIENT)) for _ in range(2))
        for number in range(5):
            permit = ours.acquire(CREATE, owner=f"o{number}")
            assert isinstance(permit, Permit)
            assert permit.shared
            ours.record(permit, CallOutcome.FAILURE_SERVICE, reason="timeout")
        assert not theirs.acquire(CREATE, owner="theirs")
        assert (theirs.get_status().shared, theirs.get_status().state) == (True, State.OPEN)
        assert theirs.view.transitions()[-1].new is State.OPEN
        assert ours.calls.recent_calls().calls == 5


def test_a_breaker_outlives_the_nodes_and_goes_on_with_them(url: str, cluster: ThreeMasters) -> None:
    """Without them each process has its own; when they are back, whichever was killed, they share again."""
    breaker = CircuitBreaker("calcom", redis=make_redis(url, **PATIENT), settings=BreakerSettings(rate_limit=0))
    breaker.reset("a test", "to begin with")
    assert breaker.get_status().shared
    for node in cluster.nodes:
        node.kill()
    assert breaker.acquire(CREATE, owner="alone")
    assert not breaker.get_status().shared
    for node in cluster.nodes:
        node.restart()
    eventually(lambda: breaker.get_status().shared, what="it is shared again")


def test_a_process_may_start_before_its_cluster() -> None:
    """Nothing is asked of it until the first call, and then it counts as gone."""
    client = make_redis("redis+cluster://127.0.0.1:1;redis+cluster://127.0.0.1:2")
    assert isinstance(client, ClusterClient)
    breaker = CircuitBreaker("calcom", redis=client, settings=BreakerSettings(rate_limit=0))
    assert breaker.acquire(CREATE, owner="first")
    assert not breaker.get_status().shared


def test_check_can_ask_a_cluster(url: str) -> None:
    """Whether it answers, drops nothing, and runs the scripts."""
    assert broker.redis_error(url) is None
    assert broker.eviction_policy(url) == "noeviction"
    eventually(lambda: breaker_error(url) is None, what="each node knows that the others are back")
    with make_redis(url, **PATIENT) as client:
        seconds, _ = client.time()
        assert int(seconds) > 0


@pytest.mark.long
@pytest.mark.parametrize(("command", "name"), [("worker", "REDIS_URL"), ("beat", "CELERY_BROKER_URL")])
def test_a_process_that_has_a_cluster_as_its_broker_ends_and_says_why(
    settings: Callable[..., dict[str, str]], command: str, name: str
) -> None:
    """In one line, and without the password."""
    environment = {**settings(), name: "redis+cluster://:a-password@127.0.0.1:1", "PYTHONWARNINGS": "ignore"}
    argv = [sys.executable, "-m", "celery", "-A", "worker", command]
    ended = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (1, f"Error: {name}: {NO_CLUSTER}\n")


def enqueue(first: int, count: int) -> list[int]:
    """Enqueue bookings and return their ids."""
    return [receipt.appointment_id for receipt in enqueue_bookings([request(first + n) for n in range(count)])]  # type: ignore[union-attr]


@pytest.mark.long
def test_a_fleet_outlives_the_master_of_its_breaker(
    fleet: Callable[..., Fleet], simulator: Any, redis_url: str, judge: Callable[[Any], None]
) -> None:
    """It dies in the drain: some are held, some wait in line, some are at Cal.com; its replica takes over."""
    with embedded.Guard() as guard:
        cluster = ThreeMasters(guard)
        master = cluster.master_of("{calcom}")
        heir = cluster.heir_of(master)
        given = {"CELERY_BROKER_URL": redis_url, "REDIS_URL": cluster.url}
        running = fleet(**given, CIRCUIT_BREAKER_THRESHOLD="5", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="2").start()
        breaker = dependencies.current().breaker
        finals(enqueue(0, 1))
        simulator.faults("status", name="unavailable")
        wanted = enqueue(1, 40)
        eventually(lambda: sum(row(one).status is Status.HELD for one in wanted) > 20, what="they are held")
        assert (breaker.get_status().shared, breaker.get_status().state is State.CLOSED) == (True, False)
        simulator.no_faults()
        simulator.faults("latency", delay=0.3)
        eventually(lambda: len(simulator.bookings()) > 5, what="the drain begins")
        wanted += enqueue(41, 20)
        cluster.kill(master)
        wanted += enqueue(61, 10)
        eventually(lambda: cluster.is_master(heir), what="the replica takes over")
        judge(finals([1, *wanted], within=120))
        assert eventually(lambda: (now := breaker.get_status()).shared and now.state) is State.CLOSED
        assert "raised unexpected" not in running.logs()
