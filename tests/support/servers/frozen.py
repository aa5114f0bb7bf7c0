"""A frozen Redis for who gives it up as soon as a fleet does, and before and after waits for one that is slow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redis import Redis

from resilience.shared_state.client import make_redis
from resilience.shared_state.state import ThreadConnections

if TYPE_CHECKING:
    from worker.local.embedded import Valkey

PATIENT = {"timeout": 30.0, "connect_timeout": 30.0}
_OF_A_FLEET = {name: float(value) for name, value in (make_redis.__kwdefaults__ or {}).items()}


def patient(url: str) -> ThreadConnections:
    """Connect to a Redis that may be slow."""
    return ThreadConnections(make_redis(url, **PATIENT))


@contextmanager
def frozen(server: "Valkey", connections: ThreadConnections, *, timeout: float | None = None) -> Iterator[None]:
    """Freeze a server for this block, in which this thread's patient connection has the time-outs of a fleet's.

    `timeout`: or this one, in seconds.
    """
    _wait(connections, **_OF_A_FLEET | ({} if timeout is None else {"timeout": timeout}))
    server.pause()
    try:
        yield
    finally:
        server.resume()
        _wait(connections, **PATIENT)
        connections.client.ping()  # it has thawed


def _wait(connections: ThreadConnections, timeout: float, connect_timeout: float) -> None:
    assert isinstance(connections.client, Redis)
    pool = connections.client.connection_pool
    pool.connection_kwargs.update(socket_timeout=timeout, socket_connect_timeout=connect_timeout)
    for one in (connections._own(connections.client), *pool._available_connections):  # noqa: SLF001 - those that are open
        one.socket_timeout, one.socket_connect_timeout = timeout, connect_timeout
        one.update_current_socket_timeout(timeout)
