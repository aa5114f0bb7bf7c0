"""Kombu's Redis transport, for a worker that outlives its broker.

When the broker goes away while messages are unacknowledged, kombu (5.7) acknowledges them, or gives them back, over a
connection that it has just taken apart. The AttributeError that comes of it is none of the errors that it expects, and
ends the worker. What cannot be acknowledged is delivered again and finds nothing to claim; what cannot be given back
our sweeper sends.
"""

from typing import Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as RedisConnectionError


class Channel(redis.Channel):
    """Say "connection lost" where kombu trips over the missing connection."""

    def _connparams(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        if self._is_apart():
            raise RedisConnectionError("the connection to the broker was lost")
        return super()._connparams(asynchronous)  # type: ignore[no-untyped-call]  # kombu's types are in part

    def close(self) -> None:
        """Close, also when the connection below is gone already."""
        try:
            super().close()  # type: ignore[no-untyped-call]  # the same
        except (AttributeError, RedisConnectionError):
            if not self._is_apart():
                raise

    def _is_apart(self) -> bool:
        return getattr(self.connection, "client", None) is None


class Transport(redis.Transport):
    """Open our channels."""

    Channel = Channel
