"""Kombu's Sentinel transport, with what our Redis transport promises; the master is asked for at each connection."""

from typing import Any

from kombu.transport import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError

from worker.transports.redis import Channel, RedisTransport

# Kombu (5.7) hands the Sentinels none of these: redis-py then tries each that is down ten times, and waits in between.
_ASKING = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}  # seconds


class SentinelChannel(Channel, redis.SentinelChannel):
    """Ask each Sentinel once."""

    def __init__(self, *more: Any, **options: Any) -> None:
        self.sentinel_kwargs = {**_ASKING, "retry": Retry(NoBackoff(), 0)}
        super().__init__(*more, **options)


class SentinelTransport(RedisTransport, redis.SentinelTransport):
    """Open our channels; without a master it is waited for like a Redis that is down."""

    Channel = SentinelChannel
    default_port = redis.SentinelTransport.default_port
    connection_errors = (*RedisTransport.connection_errors, MasterNotFoundError)
