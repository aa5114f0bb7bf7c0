"""Kombu's AMQP transport over TLS, for a worker that knows whom it talks to.

For an amqps:// URL kombu (5.7) checks who signed the certificate and not for which host it was made, so that anybody
with a certificate for anything could stand in the broker's place. SSL_CERT_FILE names an authority of one's own.
"""

import ssl
from typing import Any

from kombu.transport import pyamqp


class AmqpsTransport(pyamqp.SSLTransport):
    """Check the certificate, and that it was made for the URL's host."""

    def __init__(self, client: Any, *more: Any, **options: Any) -> None:
        if not isinstance(client.ssl, dict):
            # kombu fills in the host's name, for each of several brokers.
            client.ssl = {"server_hostname": None, "cert_reqs": ssl.CERT_REQUIRED}
        super().__init__(client, *more, **options)  # type: ignore[no-untyped-call]  # kombu's types are in part
