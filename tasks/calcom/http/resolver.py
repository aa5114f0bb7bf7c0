"""Look host names up within a time: getaddrinfo has no time-out, and a dead name server makes it hang for long."""

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

Address = tuple[Any, ...]  # as getaddrinfo gives it: family, type, protocol, canonical name, socket address
Lookup = Callable[[str, int], Sequence[Address]]


def look_up(host: str, port: int) -> Sequence[Address]:
    """Ask the system's resolver; it may hang."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


@dataclass(slots=True)
class _Flight:
    """A look-up under way, shared by all who ask for the same name."""

    begun_at: float
    addresses: "Future[Sequence[Address]]" = field(default_factory=Future)


class Resolver:
    """Run `lookup` in daemon threads, at most `max_threads` of them however many hang, and wait with a bound.

    Does not survive a fork; see `forget`.
    """

    def __init__(self, lookup: Lookup = look_up, *, max_threads: int = 8) -> None:
        self._lookup = lookup
        self._max_threads = max_threads
        self.forget()

    def forget(self) -> None:
        """Start anew, in a child: the threads of its parent's look-ups do not exist here."""
        self._lock = threading.Lock()
        self._flights: dict[tuple[str, int], _Flight] = {}
        self._threads = 0

    def resolve(self, host: str, port: int, timeout: float) -> Sequence[Address]:
        """Return the addresses of `host`; an IP address costs no thread.

        Raises:
            TimeoutError: No answer within `timeout` seconds.
            OSError: The name cannot be looked up (socket.gaierror), or too many look-ups hang already.
        """
        with suppress(ValueError):
            ipaddress.ip_address(host)
            return look_up(host, port)
        return self._join(host, port, timeout).result(timeout)

    def _join(self, host: str, port: int, patience: float) -> "Future[Sequence[Address]]":
        """Return the look-up under way, or a new one when there is none, or when others have given that one up."""
        now = time.monotonic()
        with self._lock:
            flight = self._flights.get((host, port))
            room = self._threads < self._max_threads
            if flight is not None and (now < flight.begun_at + patience or not room):
                return flight.addresses
            if not room:
                raise OSError(f"{self._threads} look-ups hang already")
            flight = self._flights[host, port] = _Flight(now)
            self._threads += 1
        threading.Thread(target=self._fly, args=(host, port, flight), name="calcom-dns", daemon=True).start()
        return flight.addresses

    def _fly(self, host: str, port: int, flight: _Flight) -> None:
        try:
            flight.addresses.set_result(self._lookup(host, port))
        except Exception as error:  # noqa: BLE001 - carried over to those who wait
            flight.addresses.set_exception(error)
        finally:
            with self._lock:
                self._threads -= 1
                if self._flights.get((host, port)) is flight:
                    del self._flights[host, port]


RESOLVER = Resolver()
os.register_at_fork(after_in_child=RESOLVER.forget)
