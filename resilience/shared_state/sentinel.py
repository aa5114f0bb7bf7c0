"""Redis behind Sentinels: each new connection asks them for the master."""

from typing import Any

from redis import Redis
from redis.sentinel import Sentinel, SentinelManagedConnection

from resilience.shared_state.sentinel_address import SentinelAddress


class MasterConnection(SentinelManagedConnection):
    """A connection that is closed when an answer is late, as all others of redis-py are (its own stays open, 8.1).

    Else the late answer is read as the answer to the next command.
    """

    def read_response(self, *args: Any, disconnect_on_error: bool | None = True, **options: Any) -> Any:
        """Read one answer."""
        return super().read_response(*args, disconnect_on_error=disconnect_on_error, **options)


def make_master_client(url: str, timeout: float, connect_timeout: float, common: dict[str, Any]) -> Redis:
    """Build a client of the present master; all Sentinels together take at most as long as one command."""
    address = SentinelAddress.parse(url)
    each = len(address.hosts)
    asking = {"socket_timeout": timeout / each, "socket_connect_timeout": connect_timeout / each}
    sentinels = Sentinel(
        address.hosts,
        sentinel_kwargs={**common, **asking},  # redis-py would try each Sentinel ten times
        socket_timeout=timeout,
        socket_connect_timeout=connect_timeout,
        username=address.username,
        password=address.password,
        db=address.database,
        **common,
    )  # type: ignore[no-untyped-call]
    client: Redis = sentinels.master_for(address.master_name, connection_class=MasterConnection)  # type: ignore[no-untyped-call]
    return client
