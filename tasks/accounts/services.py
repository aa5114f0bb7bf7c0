"""The Cal.coms that the accounts are at: each is a service, with a breaker of its own."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, Table

from db import accounts
from db.models.bookings import appointments
from db.models.changes import booking_changes
from resilience.circuit_breaker.breaker import CircuitBreaker
from tasks.accounts.callers import SOON, Callers
from tasks.accounts.recent import Recent

MakeBreaker = Callable[[str], CircuitBreaker]
"""Builds this process's end of a service's breaker."""


@dataclass(frozen=True, slots=True)
class Service:
    """A Cal.com by its address."""

    name: str
    base_url: str

    @property
    def host(self) -> str:
        """Return what operators call it: the host of its address, with the port and the path if there are any."""
        parts = urlsplit(self.base_url)
        return parts.netloc + parts.path.rstrip("/")


class CalcomServices:
    """Say at which Cal.coms accounts are, and give the breaker of each; `clock` is monotonic, in seconds.

    `first` is the breaker of the settings' Cal.com, at `base_url`. Those of others are built when they are first asked
    for.
    """

    def __init__(
        self,
        engine: Engine,
        callers: Callers,
        first: CircuitBreaker,
        base_url: str,
        make: MakeBreaker,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._callers = callers
        self._first = first
        self.own = Service(first.service, base_url)
        """The settings' Cal.com."""
        self._make = make
        self._clock = clock
        self._lock = threading.Lock()
        self._breakers: Recent[str, CircuitBreaker] = Recent(accounts.MOST_SERVICES)
        self._read: tuple[float, tuple[Service, ...]] | None = None

    def breaker(self, service: str) -> CircuitBreaker:
        """Return the breaker of a service."""
        if service == self.own.name:
            return self._first
        with self._lock:  # two of one service would be two breakers while Redis is gone
            breaker = self._breakers.get(service)
            if breaker is None:
                breaker = self._breakers[service] = self._make(service)
        return breaker

    def others(self) -> tuple[Service, ...]:
        """Return the services beside the settings' at which an account is that is not closed."""
        if self._callers.is_alone():
            return ()
        read, now = self._read, self._clock()
        if read is None or now - read[0] > SOON:
            with self._engine.connect() as conn:
                read = self._read = now, self._others(conn)
        return read[1]

    def _others(self, conn: Connection) -> tuple[Service, ...]:
        found = accounts.services(conn).items()
        return tuple(Service(name, url) for name, url in found if name != self.own.name and url is not None)

    def known(self) -> Iterator[Service]:
        """Yield each service: the settings' first."""
        yield self.own
        yield from self.others()

    def known_now(self, conn: Connection) -> tuple[Service, ...]:
        """Return each service, read by `conn` now: the settings' first."""
        return (self.own, *self._others(conn))

    def in_use(self) -> Iterator[Service]:
        """Yield each service, without the others that are at rest."""
        yield self.own
        yield from (one for one in self.others() if not self.breaker(one.name).view.is_at_rest())

    def of_booking(self, number: int) -> str:
        """Return the service of a booking's account, which needs no access to that."""
        return self._of_row(appointments, number)

    def of_change(self, number: int) -> str:
        """Return the service of a change's account."""
        return self._of_row(booking_changes, number)

    def _of_row(self, table: Table, number: int) -> str:
        if self._callers.is_alone():
            return self.own.name
        with self._engine.connect() as conn:
            return accounts.service_of_row(conn, table, number) or self.own.name

    def named(self, wanted: str | None, conn: Connection | None = None) -> Service | None:
        """Return the service with this host or name, for None that of the settings; None: no account is there.

        `conn`: which services there are is read by it, now; else they may have been read a second ago.
        """
        if wanted is None:
            return self.own
        known = self.known() if conn is None else self.known_now(conn)
        return next((one for one in known if wanted in {one.host, one.name}), None)
