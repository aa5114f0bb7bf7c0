"""The Lua on the other servers that we name: in cluster mode on one node, and on Debian's Redis 8."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from redis.cluster import RedisCluster

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Permit, State
from resilience.shared_state import scripts
from resilience.shared_state.client import make_redis
from tests.breaker_model.walk import walk
from tests.support.breakers import call
from worker.local import embedded
from worker.local.embedded.find import reachable, server_user, valkey
from worker.local.embedded.server import ServerLayout

DEBIAN = Path("/usr/bin")
SLOTS = 16384
CREATE = "bookings.create"
Start = Callable[..., str]


class ClusterNode(embedded.Valkey):
    """A Valkey that is the only node of a cluster."""

    name = "cluster"

    def config(self, port: int) -> str:
        """Add that it is one."""
        return f"{super().config(port)}cluster-enabled yes\n"


class SecondValkey(embedded.Valkey):
    """One more."""

    name = "second"


class DebianRedis(embedded.Valkey):
    """The server of Debian's package."""

    name = "debian"
    program = "redis-server"


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """Start another server in a folder of its own; returns its URL."""
    with embedded.Guard() as guard:

        def begin(kind: type[embedded.Valkey], programs: Path) -> str:
            user = server_user()
            layout = ServerLayout(
                guard.folder(), reachable(programs, kind.program, user, guard.folder), user, durable=False
            )
            server = kind(guard, layout)
            server.prepare()
            server.start()
            return server.url

        yield begin


@pytest.fixture(scope="module")
def cluster_url(start: Start) -> str:
    """Run a cluster of one node that owns every slot."""
    url = start(ClusterNode, valkey())
    with redis.Redis.from_url(url) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
        pause = threading.Event()
        for _ in range(500):
            if b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO", NEVER_DECODE=True):
                break
            pause.wait(0.02)
    return url


def test_the_scripts_run_in_a_cluster(cluster_url: str) -> None:
    """All keys are declared and have one hash tag: no command is sent elsewhere or refused."""
    with redis.Redis.from_url(cluster_url, decode_responses=True) as client:
        walk(client, scripts.assemble, seed=1, steps=400)


def test_a_cluster_client_will_do(cluster_url: str) -> None:
    """The breaker takes the client that knows of slots, too."""
    with RedisCluster.from_url(cluster_url) as client:
        client.flushall()
        breaker = CircuitBreaker("calcom", redis=client, settings=BreakerSettings(threshold=2))
        for number in range(2):
            permit = breaker.acquire(CREATE, owner=f"o{number}")
            assert isinstance(permit, Permit)
            breaker.record(permit, CallOutcome.FAILURE_SERVICE, reason="timeout")
        assert breaker.view.transitions()[-1].new is State.OPEN
        assert breaker.get_status().shared


def test_a_user_without_dangerous_commands_will_do(redis_url: str) -> None:
    """The usual hardening, and what some hosted offers give: no INFO. The breaker is shared all the same."""
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command("ACL", "SETUSER", "careful", "on", ">555", "~*", "&*", "+@all", "-@dangerous")
        url = f"redis://careful:555@{redis_url.rpartition('@')[2]}"
        try:
            clients = [make_redis(url, timeout=30, connect_timeout=30) for _ in range(2)]
            ours, theirs = (CircuitBreaker("calcom", redis=client) for client in clients)
            for number in range(5):
                permit = ours.acquire(CREATE, owner=f"o{number}")
                assert isinstance(permit, Permit)
                assert permit.shared
                ours.record(permit, CallOutcome.FAILURE_SERVICE, reason="timeout")
            assert not theirs.acquire(CREATE, owner="theirs")
            assert (theirs.get_status().shared, theirs.get_status().state) == (True, State.OPEN)
            assert theirs.calls.closed_windows() == []
            assert theirs.calls.recent_calls().calls == 5
            assert theirs.view.redis_gone_for() is None
        finally:
            client.execute_command("ACL", "DELUSER", "careful")


def test_the_name_of_a_server_that_takes_no_writes_any_more_is_resolved_anew(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica since a failover keeps its connections: none of them leads to the server that has its name by now."""
    servers = [start(kind, valkey()) for kind in (embedded.Valkey, SecondValkey)]
    ports = [urlsplit(url).port for url in servers]
    for url in servers:
        with redis.Redis.from_url(url) as client:
            client.config_set("requirepass", "555")
    present, resolve = [ports[0]], socket.getaddrinfo

    def resolved(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        there = ("127.0.0.1", present[0]) if host == "primary.example.com" else (host, port)
        return resolve(*there, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    now = [0.0]
    shared = make_redis("redis://:555@primary.example.com", timeout=30, connect_timeout=30)
    settings = BreakerSettings(rate_limit=0, redis_retry=1)
    breaker = CircuitBreaker("calcom", redis=shared, settings=settings, clock=lambda: now[0])
    assert call(breaker)
    assert breaker.get_status().shared
    with redis.Redis(port=ports[0] or 0, password="555") as client:
        client.execute_command("REPLICAOF", "127.0.0.1", ports[1])
    present[0] = ports[1]
    for _ in range(3):
        now[0] += 2
        assert call(breaker)
    assert breaker.get_status().shared


@pytest.mark.debian_redis
def test_the_scripts_run_on_debians_redis(start: Start) -> None:
    """The same answers as on Valkey, from the other branch of the family."""
    with redis.Redis.from_url(start(DebianRedis, DEBIAN), decode_responses=True) as client:
        assert "valkey_version" not in client.info("server")
        assert client.info("server")["redis_version"].startswith("8.")
        walk(client, scripts.assemble, seed=2, steps=600)
