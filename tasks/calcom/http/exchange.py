"""Send one request and read its answer, bounded in time and size; each thread has a connection of its own.

urllib3 has no bound for name resolution plus connecting, no bound for an answer's headers, and no check before the
first byte: the connection classes here add all three.
"""

import http.client
import logging
import os
import socket
import ssl
import threading
import time
from collections import OrderedDict
from functools import cache
from typing import Any, BinaryIO, cast
from urllib.parse import urlencode

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse, HTTPResponse
from urllib3.util import Timeout, Url, parse_url

from tasks.calcom.http.answer import Answer, MaySend, NoAnswer, Request
from tasks.calcom.http.call import CALL, WATCHDOG, Call, NotSentError
from tasks.calcom.http.no_answer import no_answer
from tasks.calcom.http.resolver import Resolver
from tasks.calcom.reply import ErrorType

MAX_IDLE = 3.0  # seconds; Node closes an idle connection after 5, and a POST on a closing one has an unknown outcome
MAX_HEADER_BYTES = 64 * 1024  # of an answer and the 1xx before it; http.client bounds only lines and their number
SERVERS = 4  # that a thread keeps a connection to: those that it has called last
_CHUNK = 64 * 1024
_THREAD = threading.local()
_NETWORK_ERRORS = (OSError, http.client.HTTPException, HTTPError)


class Exchange:
    """Send requests to one server, each at most once; times are in seconds, as in CalcomClient.

    An exchange is safe to share between threads, and after a fork.
    """

    def __init__(
        self,
        base_url: str,
        *,
        connect_timeout: float,
        read_timeout: float,
        resolver: Resolver,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._url: Url = parse_url(base_url)
        self._connect_timeout = connect_timeout
        self._timeout = Timeout(connect=connect_timeout, read=read_timeout)
        self._resolver = resolver
        self._tls = tls or (_make_context() if self._url.scheme == "https" else None)

    def send(self, request: Request, *, may_send: MaySend, deadline: float) -> Answer | NoAnswer:
        """Return the answer, or why there is none; exceptions of `may_send` are raised with nothing sent."""
        began_at = time.monotonic()
        call = Call(
            ends_at=began_at + deadline,
            connect_timeout=self._connect_timeout,
            resolver=self._resolver,
            may_send=may_send,
        )
        current = CALL.set(call)
        try:
            with WATCHDOG.watch(call.ends_at, call.cut):
                response = self._open(request)
                body, whole = _read(response, request.max_body)
        except NotSentError as given_up:
            if given_up.__cause__ is not None:
                raise given_up.__cause__ from None
            kind = ErrorType.TIMEOUT if call.expired else ErrorType.LEASE_LOST
            return NoAnswer(sent=False, error_type=kind, message="not sent", elapsed=time.monotonic() - began_at)
        except Exception as error:
            if not (call.sent or isinstance(error, _NETWORK_ERRORS)):
                raise
            return no_answer(call, error, time.monotonic() - began_at)
        finally:
            CALL.reset(current)
            call.finish()
        return Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body,
            elapsed=time.monotonic() - began_at,
            truncated=call.expired or not whole,
        )

    def close(self) -> None:
        """Close this thread's connection."""
        if (pool := _open_pools().pop(self, None)) is not None:
            pool.close()

    def _open(self, request: Request) -> BaseHTTPResponse:
        """Send the request, and return the answer with its body unread; no retry, no redirect."""
        query = f"?{urlencode(request.params)}" if request.params else ""
        return self._pool().urlopen(
            request.method,
            f"{self._url.path or ''}{request.path}{query}",
            body=request.body,
            headers=request.headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=self._timeout,
            preload_content=False,
        )

    def _pool(self) -> HTTPConnectionPool:
        pools = _open_pools()
        if (pool := pools.get(self)) is None:
            pool = pools[self] = self._make_pool()
            if len(pools) > SERVERS:
                pools.popitem(last=False)[1].close()
        pools.move_to_end(self)
        return pool

    def _make_pool(self) -> HTTPConnectionPool:
        """Return a pool with one connection for this thread, without settings from the environment."""
        host, port = self._url.host or "", self._url.port
        if self._tls is None:
            return _ConnectionPool(host, port, maxsize=1)
        return _TLSConnectionPool(host, port, maxsize=1, ssl_context=self._tls, cert_reqs="CERT_REQUIRED")


def _open_pools() -> "OrderedDict[Exchange, HTTPConnectionPool]":
    """Return this thread's pools, by the time of their last use; after a fork none, for sockets do not survive it."""
    if getattr(_THREAD, "pid", None) != os.getpid():
        _THREAD.pools, _THREAD.pid = OrderedDict(), os.getpid()
    pools: OrderedDict[Exchange, HTTPConnectionPool] = _THREAD.pools
    return pools


@cache
def _make_context() -> ssl.SSLContext:
    """Return this process's TLS context: it trusts the authorities of the system and of certifi, and checks names."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _read(response: BaseHTTPResponse, most: int) -> tuple[bytes, bool]:
    """Return at most `most` bytes of the decoded body, and whether that is all of it."""
    body = bytearray()
    try:
        while piece := response.read(_CHUNK, decode_content=True):
            body += piece
            if len(body) > most:
                break
        else:
            return bytes(body), True
    except _NETWORK_ERRORS:  # the answer was cut in the middle, or its gzip is broken
        pass
    response.close()  # never use the connection again: more bytes of this answer may arrive
    response.release_conn()
    return bytes(body[:most]), False


class _HeaderReader:
    """Read headers from a connection's file, with a bound; a cut line is an error, and not the headers' end."""

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
        """Read status and headers; http.client alone would not notice a connection that ends within the headers."""
        file = self.fp
        self.fp = cast("Any", _HeaderReader(file))  # begin() only reads lines
        try:
            super().begin()
        finally:
            self.fp = file


class _BoundedConnection(HTTPConnection):
    """A connection that is controlled by the present call, and is not used after MAX_IDLE seconds without a call."""

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


def _is_not_ours(_: logging.LogRecord) -> bool:
    return CALL.get(None) is None


# urllib3 logs whole URLs, and the URL of a lookup has an e-mail address: its log lines are dropped during our calls.
for _name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_is_not_ours)
