"""Debian's Redis behind Debian's Sentinels, as servers of the tests' own: a master, its replica and three who watch."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from tests.support.fleet import eventually
from worker.local.embedded import Guard, Valkey
from worker.local.embedded.find import server_user
from worker.local.embedded.server import HOST, ServerLayout, here

PROGRAMS = Path("/usr/bin")
MASTER = "bookings"
ALIVE, DOWN_AFTER = 600_000, 500
"""Milliseconds without an answer after which a Sentinel counts its master as down: while it lives, and then."""


@dataclass
class DebianRedis(Valkey):
    """The server of Debian's package; with a master it is a replica of it, and its password is the master's."""

    name = "redis"
    program = "redis-server"
    master: Valkey | None = None

    def config(self, port: int) -> str:
        """Add what a replica needs, and one that may become one."""
        given = f"{super().config(port)}masterauth {self.password}\nrepl-diskless-sync-delay 0\n"
        return f"{given}replicaof {HOST} {self.master.port}\n" if self.master else given


@dataclass
class Replica(DebianRedis):
    """It is the master's heir."""

    name = "replica"


@dataclass
class DebianSentinel(Valkey):
    """It writes what it learns into its configuration, so that stands in a file; it has no password of its own."""

    program = "redis-sentinel"
    master: Valkey | None = None
    number: int = 0

    @property
    def work(self) -> Path:
        """One folder each."""
        return self.layout.folder / f"sentinel{self.number}"

    def argv(self, port: int) -> list[str]:
        """Write the file, and name it."""
        assert self.master is not None
        file = self.work / "sentinel.conf"
        file.write_text(
            f"bind {HOST}\nport {port}\n"
            f"sentinel monitor {MASTER} {HOST} {self.master.port} 2\n"
            f"sentinel auth-pass {MASTER} {self.master.password}\n"
            f"sentinel down-after-milliseconds {MASTER} {ALIVE}\n"
            f"sentinel failover-timeout {MASTER} 6000\n"
        )
        file.chmod(0o600)
        if self.layout.user:
            os.chown(file, self.layout.user.uid, self.layout.user.gid)
        return [str(self.layout.programs / self.program), f"{here(self.work)}/sentinel.conf"]

    def config(self, port: int) -> str:  # noqa: ARG002 - a hook
        """Nothing on its standard input."""
        return ""

    def answers(self, port: int) -> bool:
        """Ask PING."""
        try:
            with redis.Redis(host=HOST, port=port, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


class Watched:
    """All five; they end with the guard."""

    def __init__(self, guard: Guard) -> None:
        user = server_user()
        layout = ServerLayout(guard.folder(), PROGRAMS, user, durable=False)
        self.master = DebianRedis(guard, layout)
        self._start(self.master)
        self.replica = Replica(guard, layout, password=self.master.password, master=self.master)
        self._start(self.replica)
        self.sentinels = [DebianSentinel(guard, layout, master=self.master, number=number) for number in range(3)]
        for sentinel in self.sentinels:
            sentinel.name = f"sentinel{sentinel.number}"  # type: ignore[misc]  # the guard knows each by its name
            self._start(sentinel)
        eventually(self._all_know, what="every Sentinel knows the others and the replica")

    @property
    def url(self) -> str:
        """What REDIS_URL is, without the master's name."""
        hosts = ";".join(f"sentinel://{HOST}:{sentinel.port}" for sentinel in self.sentinels)
        return f"{hosts}/0".replace("//", f"//:{self.master.password}@", 1)

    def present(self) -> int:
        """Return the port of the present master, as most of the Sentinels name it."""
        ports = [self._ask(one).sentinel_get_master_addr_by_name(MASTER)[1] for one in self.sentinels]
        return int(max(ports, key=ports.count))

    def kill_master(self) -> None:
        """Kill the master; one that was only slow would have been replaced by nobody."""
        self.master.kill()
        for sentinel in self.sentinels:
            self._ask(sentinel).sentinel_set(MASTER, "down-after-milliseconds", DOWN_AFTER)

    def _all_know(self) -> bool:
        states = [self._ask(one).sentinel_masters()[MASTER] for one in self.sentinels]
        return all(state["num-other-sentinels"] == 2 and state["num-slaves"] == 1 for state in states)

    @staticmethod
    def _ask(sentinel: DebianSentinel) -> Any:
        return redis.Redis(host=HOST, port=sentinel.port or 0, socket_timeout=30)

    @staticmethod
    def _start(server: Valkey) -> None:
        server.prepare()
        server.start()
