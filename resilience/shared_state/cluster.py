"""Redis Cluster: all keys of a breaker share a hash tag, so its scripts run on one node."""

import threading
from typing import Any
from urllib.parse import urlsplit

from redis._parsers import Encoder
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import parse_url
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException
from redis.retry import Retry

SCHEMES = ("redis+cluster", "rediss+cluster")  # rediss: over TLS
PORT = 6379


def is_cluster(url: str) -> bool:
    """Return whether a URL names a cluster's nodes: `redis+cluster://HOST:6379;redis+cluster://HOST2:6379`."""
    return url.partition(":")[0] in SCHEMES


class ClusterClient(RedisCluster):
    """A client of a cluster; its first command finds the nodes, because a worker may start before its Redis.

    If no node answers, a command tries each node once and fails.

    Raises:
        ValueError: the URL names no cluster; the message says why, without the value.
    """

    def __init__(self, url: str, timeout: float, connect_timeout: float, common: dict[str, Any]) -> None:
        plain, _, query = url.partition("?")
        parts = [urlsplit(part) for part in plain.split(";") if part]
        if any(part.scheme != parts[0].scheme or not part.hostname for part in parts):
            raise ValueError(f"names no host: write {SCHEMES[0]}://HOST:6379;{SCHEMES[0]}://HOST2:6379")
        first = parts[0]._replace(scheme=parts[0].scheme.partition("+")[0], query=query)
        given = parse_url(first.geturl())  # type: ignore[no-untyped-call]  # redis-py is only partly typed
        options = {name: given[name] for name in given.keys() - {"host", "port", "db", "connection_class"}}
        bounds = {"socket_timeout": timeout, "socket_connect_timeout": connect_timeout}
        self._options = {**common, **options, **bounds, "ssl": first.scheme == "rediss"}
        self._hosts = [(part.hostname, part.port or PORT) for part in parts]
        self._beginning = threading.RLock()  # redis-py sends commands while it is built
        self._begun = False

    def execute_command(self, *words: Any, **options: Any) -> Any:
        """Send a command to the node that has its keys.

        Raises:
            RedisError, OSError: as our other clients raise them.
        """
        try:
            self._begin()
            return super().execute_command(*words, **options)  # type: ignore[no-untyped-call]  # the same
        except RedisClusterException as error:  # its class is no RedisError
            raise RedisConnectionError(str(error)) from error

    def get_encoder(self) -> Encoder:
        """Return the encoder of a script's text, for its hash."""
        return Encoder("utf-8", "strict", decode_responses=False)  # type: ignore[no-untyped-call]  # the same

    def close(self) -> None:
        """Close every connection; the next command opens them again."""
        if self._begun:
            super().close()

    def _begin(self) -> None:
        with self._beginning:
            if self._begun:
                return
            self._begun = True
            try:
                nodes = [ClusterNode(*host) for host in self._hosts]  # type: ignore[no-untyped-call]  # the same
                super().__init__(startup_nodes=nodes, retry=Retry(NoBackoff(), 0), **self._options)
            except BaseException:
                self._begun = False
                raise
