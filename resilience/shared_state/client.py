"""A Redis client that gives up soon and never retries by itself, and a connection of it for each thread."""

import os
import threading
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry


def make_redis(url: str, *, timeout: float = 0.08, connect_timeout: float = 0.05) -> Redis:
    """Build the client that the breaker uses; times in seconds.

    redis-py's own defaults retry each command up to ten times with growing pauses: with a dead server one GET took
    58 s. Here a command takes at most `connect_timeout` + `timeout`, and who asked decides what happens then. Nothing
    is sent on a new connection but what the URL asks for: with a frozen server each such exchange would be waited out.
    A call asks before and reports after: with a frozen server it is twice the time-out that must stay below 0.2 s.
    The look-up of a host name is not bounded by these; name a host that resolves at once.
    """
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=connect_timeout,
        retry=Retry(NoBackoff(), 0),
        retry_on_timeout=False,
        health_check_interval=0,
        driver_info=None,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )


class ThreadConnections:
    """Send commands, each thread over one connection that it keeps.

    Taking a connection out of the pool for each command, and what the client does around it (retries, which are off
    here, and measurements), cost a third of a PING. What they see to is seen to here: a connection that the server has
    closed is opened anew, and none is shared with a fork. A cluster's client knows several servers, and has its ways.
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
        connection = self._own(self._client)
        if connection.is_connected and _stale(connection):
            connection.disconnect()  # sending connects again
        connection.send_command(*command, check_health=False)
        return connection.read_response()

    def _own(self, client: Redis) -> Any:
        if getattr(self._mine, "process", None) != os.getpid():
            pool = client.connection_pool  # whose own count of connections, 100 at most, never falls when a thread ends
            self._mine.connection = pool.connection_class(**pool.connection_kwargs)
            self._mine.process = os.getpid()
        return self._mine.connection


def _stale(connection: Any) -> bool:
    """Say whether the server has closed the connection, or sent what nobody waits for."""
    try:
        return bool(connection.can_read())
    except (RedisError, OSError):
        return True
