"""TLS before a server that has none: Valkey and PostgreSQL from the wheels are built without it."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

TLS = Path(__file__).parents[1] / "fixtures" / "tls"
OURS = TLS / "localhost.pem"  # for localhost and 127.0.0.1, signed by itself
STRANGER = TLS / "stranger.pem"  # for elsewhere.example.com, signed by itself
SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])  # what libpq asks first; `S` is yes (PostgreSQL's protocol, 54.7)


class TlsProxy:
    """End TLS on a port of its own and pass everything on, for as long as the test lasts."""

    def __init__(self, target: str, certificate: Path) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname, parts.port)
        self._is_postgres = parts.scheme == "postgresql"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.secured = 0  # connections whose handshake came to an end
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def url(self, target: str, scheme: str, query: str = "") -> str:
        """Return the URL of the target by way of this proxy."""
        parts = urlsplit(target)
        netloc = f"{parts.netloc.rpartition(':')[0]}:{self.port}"
        return parts._replace(scheme=scheme, netloc=netloc, query=query).geturl()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()  # or it would wait on, for the next server with its descriptor
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError), line:
            if self._is_postgres:
                if line.recv(8, socket.MSG_WAITALL) != SSL_REQUEST:
                    return  # as `hostssl` would: no plain connection
                line.sendall(b"S")
            with (
                self._context.wrap_socket(line, server_side=True) as near,
                socket.create_connection(self._target) as far,
            ):
                self.secured += 1
                back = threading.Thread(target=_pass_on, args=(far, near), daemon=True)
                back.start()
                _pass_on(near, far)
                back.join()


def _pass_on(source: socket.socket, to: socket.socket) -> None:
    """Pass bytes on until either side has gone, and then wake the other direction."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            to.sendall(piece)
    for end in (source, to):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def tls_before(target: str, certificate: Path = OURS) -> Iterator[TlsProxy]:
    """Run a proxy before the server of this URL."""
    proxy = TlsProxy(target, certificate)
    try:
        yield proxy
    finally:
        proxy.close()
