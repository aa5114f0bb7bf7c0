"""A connection of its own for each thread that asks the shared breaker."""

import os
import threading
from typing import Any

from redis import Connection, Redis
from redis.cluster import RedisCluster
from redis.exceptions import RedisError


class ThreadConnections:
    """Send commands, each thread over one connection that it keeps.

    Taking a connection out of the pool for each command and putting it back costs a seventh of a PING. What the pool
    sees to is seen to here: a connection that the server has closed is opened anew, and none is shared with a fork.
    A cluster's client knows several servers and keeps its own ways.
    """

    def __init__(self, client: Redis | RedisCluster) -> None:
        self._client = client
        self._mine = threading.local()

    def send(self, *command: str | float) -> Any:
        """Send one command and give its answer.

        Raises:
            RedisError, OSError: what the client raises; it is not tried again.
        """
        if not isinstance(self._client, Redis):
            return self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        own: Redis | None = getattr(self._mine, "client", None)
        if own is None or self._mine.process != os.getpid():
            own = self._mine.client = self._client.client()  # type: ignore[no-untyped-call]
            self._mine.process = os.getpid()
        elif own.connection is not None and own.connection.is_connected and _stale(own.connection):
            own.connection.disconnect()  # type: ignore[no-untyped-call]  # sending connects again
        return own.execute_command(*command)


def _stale(connection: Connection) -> bool:
    """Say whether the server has closed the connection, or sent what nobody waits for."""
    try:
        return connection.can_read()
    except (RedisError, OSError):
        return True
