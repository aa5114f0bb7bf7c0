"""Exchange one request for one answer: each thread over a connection of its own, bounded in time and size."""

import os
import ssl
import threading
import time
from collections.abc import Callable
from urllib.parse import urlencode

from urllib3.connectionpool import HTTPConnectionPool
from urllib3.response import BaseHTTPResponse
from urllib3.util import Timeout, Url, parse_url

from tasks.calcom.http.answer import Answer, NoAnswer, Request
from tasks.calcom.http.call import CALL, WATCHDOG, Call, NotSentError
from tasks.calcom.http.no_answer import NETWORK_ERRORS, no_answer
from tasks.calcom.http.resolver import Resolver
from tasks.calcom.http.transport import make_pool
from tasks.calcom.reply import ErrorType

MAX_BODY = 1024 * 1024  # bytes, decoded
_CHUNK = 64 * 1024


class Exchange:
    """Send requests to one server, each at most once; times are in seconds, those of CalcomClient.

    Safe to share between threads, and after a fork.
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
        self._tls = tls
        self._threads = threading.local()

    def send(self, request: Request, *, may_send: Callable[[], bool], deadline: float) -> Answer | NoAnswer:
        """Return the answer, or why there is none; what `may_send` raises is raised here, with nothing sent."""
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
                body, whole = _read(response)
        except NotSentError as given_up:
            if given_up.__cause__ is not None:
                raise given_up.__cause__ from None
            kind = ErrorType.TIMEOUT if call.expired else ErrorType.LEASE_LOST
            return NoAnswer(sent=False, error_type=kind, message="not sent", elapsed=time.monotonic() - began_at)
        except Exception as error:
            if not (call.sent or isinstance(error, NETWORK_ERRORS)):
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
        self._pool().close()
        self._threads.pid = None

    def _open(self, request: Request) -> BaseHTTPResponse:
        """Send, and return the answer with its body still to be read; nothing is tried again or followed."""
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
        if getattr(self._threads, "pid", None) != os.getpid():  # first use, or a child: a socket has one owner
            self._threads.pool = make_pool(self._url, self._tls)
            self._threads.pid = os.getpid()
        pool: HTTPConnectionPool = self._threads.pool
        return pool


def _read(response: BaseHTTPResponse) -> tuple[bytes, bool]:
    """Return the decoded body, at most MAX_BODY bytes of it, and whether that is all."""
    body = bytearray()
    try:
        while piece := response.read(_CHUNK, decode_content=True):
            body += piece
            if len(body) > MAX_BODY:
                break
        else:
            return bytes(body), True
    except NETWORK_ERRORS:  # cut in the middle, or garbled gzip
        pass
    response.close()  # not to be used again: bytes of this answer may still be under way
    response.release_conn()
    return bytes(body[:MAX_BODY]), False
