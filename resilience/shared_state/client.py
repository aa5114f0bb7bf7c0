"""Build a Redis client with short time-outs and without retries."""

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from resilience.shared_state.cluster import ClusterClient, is_cluster
from resilience.shared_state.scripts import Client
from resilience.shared_state.sentinel import make_master_client
from resilience.shared_state.sentinel_address import SCHEME as SENTINEL


def make_redis(url: str, *, timeout: float = 0.08, connect_timeout: float = 0.05) -> Client:
    """Build the client that the breaker uses; times are in seconds.

    redis-py's defaults retry each command up to ten times with growing pauses: with a dead server one GET took 58 s.
    Here a command takes at most `connect_timeout` + `timeout`, and the caller decides what happens then. A new
    connection sends only what the URL requires, because a frozen server would cost a time-out for each exchange.
    A guarded call has two exchanges: with a frozen server both time-outs together must stay below 0.2 s.
    Finding a master by its Sentinels, or a cluster's nodes, takes the same time once more.
    These times do not bound name resolution; use a host whose name resolves at once.
    """
    common: dict[str, Any] = {
        "health_check_interval": 0,
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    if is_cluster(url):
        return ClusterClient(url, timeout, connect_timeout, common)
    common["retry"] = Retry(NoBackoff(), 0)
    if url.startswith(f"{SENTINEL}:"):
        return make_master_client(url, timeout, connect_timeout, common)
    bounds: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": connect_timeout}
    return Redis.from_url(url, retry_on_timeout=False, **bounds, **common)
