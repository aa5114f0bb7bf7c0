"""Hold everything that one simulator remembers, in memory."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from simulator.state.bookings import Bookings
from simulator.state.default_types import DEFAULTS
from simulator.state.event_types import Catalogue, EventType
from simulator.state.faults import Faults
from simulator.state.journal import Journal
from simulator.state.rate_limit import RateLimit
from simulator.state.settings import changed
from simulator.state.steps import SHARES, KilledError, SplitError, Step
from simulator.state.users import DELETED, User
from simulator.state.views import public

if TYPE_CHECKING:
    import random
    from datetime import datetime

    from simulator.instants import Clock
    from simulator.state.faults import Fault
    from simulator.state.settings import Settings


class Working(Protocol):
    """A call whose work takes time: what `Call` (http/messages.py) remembers of it, in seconds."""

    extra_work: float
    pace: float | None
    worked: float
    at_steps: list[Fault]


class World:
    """The state and the chance and time it depends on."""

    def __init__(
        self, settings: Settings, clock: Clock, rng: random.Random, event_types: tuple[EventType, ...] = DEFAULTS
    ) -> None:
        self._first = (settings, event_types)
        self.clock = clock
        self.rng = rng
        self.journal = Journal()
        self.rate_limit = RateLimit()
        self.faults = Faults(clock, rng)
        self.working: set[asyncio.Task[None]] = set()  # whose answer somebody else has given
        self.reset()

    def reset(self) -> None:
        """Go back to how the simulator started: no bookings, no journal, no faults, first settings and event types."""
        self.settings, event_types = self._first
        self.catalogue = Catalogue(event_types)
        self.kept_slots: dict[str, tuple[float, bytes]] = {}
        self._reads = -1
        self.bookings = Bookings(public)
        self.users: dict[str, User] = {}  # those that an order has changed
        self.webhooks: dict[str, dict[str, Any]] = {}  # by their ids, in the order in which they were made
        self.journal.clear()
        self.rate_limit.clear()
        self.faults.clear()

    @property
    def now(self) -> datetime:
        """Tell the wall time in UTC."""
        return self.clock.now()

    @property
    def seconds(self) -> float:
        """Tell the monotonic time."""
        return self.clock.monotonic()

    def wall_time(self, seconds: float) -> datetime:
        """Tell when a monotonic time was, in UTC."""
        return self.now - timedelta(seconds=self.seconds - seconds)

    def replica_time(self) -> float:
        """Tell how far the replica has come that answers this read, in monotonic seconds; several answer in turn."""
        lags = self.settings.replica_lags or (self.settings.replica_lag,)
        self._reads += 1
        moment = self.seconds - lags[self._reads % len(lags)]
        return min(moment, self.settings.replica_until or moment)

    async def work(self, call: Working, share: float = 1.0) -> None:
        """Take the time that Cal.com takes until a share of a call's work is done, with what a latency fault adds."""
        if call.pace is None:
            low, high = self.settings.latency
            call.pace = call.extra_work + (self.rng.uniform(low, high) if high else 0)
        ahead, call.worked = (share - call.worked) * call.pace, max(share, call.worked)
        if ahead > 0:
            await asyncio.sleep(ahead)

    async def reach(self, call: Working, step: Step, *, week: int = 1, weeks: int = 1) -> None:
        """Work up to a step, of one week of a series. Raises KilledError."""
        await self.work(call, (week - 1 + SHARES[step]) / weeks)
        for fault in call.at_steps:
            if fault.step != step or (fault.week or week) != week:
                continue
            if fault.kind == "kill":
                raise KilledError
            if fault.kind == "stall":
                await self.faults.stall(fault)

    def check_transaction(self, call: Working) -> None:
        """Break a transaction off whose last statement was carried out alone. Raises SplitError."""
        if self.splits(call):
            raise SplitError

    def splits(self, call: Working) -> bool:
        """Say whether the transaction of a call runs into its limit."""
        return any(fault.kind == "split" for fault in call.at_steps)

    def needs_confirmation(self, event_type: EventType, start: datetime, email: str) -> bool:
        """Say whether a booking waits for its host; a free address is told by what follows its @ alone (seen)."""
        free = email.rpartition("@")[2].lower() in self.settings.free_domains
        return event_type.needs_confirmation(start, self.now, free_email=free)

    def user(self, username: str) -> User:
        """Find a user."""
        return self.users.get(username) or User(username)

    def free_to_host(self, event_type: EventType) -> EventType:
        """Give an event type without the hosts that are locked or on the block list: their absence shows nowhere."""
        hosts, fixed = (
            tuple(host for host in hosts if not (self.user(host).locked or self.is_blocked(self.user(host).email)))
            for hosts in (event_type.hosts, event_type.fixed_hosts)
        )
        return (
            event_type
            if (hosts, fixed) == (event_type.hosts, event_type.fixed_hosts)
            else replace(event_type, hosts=hosts, fixed_hosts=fixed)
        )

    def is_blocked(self, email: str) -> bool:
        """Say whether an address is on the block list, itself or by its domain, in any letter case (seen)."""
        address = email.lower()
        return not {address, address.rpartition("@")[2]}.isdisjoint(self.settings.blocked_emails)

    def delete_user(self, username: str) -> None:
        """Delete an account, its types, and the bookings that it organizes (seen, 1); teams go on without it."""
        for event_type in list(self.catalogue):
            hosts, fixed = (
                [host for host in of if host != username] for of in (event_type.hosts, event_type.fixed_hosts)
            )
            if event_type.of_team:
                self.catalogue.put(replace(event_type, hosts=tuple(hosts), fixed_hosts=tuple(fixed)))
            elif not hosts:
                self.delete_event_type(event_type.id)
        for booking in [each for each in self.bookings if each.hosts[0] == username]:
            self.bookings.forget(booking)
        self.catalogue.forget_user(username)
        gone = {key: DELETED for key, view in self.settings.keys.items() if view == username}
        self.settings = changed(self.settings, {"keys": gone})

    def delete_event_type(self, event_type_id: int) -> bool:
        """Delete an event type; its bookings stay, and forget it (seen)."""
        deleted = self.catalogue.delete(event_type_id)
        for booking in self.bookings.of([event_type_id]):
            booking.type_deleted = True
            self.bookings.publish(booking, now=self.seconds)
        return deleted is not None
