"""urllib3 with what it lacks: bounds on look-up, connecting and headers, and a last word before the first byte."""

import http.client
import logging
import socket
import ssl
import time
from typing import Any, BinaryIO, cast

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse
from urllib3.util import Url

from tasks.calcom.http.call import CALL

MAX_IDLE = 3.0  # seconds; Node closes an idle connection after 5, and a POST on a closing one has an unknown outcome
MAX_HEADER_BYTES = 64 * 1024  # of one answer, 1xx included; http.client bounds only each line, and their number


class _HeaderReader:
    """Stand before a connection's file while headers are read: bounded, and a cut line is an error, not the end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MAX_HEADER_BYTES

    def readline(self, limit: int = -1) -> bytes:
        line = self._file.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise http.client.HTTPException("the headers are too long")
        if not line.endswith(b"\n") and (line or self._left < MAX_HEADER_BYTES) and len(line) != limit:
            raise http.client.IncompleteRead(line)
        return line

    def close(self) -> None:
        self._file.close()


class _Response(http.client.HTTPResponse):
    def begin(self) -> None:
        """Read status and headers; http.client takes a connection that ends within them for the end of them."""
        file = self.fp
        self.fp = cast("Any", _HeaderReader(file))  # begin() only reads lines
        try:
            super().begin()
        finally:
            self.fp = file


class _BoundedConnection(HTTPConnection):
    """A connection that tells the call under way what happens to it, and does not linger."""

    response_class = _Response
    tls = False
    _used_at = 0.0

    def _new_conn(self) -> socket.socket:
        self._used_at = time.monotonic()
        return CALL.get().dial(self._dns_host, self.port, tls=self.tls)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        CALL.get().before_send(self.sock)
        super().send(data)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3's own departure from http.client
        response = super().getresponse()
        self._used_at = time.monotonic()
        return response

    @property
    def is_connected(self) -> bool:
        return time.monotonic() < self._used_at + MAX_IDLE and super().is_connected


class _BoundedTLSConnection(_BoundedConnection, HTTPSConnection):
    tls = True


class _ConnectionPool(HTTPConnectionPool):
    ConnectionCls = _BoundedConnection


class _TLSConnectionPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTLSConnection


def make_pool(url: Url, context: ssl.SSLContext | None) -> HTTPConnectionPool:
    """Return what keeps the connection of one thread to `url`; nothing of it is read from the environment."""
    if context is None:
        return _ConnectionPool(url.host or "", url.port, maxsize=1)
    return _TLSConnectionPool(url.host or "", url.port, maxsize=1, ssl_context=context, cert_reqs="CERT_REQUIRED")


def make_context() -> ssl.SSLContext:
    """Return a TLS context that trusts the system's authorities and certifi's, and checks names."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _is_not_ours(_: logging.LogRecord) -> bool:
    return CALL.get(None) is None


# urllib3 logs whole URLs, and those of a lookup carry an e-mail address: during our calls it is silent.
for _name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_is_not_ours)
