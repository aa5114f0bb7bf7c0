"""How one setting's text is read: lists, URLs and secrets, each with the message a person needs.

A message never repeats the value: it may be a password.
"""

import ipaddress
import re
from typing import Annotated
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from resilience.retry_policy import TransientErrors
from resilience.shared_state.sentinel_address import SentinelAddress

NO_CLUSTER = (
    "a Redis Cluster cannot be Celery's broker, for it needs several keys at once that no cluster keeps together:"
    " set CELERY_BROKER_URL to RabbitMQ or to a Redis of its own"
)
_SENTINEL = "sentinel:"
PAGE = "/resilience"


def _commas(value: object) -> object:
    return [part for part in re.split(r"[\s,]+", value) if part] if isinstance(value, str) else value


def _blanks(value: object) -> object:
    return value.split() if isinstance(value, str) else value


def _url(value: str, schemes: tuple[str, ...]) -> str:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise ValueError("is not a URL: check the host and the port") from None
    if parts.scheme not in schemes:
        raise ValueError(f"must begin with {', '.join(f'{scheme}://' for scheme in schemes)}")
    if not parts.netloc and parts.scheme not in {"unix", "redis+socket"}:
        raise ValueError(f"names no host: write {parts.scheme}://HOST/...")
    return value


def _postgres_url(value: str) -> str:
    from db.engine import make_engine  # noqa: PLC0415 - without such a URL no process waits for it

    value = _url(value, ("postgresql", "postgres", "postgresql+psycopg"))
    make_engine(value)  # it says what it cannot read, and connects to nothing
    return value


def _redis_url(value: str) -> str:
    _urls(value, ("redis", "rediss", "unix", "sentinel", "redis+cluster", "rediss+cluster"))
    if value.startswith(_SENTINEL):
        return _sentinel_url(value)
    nodes, _, options = value.partition("?")
    if not options:
        return value
    from redis import ConnectionPool, RedisError  # noqa: PLC0415 - without options no process waits for it

    one = f"{nodes.partition(';')[0].replace('+cluster', '', 1)}?{options}" if _is_cluster(value) else value
    try:  # redis-py reads a URL's options when it first connects: in the middle of a booking
        ConnectionPool.from_url(one, driver_info=None).make_connection()
    except (RedisError, TypeError, ValueError):
        raise ValueError("has an option after its ? that is not known, or not with that value") from None
    return value


def _broker_url(value: str) -> str:
    if _is_cluster(value):
        raise ValueError(NO_CLUSTER)
    _urls(value, ("redis", "rediss", "sentinel", "redis+socket", "amqp", "amqps", "pyamqp"))
    return _sentinel_url(value) if value.startswith(_SENTINEL) else value


def _urls(value: str, schemes: tuple[str, ...]) -> None:
    """Check one URL or, of what has several servers, one after each `;`."""
    several = value.startswith(_SENTINEL) or _is_cluster(value)
    for one in value.split(";") if several else (value,):
        _url(one, schemes)


def _is_cluster(value: str) -> bool:
    return value.partition(":")[0].endswith("+cluster")


def _sentinel_url(value: str) -> str:
    """Return the URL with everything in it that a client needs."""
    return SentinelAddress.parse(value).url


def _base_url(value: str) -> str:
    value = _url(value, ("https", "http")).rstrip("/")
    parts = urlsplit(value)
    if parts.username or parts.password:
        raise ValueError("must not carry a user or a password: the key belongs into CALCOM_API_KEY")
    if parts.query or parts.fragment:
        raise ValueError("must not carry a ? or a #")
    if re.search(r"/v\d+$", parts.path):
        raise ValueError("must end before /v2: every call adds it")
    return value


def _api_key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("has blanks, line breaks or letters that no key has: copy it again from Cal.com")
    return value


def _page_token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9_-]{22,}", value.get_secret_value(), re.ASCII):
        raise ValueError("must be 22 random letters, digits, - or _, or more: openssl rand -hex 16")
    return value


def _fernet_keys(values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for value in values:
        text = value.get_secret_value()
        if not re.fullmatch(r"[A-Za-z0-9_-]{43}=", text, re.ASCII):
            raise ValueError("must be keys of 44 characters, as Fernet's generate_key makes them (docs/security.md)")
    return values


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError("is no address or network, as 10.0.0.7 or 10.0.0.0/24") from None


def _own_network(value: str) -> str:
    network = ipaddress.ip_network(_network(value))
    if network.is_loopback or network.is_link_local or network.is_multicast or network.prefixlen == 0:
        raise ValueError("must be networks of yours: not loopback, link-local, multicast, or all addresses")
    return str(network)


def _signing_secrets(values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if len(values) > 2 or any(len(value.get_secret_value()) < 32 for value in values):
        raise ValueError("must be one secret, or two during a change, of 32 random characters or more")
    return values


def _listen_address(value: str) -> str:
    try:
        parts = urlsplit(f"//{value}")
        is_address = bool(parts.hostname and parts.port) and parts.netloc == value and "@" not in value
    except ValueError:
        is_address = False
    if not is_address:
        raise ValueError("must be HOST:PORT, such as 127.0.0.1:9464 or [::1]:9464")
    return value


def _page_url(value: str) -> str:
    value = value.rstrip("/")
    if not value.startswith("/"):
        _url(value, ("https", "http"))
    if not value.endswith(PAGE) or re.search(r"[?#\s]", value):
        raise ValueError(f"must end with {PAGE}: it is the address of the page itself")
    return value


def place_of(url: str, schema: str | None = None) -> str:
    """Return a database's place, which is no secret: its host (with the port, unless it is 5432), name and schema."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", ["localhost"])[0]
    name = parts.path.strip("/") or "postgres"
    return unquote(f"{host.removesuffix(':5432')}/{name}{f'.{schema}' if schema else ''}")


def _transient_errors(value: object) -> object:
    return TransientErrors.parse(value) if isinstance(value, str) else value


def _delays(value: tuple[float, ...]) -> tuple[float, ...]:
    if not value:
        raise ValueError("is empty: write the seconds before each retry, such as 1,2,4")
    if any(delay < 0 or delay > 3600 for delay in value):
        raise ValueError("must be seconds from 0 to 3600, such as 1,2,4")
    return value


PostgresUrl = Annotated[str, AfterValidator(_postgres_url)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
BrokerUrl = Annotated[str, AfterValidator(_broker_url)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
ApiKey = Annotated[SecretStr, AfterValidator(_api_key)]
ListenAddress = Annotated[str, AfterValidator(_listen_address)]
PageToken = Annotated[SecretStr, AfterValidator(_page_token)]
PageUrl = Annotated[str, AfterValidator(_page_url)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_commas)]
Delays = Annotated[tuple[float, ...], BeforeValidator(_commas), AfterValidator(_delays)]
Transient = Annotated[TransientErrors, BeforeValidator(_transient_errors)]
SecretList = Annotated[tuple[SecretStr, ...], BeforeValidator(_blanks)]
EncryptionKeys = Annotated[tuple[SecretStr, ...], BeforeValidator(_blanks), AfterValidator(_fernet_keys)]
OwnNetworks = Annotated[tuple[Annotated[str, AfterValidator(_own_network)], ...], BeforeValidator(_commas)]
SigningSecrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_blanks), AfterValidator(_signing_secrets)]
