"""The embedded Valkey: configured through its standard input, where no other user can read the password."""

from collections.abc import Sequence
from dataclasses import dataclass

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.local.embedded.server import HOST, Server


@dataclass
class Valkey(Server):
    """A Valkey that keeps its data over kill and restart (append-only file)."""

    name = "valkey"
    program = "valkey-server"

    @property
    def steps(self) -> Sequence[tuple[str, float]]:
        """A signal at which it writes its file before it ends."""
        return [("SIGTERM", 5.0)]

    @property
    def url(self) -> str:
        """The Redis URL with its password."""
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def prepare(self) -> None:
        """Make its folder."""
        self.own(self.work)

    def argv(self, port: int) -> list[str]:  # noqa: ARG002 - the port stands in the configuration
        """Read the configuration from standard input."""
        return [str(self.layout.programs / self.program), "-"]

    def config(self, port: int) -> str:
        """Return its settings: loopback only; each write is in the file before its answer, if durable soon on disk."""
        return "\n".join(
            (
                f"bind {HOST}",
                f"port {port}",
                f"requirepass {self.password}",
                "daemonize no",
                'save ""',
                "appendonly yes",
                f"appendfsync {'everysec' if self.layout.durable else 'no'}",
                "maxmemory-policy noeviction",
                "",
            )
        )

    def answers(self, port: int) -> bool:
        """Ask PING with our password."""
        client = redis.Redis(
            host=HOST, port=port, password=self.password, socket_timeout=1, retry=Retry(NoBackoff(), 0)
        )
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()
