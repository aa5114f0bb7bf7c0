"""Connections to our broker: they have our transports, while kombu's table stays as a host application knows it."""

from ssl import CERT_NONE, CERT_REQUIRED
from types import MappingProxyType
from typing import Any

from celery.app import amqp
from kombu import connection, pools
from kombu.utils.collections import HashedSeq
from kombu.utils.imports import symbol_by_name

OURS = MappingProxyType(
    {
        "redis": "worker.transports.redis:RedisTransport",
        "rediss": "worker.transports.redis:RedisTransport",
        "sentinel": "worker.transports.sentinel:SentinelTransport",
        "amqps": "worker.transports.amqps:AmqpsTransport",
    }
)
_MARK = "booking-worker"
_NOTHING_SAID = {"ssl_cert_reqs": CERT_NONE}  # who means it adds ssl_check_hostname=false


class Connection(connection.Connection):
    """Connect as kombu does, by our transports; a rediss:// URL checks the certificate unless it says not to."""

    def _init_params(self, *, transport: str | None, ssl: Any, **given: Any) -> None:  # type: ignore[override]  # kombu gives names, always
        if transport == "rediss" and (not ssl or ssl == _NOTHING_SAID):
            ssl = {"ssl_cert_reqs": CERT_REQUIRED}  # kombu (5.7) checks none where nothing is said, and warns of it
        super()._init_params(transport=transport, ssl=ssl, **given)  # type: ignore[no-untyped-call]  # kombu's types are in part

    def get_transport_cls(self) -> Any:
        """Return our transport of this URL's scheme, or kombu's where we have none."""
        ours = OURS.get(self.transport_cls)
        return symbol_by_name(ours) if ours else super().get_transport_cls()  # type: ignore[no-untyped-call]  # the same

    def __eqhash__(self) -> HashedSeq:
        """Tell it from a host's connection to the same broker: kombu's pools are the whole process's."""
        return HashedSeq(_MARK, *super().__eqhash__())  # type: ignore[no-untyped-call]  # the same


class AMQP(amqp.AMQP):  # type: ignore[misc]  # Celery ships no types
    """Celery's `app.amqp`, with our connections."""

    Connection = BrokerConnection = Connection


def close_pools() -> None:
    """Close what our connections keep in kombu's pools; a host's own stay open."""
    for group in (pools.producers, pools.connections):
        for key in [key for key in group if key[0] == _MARK]:
            group.pop(key).force_close_all()
