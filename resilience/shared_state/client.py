"""A Redis client that gives up soon and never retries by itself."""

from redis import Redis
from redis.backoff import NoBackoff
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
