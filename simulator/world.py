"""Hold everything that one simulator remembers, in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from simulator.bookings import Bookings
from simulator.event_types import DEFAULTS, Catalogue, EventType
from simulator.faults import Faults
from simulator.journal import Journal
from simulator.rate_limit import RateLimit
from simulator.views import public

if TYPE_CHECKING:
    import random
    from datetime import datetime

    from simulator.instants import Clock
    from simulator.messages import Call
    from simulator.settings import Settings


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
        self.reset()

    def reset(self) -> None:
        """Go back to how the simulator started: no bookings, no journal, no faults, first settings and event types."""
        self.settings, event_types = self._first
        self.catalogue = Catalogue(event_types)
        self.bookings = Bookings(public)
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

    @property
    def replica_time(self) -> float:
        """Tell how far the replica has come, in monotonic seconds."""
        return self.seconds - self.settings.replica_lag

    async def work(self, call: Call) -> None:
        """Take the time that Cal.com takes between reading and writing, and what a latency fault adds; once a call."""
        if call.worked:
            return
        call.worked = True
        low, high = self.settings.latency
        await asyncio.sleep(call.extra_work + (self.rng.uniform(low, high) if high else 0))
