"""Resolve host names with a time-out: getaddrinfo has none, and hangs for a long time if the name server is dead."""

import ipaddress
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

Address = tuple[Any, ...]  # of getaddrinfo: family, type, protocol, canonical name, socket address
Lookup = Callable[[str, int], Sequence[Address]]


def look_up(host: str, port: int) -> Sequence[Address]:
    """Ask the system's resolver, which may hang."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class ResolverFullError(OSError):
    """Report that no thread is free to look a name up: other names' look-ups hang."""


@dataclass(slots=True)
class _Flight:
    """The resolution of a name, under way, shared by all calls for that name."""

    begun_at: float
    addresses: "Future[Sequence[Address]]" = field(default_factory=Future)


class Resolver:
    """Run `lookup` in at most `max_threads` daemon threads, and wait for it with a time-out.

    `one_each`: a name whose look-up hangs is not looked up a second time meanwhile, so that it has one thread at most.
    A resolver does not survive a fork; see `forget`.
    """

    def __init__(self, lookup: Lookup = look_up, *, max_threads: int = 8, one_each: bool = False) -> None:
        self._lookup = lookup
        self._max_threads = max_threads
        self._one_each = one_each
        self.forget()

    def forget(self) -> None:
        """Reset the resolver in a child process: the threads of its parent do not exist here."""
        self._lock = threading.Lock()
        self._flights: dict[tuple[str, int], _Flight] = {}
        self._threads = 0

    def resolve(self, host: str, port: int, timeout: float) -> Sequence[Address]:
        """Return the addresses of `host`; an IP address costs no thread.

        Raises:
            TimeoutError: No answer within `timeout` seconds.
            ResolverFullError: Too many look-ups hang already.
            OSError: The name is not found (socket.gaierror).
        """
        with suppress(ValueError):
            ipaddress.ip_address(host)
            return look_up(host, port)
        return self._join(host, port, timeout).result(timeout)

    def _join(self, host: str, port: int, patience: float) -> "Future[Sequence[Address]]":
        """Return the resolution under way, else a new one; unless `one_each`, also one beside it after `patience`."""
        now = time.monotonic()
        with self._lock:
            flight = self._flights.get((host, port))
            room = self._threads < self._max_threads
            if flight is not None and (self._one_each or now < flight.begun_at + patience or not room):
                return flight.addresses
            if not room:
                raise ResolverFullError(f"{self._threads} look-ups hang already")
            flight = self._flights[host, port] = _Flight(now)
            self._threads += 1
        threading.Thread(target=self._fly, args=(host, port, flight), name="calcom-dns", daemon=True).start()
        return flight.addresses

    def _fly(self, host: str, port: int, flight: _Flight) -> None:
        try:
            flight.addresses.set_result(self._lookup(host, port))
        except Exception as error:  # noqa: BLE001 - raised in the waiting threads
            flight.addresses.set_exception(error)
        finally:
            with self._lock:
                self._threads -= 1
                if self._flights.get((host, port)) is flight:
                    del self._flights[host, port]


RESOLVER = Resolver()
os.register_at_fork(after_in_child=RESOLVER.forget)
