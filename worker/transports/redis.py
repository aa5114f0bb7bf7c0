"""Kombu's Redis transport, for a worker that outlives its broker, and garbage in it.

A message that a worker has taken is in that worker's memory alone. Kombu would keep it in Redis, too, until it is
acknowledged, which costs four commands a message; but the row is what is kept, and the sweeper sends what a killed
worker had in hand. What a worker that ends has not begun is given back to be the next; what cannot be given back the
sweeper sends.

When the broker goes away, kombu (5.7) gives messages back over a connection that it has just taken apart. The
AttributeError that comes of it is none of the errors that it expects, and ends the worker.

What is no message of Celery's ends a worker too, one each: it is dropped here, with a line in the log.
"""

import base64
import json
from typing import Any

from kombu.transport import redis, virtual
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from tasks.host.log import Logger

# What comes of reading something else as a message, in kombu and in Celery.
_MISREAD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

log = Logger(__name__)


class QoS(virtual.QoS):
    """Count what was taken and is not done, for the prefetch limit."""

    def restore_unacked(self) -> list[Any]:
        """Give back what is not done, so that it comes in the order of before; without the broker, nothing."""
        self._flush()  # type: ignore[no-untyped-call]  # kombu's types are in part
        try:
            while self._delivered:
                self.channel._restore(self._delivered.popitem()[1])  # noqa: SLF001 - kombu's base class calls it, too
        except self.channel.connection_errors:
            self._delivered.clear()
        return []


class Channel(redis.Channel):
    """Say "connection lost" where kombu trips over the missing connection, drop garbage, keep no ledger in Redis."""

    _sync_client: Any = None

    def __init__(self, *more: Any, **options: Any) -> None:
        super().__init__(*more, **options)  # type: ignore[no-untyped-call]  # kombu's types are in part
        self.QoS = QoS  # type: ignore[assignment]  # of kombu's base class

    def _restore(self, message: Any, leftmost: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - kombu's signature
        """Give a message back to be the next one: behind the others it would look as if it were lost."""
        place = message.delivery_info
        with self.conn_or_acquire() as client:
            self._do_restore_message(message.serializable(), place["exchange"], place["routing_key"], client)  # type: ignore[no-untyped-call]  # the same

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        """Return one client for all that is published and acknowledged: kombu builds one for each, at 60 us apiece."""
        if asynchronous:
            return super()._create_client(asynchronous)  # type: ignore[no-untyped-call]  # kombu's types are in part
        client, pool = self._sync_client, self.pool  # which is none of the last one's once that was disconnected
        if client is None or client.connection_pool is not pool:
            client = self._sync_client = super()._create_client()  # type: ignore[no-untyped-call]  # the same
        return client

    def _connparams(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        if self._is_apart():
            raise RedisConnectionError("the connection to the broker was lost")
        given = super()._connparams(asynchronous)  # type: ignore[no-untyped-call]  # the same
        return {**given, "driver_info": None}  # else each connection reads redis-py's metadata and tells it: 2 ms

    def _brpop_read(self, **options: Any) -> Any:
        """Read a message; `_deliver` and what consumes it raise nothing of _MISREAD, so this was no JSON."""
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]  # the same
        except _MISREAD as error:
            if self._is_apart():
                raise
            return _drop(error)

    def basic_consume(self, queue: Any, no_ack: Any, callback: Any, *more: Any, **options: Any) -> Any:
        """Consume a queue; a message that Celery cannot read is acknowledged, so that it never comes again."""

        def consume(message: Any) -> Any:
            try:
                return callback(message)
            except _MISREAD as error:
                if not (no_ack or message.acknowledged):
                    message.ack()
                return _drop(error)

        return super().basic_consume(queue, no_ack, consume, *more, **options)  # type: ignore[no-untyped-call]  # theirs

    def close(self) -> None:
        """Close, also when the connection below is gone already."""
        try:
            super().close()  # type: ignore[no-untyped-call]  # the same
        except (AttributeError, RedisConnectionError):
            if not self._is_apart():
                raise

    def _is_apart(self) -> bool:
        return getattr(self.connection, "client", None) is None


class RedisTransport(redis.Transport):
    """Open our channels; a Redis that takes no writes (full, or a replica now) is waited for like one that is down."""

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, OutOfMemoryError, ReadOnlyError)

    def _deliver(self, message: Any, queue: str) -> None:
        if is_message(message):
            super()._deliver(message, queue)  # type: ignore[no-untyped-call]  # the same
        else:
            _drop(TypeError("not in the shape of a message"))


def is_message(message: Any) -> bool:
    """Say whether kombu wrote this; ours are never compressed, and a small one might unpack to a huge one."""
    match message:
        case {
            "body": str(body),
            "content-type": str(kind),
            "headers": dict(headers),
            "properties": {
                "body_encoding": "base64",
                "delivery_tag": str(),
                "delivery_info": {"exchange": str(), "routing_key": str()},
            },
        } if body and "compression" not in headers:
            try:
                content = base64.b64decode(body, validate=True)
                return bool(content) and ("task" not in headers or kind != "application/json" or _is_call(content))
            except (ValueError, RecursionError):
                return False
    return False


def _is_call(content: bytes) -> bool:
    """Say whether a task's body is as Celery writes it; its pool is silent about others and never lets go of them."""
    match json.loads(content):
        case [list(), dict(), dict() | None]:
            return True
    return False


def _drop(error: Exception) -> bool:
    """Tell that a message is dropped, without what stood in it; true, as for any message that was taken."""
    log.warning("message_dropped", error=type(error).__name__, next="the sweeper sends what a booking is waiting for")
    return True
