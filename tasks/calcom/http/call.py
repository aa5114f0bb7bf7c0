"""One HTTP call: its progress, the check before its first byte, and its end at the deadline.

urllib3 has no time-out for a whole call: a server that sends one byte every few seconds never meets a read time-out.
"""

import heapq
import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field

from tasks.calcom.http.answer import MaySend
from tasks.calcom.http.resolver import Resolver
from tasks.calcom.reply import ErrorType


class NotSentError(Exception):
    """Report that the call was ended right before its first byte; its cause is the exception of `may_send`, if any.

    This class is no OSError, because urllib3 would catch that.
    """


class Call:
    """Control one call, from the resolution of the host's name to the last byte of the answer.

    `ends_at` is in monotonic seconds. `sent`: a byte of the request may have left; `phase` is the error type if the
    call ends before that. The connection calls `dial` and `before_send`; the watchdog calls `cut` from its own thread.
    `cut` uses a duplicate of the socket that belongs to this call alone: so a late `cut` can hit neither a connection
    that is used again, nor another file with the same number.
    """

    def __init__(self, *, ends_at: float, connect_timeout: float, resolver: Resolver, may_send: MaySend) -> None:
        self.ends_at = ends_at
        self.phase = ErrorType.CONNECT
        self.sent = False
        self.expired = False
        self._connect_timeout = connect_timeout
        self._resolver = resolver
        self._may_send = may_send
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def dial(self, host: str, port: int, *, tls: bool) -> socket.socket:
        """Return a connection to `host`; resolving its name plus connecting take at most the connect time-out.

        Raises:
            OSError: `host` has no address, or no address answers (TimeoutError: not in time).
        """
        ends_at = min(time.monotonic() + self._connect_timeout, self.ends_at)
        self.phase = ErrorType.DNS
        addresses = self._resolver.resolve(host, port, max(ends_at - time.monotonic(), 0))
        self.phase = ErrorType.CONNECT
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
                self.phase = ErrorType.TLS if tls else ErrorType.CONNECT
                return sock
        raise failure

    def before_send(self, sock: socket.socket) -> None:
        """Call `may_send` before the first piece of the request; the connection calls this before every piece.

        Raises:
            NotSentError: The request must not be sent, or the deadline has passed.
        """
        if self.sent:
            return
        self._attach(sock)
        try:
            allowed = self._may_send()
        except Exception as error:
            raise NotSentError from error
        if not allowed or self.expired:
            raise NotSentError
        sock.settimeout(None)  # the deadline bounds sending; the rest of the connect time-out does not
        self.sent = True

    def cut(self) -> None:
        """End the call from another thread: a read or write of its socket ends at once."""
        with self._lock:
            self.expired = True
            if self._socket is not None:
                with suppress(OSError):  # the server has closed it already
                    self._socket.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        """Close the duplicate of the socket, so that a later cut does nothing."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def _attach(self, sock: socket.socket) -> None:
        with self._lock:
            if self._socket is None:
                self._socket = socket.socket(fileno=os.dup(sock.fileno()))
            if self.expired:
                raise TimeoutError("the deadline has passed")


@dataclass(order=True, slots=True)
class _Watch:
    ends_at: float
    number: int
    cut: Callable[[], None] | None = field(compare=False)  # None: the call has ended


class Watchdog:
    """Call `cut` of each watched block that still runs at its deadline, from one thread that starts at first use.

    A block that has ended stays in the heap as an empty entry until its deadline. A watchdog does not survive a fork;
    see `forget`.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Reset the watchdog in a child process: the parent's thread is not here, and its lock may never be free."""
        self._changed = threading.Condition()
        self._watches: list[_Watch] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watch(self, ends_at: float, cut: Callable[[], None]) -> Iterator[None]:
        """Run the block; if it still runs at `ends_at` (monotonic seconds), call `cut` from the watchdog's thread.

        `cut` must not block or raise, and may be called just after the block has ended.
        """
        watch = _Watch(ends_at, next(self._numbers), cut)
        with self._changed:
            heapq.heappush(self._watches, watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="calcom-watchdog", daemon=True)
                self._thread.start()
            elif self._watches[0] is watch:
                self._changed.notify()
        try:
            yield
        finally:
            watch.cut = None

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (due := self._take_due()):
                    self._changed.wait(self._watches[0].ends_at - time.monotonic() if self._watches else None)
            for cut in due:
                cut()

    def _take_due(self) -> list[Callable[[], None]]:
        due = []
        now = time.monotonic()
        while self._watches and (self._watches[0].cut is None or self._watches[0].ends_at <= now):
            if (cut := heapq.heappop(self._watches).cut) is not None:
                due.append(cut)
        return due


CALL: ContextVar[Call] = ContextVar("calcom_call")
WATCHDOG = Watchdog()
os.register_at_fork(after_in_child=WATCHDOG.forget)
