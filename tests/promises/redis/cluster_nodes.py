"""A Redis Cluster of the tests' own: three Valkeys that share the slots, and an heir of one of them."""

from dataclasses import dataclass
from typing import Any

import redis

from tests.support.fleet import eventually
from worker.local import embedded
from worker.local.embedded.find import reachable, server_user, valkey
from worker.local.embedded.server import HOST, ServerLayout

SLOTS = 16384
ALIVE, DOWN_AFTER = 600_000, 1000
"""Milliseconds without an answer after which the others count a node as down: by default, and once one is killed."""


@dataclass
class ClusterNode(embedded.Valkey):
    """A Valkey that is one node of a cluster."""

    name = "node"

    def config(self, port: int) -> str:
        """Add that it is one; a cluster's own port is 10,000 above by default, where somebody else may be."""
        cluster = f"cluster-enabled yes\ncluster-port {port + 1}\ncluster-node-timeout {ALIVE}\n"
        heir = "cluster-replica-validity-factor 0\n"  # however long ago it has heard of its master
        return f"{super().config(port)}{cluster}{heir}masterauth {self.password}\nrepl-diskless-sync-delay 0\n"


class ThreeMasters:
    """Three nodes that end with the guard; `heir_of` adds a fourth."""

    def __init__(self, guard: embedded.Guard) -> None:
        self._guard = guard
        self._user = server_user()
        self._programs = reachable(valkey(), "valkey-server", self._user, guard.folder)
        self.nodes: list[ClusterNode] = []
        for _ in range(3):
            self._add()
        for number in range(3):
            last = SLOTS - 1 if number == 2 else (number + 1) * (SLOTS // 3) - 1
            self.ask(number, "CLUSTER", "ADDSLOTSRANGE", number * (SLOTS // 3), last)
        for number in (1, 2):
            self._meet(number)
        eventually(lambda: all(self.is_whole(number) for number in range(3)), what="the cluster is one")

    @property
    def url(self) -> str:
        """What REDIS_URL is: two of the three, for a client finds the others."""
        return ";".join(f"redis+cluster://:{node.password}@{HOST}:{node.port}" for node in self.nodes[:2])

    def ask(self, number: int, *words: Any) -> Any:
        """Send one node a command."""
        with redis.Redis.from_url(self.nodes[number].url) as client:
            return client.execute_command(*words, NEVER_DECODE=True)

    def is_whole(self, number: int) -> bool:
        """Say whether a node knows all, and that every slot is served."""
        told = self.ask(number, "CLUSTER", "INFO")
        return b"cluster_state:ok" in told and b"cluster_known_nodes:%d" % len(self.nodes) in told

    def master_of(self, key: str) -> int:
        """Return which of the three has a key."""
        slot = int(self.ask(0, "CLUSTER", "KEYSLOT", key))
        return min(slot // (SLOTS // 3), 2)

    def heir_of(self, number: int) -> int:
        """Start a replica of a master; return its number when it has all that its master has."""
        self._add()
        heir = len(self.nodes) - 1
        self._meet(heir)
        eventually(lambda: self.is_whole(heir), what="it knows the others")
        self.ask(heir, "CLUSTER", "REPLICATE", self.ask(number, "CLUSTER", "MYID"))
        eventually(lambda: self.told(heir, "master_link_status") == "up", what="it has all")
        eventually(lambda: self.ask(number, "ROLE")[2], what="its master knows it")
        return heir

    def kill(self, number: int) -> None:
        """Kill a node; one that was only slow would have been replaced by nobody."""
        self.nodes[number].kill()
        for other in {*range(len(self.nodes))} - {number}:
            self.ask(other, "CONFIG", "SET", "cluster-node-timeout", DOWN_AFTER)

    def is_master(self, number: int) -> bool:
        """Say whether a node is a master now."""
        return self.told(number, "role") == "master"

    def told(self, number: int, name: str) -> Any:
        """Return what a node says of its replication."""
        with redis.Redis.from_url(self.nodes[number].url) as client:
            return client.info("replication").get(name)  # type: ignore[union-attr]  # not asynchronous

    def _meet(self, number: int) -> None:
        port = self.nodes[number].port or 0
        self.ask(0, "CLUSTER", "MEET", HOST, port, port + 1)

    def _add(self) -> None:
        layout = ServerLayout(self._guard.folder(), self._programs, self._user, durable=False)
        node = ClusterNode(self._guard, layout)
        node.name = f"node{len(self.nodes)}"  # type: ignore[misc]  # the guard knows each by its name
        node.password = self.nodes[0].password if self.nodes else node.password
        node.prepare()
        node.start()
        self.nodes.append(node)
