"""A Redis Cluster of three nodes as REDIS_URL: the breaker is shared, and `booking check` can ask it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Permit, State
from resilience.shared_state.client import make_redis
from resilience.shared_state.cluster import ClusterClient
from tests.support.fleet import eventually
from worker.cli.check.redis import breaker_error
from worker.console import broker
from worker.local import embedded
from worker.local.embedded.find import reachable, server_user, valkey
from worker.local.embedded.server import HOST, ServerLayout

CREATE = "bookings.create"
SLOTS = 16384


@dataclass
class NodeOfThree(embedded.Valkey):
    """A Valkey that is one node of a cluster."""

    name = "node"

    def config(self, port: int) -> str:
        """Add that it is one; a cluster's own port is 10,000 above by default, where somebody else may be."""
        return f"{super().config(port)}cluster-enabled yes\ncluster-port {port + 1}\nmasterauth {self.password}\n"


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[NodeOfThree]]:
    """Run three nodes that share the slots."""
    with embedded.Guard() as guard:
        user = server_user()
        programs = reachable(valkey(), "valkey-server", user, guard.folder)
        three: list[NodeOfThree] = []
        for number in range(3):
            node = NodeOfThree(guard, ServerLayout(guard.folder(), programs, user, durable=False))
            node.name = f"node{number}"  # type: ignore[misc]  # the guard knows each by its name
            node.password = three[0].password if three else node.password
            node.prepare()
            node.start()
            three.append(node)
        clients = [redis.Redis.from_url(node.url) for node in three]
        for number, client in enumerate(clients):
            last = SLOTS - 1 if number == 2 else (number + 1) * (SLOTS // 3) - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * (SLOTS // 3), last)
        for node in three[1:]:
            clients[0].execute_command("CLUSTER", "MEET", HOST, node.port, (node.port or 0) + 1)
        eventually(lambda: all(is_ok(client) for client in clients), what="the cluster is one")
        for client in clients:
            client.close()
        yield three


def is_ok(client: redis.Redis) -> bool:
    """Say whether a node knows all three, and that every slot is served."""
    told = client.execute_command("CLUSTER", "INFO", NEVER_DECODE=True)
    return b"cluster_state:ok" in told and b"cluster_known_nodes:3" in told


@pytest.fixture
def url(nodes: list[NodeOfThree]) -> str:
    """What REDIS_URL is: two of the three, for a client finds the others."""
    password = nodes[0].password
    return ";".join(f"redis+cluster://:{password}@{HOST}:{node.port}" for node in nodes[:2])


def test_two_processes_share_a_breaker_that_lives_in_a_cluster(url: str) -> None:
    """The keys of any service are together, on whichever node it is."""
    for service in ("calcom", "one", "other", "third"):
        ours, theirs = (CircuitBreaker(service, redis=make_redis(url, timeout=5)) for _ in range(2))
        for number in range(5):
            permit = ours.acquire(CREATE, owner=f"o{number}")
            assert isinstance(permit, Permit)
            assert permit.shared
            ours.record(permit, CallOutcome.FAILURE_SERVICE, reason="timeout")
        assert not theirs.acquire(CREATE, owner="theirs")
        assert (theirs.get_status().shared, theirs.get_status().state) == (True, State.OPEN)
        assert theirs.transitions()[-1].new is State.OPEN
        assert ours.calls.recent_calls().calls == 5


def test_a_breaker_outlives_the_nodes_and_goes_on_with_them(url: str, nodes: list[NodeOfThree]) -> None:
    """Without them each process has its own; when they are back, whichever was killed, they share again."""
    breaker = CircuitBreaker("calcom", redis=make_redis(url, timeout=1), settings=BreakerSettings(rate_limit=0))
    breaker.reset("a test", "to begin with")
    assert breaker.get_status().shared
    for node in nodes:
        node.kill()
    assert breaker.acquire(CREATE, owner="alone")
    assert not breaker.get_status().shared
    for node in nodes:
        node.restart()
    eventually(lambda: breaker.get_status().shared, what="it is shared again")


def test_a_process_may_start_before_its_cluster() -> None:
    """Nothing is asked of it until the first call, and then it counts as gone."""
    client = make_redis("redis+cluster://127.0.0.1:1;redis+cluster://127.0.0.1:2")
    assert isinstance(client, ClusterClient)
    breaker = CircuitBreaker("calcom", redis=client)
    assert breaker.acquire(CREATE, owner="first")
    assert not breaker.get_status().shared


def test_check_can_ask_a_cluster(url: str) -> None:
    """Whether it answers, drops nothing, and runs the scripts."""
    assert broker.redis_error(url) is None
    assert broker.eviction_policy(url) == "noeviction"
    assert breaker_error(url) is None
    with make_redis(url, timeout=5) as client:
        seconds, _ = client.time()
        assert int(seconds) > 0
