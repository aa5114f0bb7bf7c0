"""Ask the broker, its workers and Redis whether they answer. Every question is bounded in time."""

from contextlib import suppress
from dataclasses import dataclass, field
from errno import ECONNRESET
from typing import Any

from kombu.connection import Connection
from redis.exceptions import RedisError, ResponseError
from redis.utils import str_if_bytes

from resilience.shared_state.client import make_redis
from tasks.host.application import app

ANSWER_SECONDS = 1.0  # seconds: a broker that is slower than that is an error in itself
NEXT_ANSWER = 0.25  # seconds after which no further worker answers, once one has


@dataclass(frozen=True)
class Broker:
    """The broker's answer: messages in each queue and its workers, or why there is no answer."""

    queues: dict[str, int]
    workers: list[str] = field(default_factory=list)
    error: str | None = None


def load(url: str) -> None:
    """Load what `ask` works with, so that its thread loads nothing beside another that loads modules."""
    with suppress(Exception):  # `ask` names what is wrong with the URL
        app.amqp.Connection(url).get_transport_cls()
    app.control  # noqa: B018 - its module is loaded at its first use


def ask(url: str, names: tuple[str, ...], *, ping: float = 0) -> Broker:
    """Return the queues' lengths, and the workers if one answers within `ping` seconds, or the broker's error."""
    options = {
        **(app.conf.broker_transport_options if url.startswith("sentinel:") else {}),  # the master's name
        "socket_connect_timeout": ANSWER_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "max_retries": 0,
    }
    bounds = {"read_timeout": ANSWER_SECONDS, "write_timeout": ANSWER_SECONDS}  # RabbitMQ's
    redis = url.startswith(("redis", "sentinel"))
    try:
        with app.amqp.Connection(
            url, connect_timeout=ANSWER_SECONDS, transport_options=options if redis else bounds
        ) as connection:
            connection.ensure_connection(max_retries=0, timeout=ANSWER_SECONDS)
            queues = {name: _length(connection, name) for name in names}
        return Broker(queues, _workers(ping) if ping else [])
    except Exception as error:  # noqa: BLE001 - each transport raises errors of its own
        return Broker(dict.fromkeys(names, 0), error=_describe(error, url))


def hears(node: str, timeout: float) -> bool:
    """Return whether a worker answers within a time, in seconds. Raises what the transport of a dead broker raises."""
    with app.connection_for_write(connect_timeout=ANSWER_SECONDS) as connection:
        connection.ensure_connection(max_retries=0, timeout=ANSWER_SECONDS)
        return bool(app.control.ping([node], timeout=timeout, limit=1, connection=connection))


def _length(connection: Connection, name: str) -> int:
    try:
        with connection.channel() as channel:
            return int(channel.queue_declare(queue=name, passive=True).message_count)
    except connection.channel_errors:
        return 0  # Redis has no empty queues, and RabbitMQ none that was never declared


def _workers(ping: float) -> list[str]:
    """Ask the workers of this process's application, which sends to the same broker.

    Celery waits its whole time-out after the last answer: the long one is for a fleet that has not answered at all.
    """
    for patience in (min(NEXT_ANSWER, ping), ping):
        if names := sorted(name for answer in app.control.ping(timeout=patience) for name in answer):
            return names
    return []


def eviction_policy(url: str) -> str | None:
    """Return Redis's maxmemory-policy; None: Redis does not allow the question.

    Raises:
        RedisError: Redis does not answer.
    """
    with make_redis(url, timeout=ANSWER_SECONDS, connect_timeout=ANSWER_SECONDS) as redis:
        redis.ping()
        try:
            answer: Any = redis.config_get("maxmemory-policy")
        except ResponseError:  # a hosted Redis forbids CONFIG
            return None
    policy = answer.get("maxmemory-policy") or answer.get(b"maxmemory-policy")
    return str_if_bytes(policy) if policy else None


def redis_error(url: str) -> str | None:
    """Return why Redis does not answer; None: it answers."""
    try:
        eviction_policy(url)
    except (RedisError, TypeError, ValueError) as error:  # redis-py passes every option of a URL to its connection
        return _describe(error, url)
    return None


_SILENT, _HUNG_UP = "TimeoutError", "ConnectionError"  # kinds of trouble, named after the errors that report them
_WORDS = {
    "AuthenticationError": "the password is refused",
    _HUNG_UP: "connection reset by peer",
    "MasterNotFoundError": "no Sentinel names a master that is up",
    _SILENT: f"no answer within {ANSWER_SECONDS:g} s",
    **dict.fromkeys(("KeyError", "RedisError", "TypeError", "ValueError"), "an option of the URL is not known"),
}


def _describe(error: BaseException, url: str) -> str:
    """Describe an error, and add a question about TLS where one side seems to use it and the other not."""
    kind, message = _named(error)
    if url.startswith("rediss:") and kind in {_SILENT, _HUNG_UP}:
        return f"{message}; does it speak TLS?"
    if url.startswith("redis:") and kind == _HUNG_UP:
        return f"{message}; does it want TLS, as in rediss://?"
    return message


def _named(error: BaseException) -> tuple[str, str]:
    """Return an error's kind and its words, without its text, which may quote a URL."""
    kind = type(error).__name__
    cause: BaseException | None = error
    while cause is not None:
        name = type(cause).__name__
        kind = name if name in _WORDS else kind
        if words := getattr(cause, "verify_message", None):
            return name, f"its certificate is refused: {str(words).rstrip('.')}"
        if words := getattr(cause, "strerror", None):
            return (_HUNG_UP if getattr(cause, "errno", None) == ECONNRESET else ""), str(words).lower()
        cause = cause.__cause__ or cause.__context__
    return kind, _WORDS.get(kind, kind)
