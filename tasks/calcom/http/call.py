"""One HTTP call: how far it has come, what it may still do, and how it is cut off."""

import os
import socket
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from enum import StrEnum

from tasks.calcom.http.resolver import Resolver


class Phase(StrEnum):
    """Say how far a call came; before SENT, certainly no byte of the request has left (values are error types)."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    SENT = "sent"


class NotSentError(Exception):
    """Say that the call was given up right before its first byte; not an OSError, which urllib3 would swallow."""


class Call:
    """Take one call from looking its host up to the last byte of the answer.

    `ends_at` is in monotonic seconds. The connection tells what happens (`dial`, `before_send`); the watchdog calls
    `cut` from its own thread. The socket is cut through a duplicate that belongs to this call alone, so that neither a
    connection used again nor a number given to another file can be hit by a late cut.
    """

    def __init__(
        self, *, ends_at: float, connect_timeout: float, resolver: Resolver, may_send: Callable[[], bool]
    ) -> None:
        self.ends_at = ends_at
        self.phase = Phase.CONNECT
        self.expired = False
        self.refusal: Exception | None = None  # what `may_send` raised
        self._connect_timeout = connect_timeout
        self._resolver = resolver
        self._may_send = may_send
        self._lock = threading.Lock()
        self._line: socket.socket | None = None

    @property
    def sent(self) -> bool:
        """Return whether any byte of the request may have left."""
        return self.phase is Phase.SENT

    def dial(self, host: str, port: int, *, tls: bool) -> socket.socket:
        """Return a connection to `host`; look-up and connecting together take at most the connect time-out.

        Raises:
            OSError: No address, or none that answers (TimeoutError: not in time).
        """
        ends_at = min(time.monotonic() + self._connect_timeout, self.ends_at)
        self.phase = Phase.DNS
        addresses = self._resolver.resolve(host, port, max(ends_at - time.monotonic(), 0))
        self.phase = Phase.CONNECT
        failure: OSError = TimeoutError("no connection in time")
        for tried, (family, kind, protocol, _, address) in enumerate(addresses):
            left = ends_at - time.monotonic()
            if left <= 0:
                break
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(left / (len(addresses) - tried))  # a dead IPv6 route must not use up IPv4's time
                sock.connect(address)
                sock.settimeout(max(ends_at - time.monotonic(), 0.001))  # for the TLS handshake
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._attach(sock)
            except OSError as error:
                sock.close()
                failure = error
            else:
                self.phase = Phase.TLS if tls else Phase.CONNECT
                return sock
        raise failure

    def before_send(self, sock: socket.socket) -> None:
        """Ask whether the request may still be sent; called before every piece, and asks before the first.

        Raises:
            NotSentError: It may not, or the time is over.
        """
        if self.sent:
            return
        self._attach(sock)
        try:
            allowed = self._may_send()
        except Exception as error:
            self.refusal = error
            raise NotSentError from error
        if not allowed or self.expired:
            raise NotSentError
        self.phase = Phase.SENT

    def cut(self) -> None:
        """End the call, from another thread: whoever reads or writes its socket wakes up at once."""
        with self._lock:
            self.expired = True
            if self._line is not None:
                _shut(self._line)

    def finish(self) -> None:
        """Let go of the socket: a cut that comes later hits nothing."""
        with self._lock:
            if self._line is not None:
                self._line.close()
                self._line = None

    def _attach(self, sock: socket.socket) -> None:
        with self._lock:
            if self._line is None:
                self._line = socket.socket(fileno=os.dup(sock.fileno()))
            if self.expired:
                raise TimeoutError("the deadline has passed")


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:  # the other side was faster
        return


CALL: ContextVar[Call] = ContextVar("calcom_call")
