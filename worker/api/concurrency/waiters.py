"""Who waits for a booking or a change to settle: no thread and no connection each, one statement for all of a process.

Nothing here listens for the NOTIFY of settled bookings: the dispatcher sends it after a look four times a second, so it
would seldom come before the next statement here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Generic, Protocol, TypeVar

from resilience.exceptions import AppointmentException
from worker.api.metrics.counting import waiting
from worker.api.problems import ApiError

EVERY = 0.1  # seconds from one statement to the next


class Awaited(Protocol):
    """What is waited for, as it was read."""

    @property
    def id(self) -> int:
        """Return the id by which it is read again."""

    @property
    def is_worth_waiting(self) -> bool:
        """Return whether it may settle soon."""


Seen = TypeVar("Seen", bound=Awaited)


class Waiters(Generic[Seen]):
    """Hold who waits for which booking, or for which change; one of each an event loop."""

    def __init__(self, ask: Callable[[Collection[int]], Awaitable[list[Seen]]]) -> None:
        self._ask = ask
        self._waiting: dict[int, set[asyncio.Future[Seen]]] = {}
        self._known: dict[int, Seen] = {}
        self._asking: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        """Return how many wait."""
        return sum(map(len, self._waiting.values()))

    async def wait(self, now: Seen, seconds: float) -> Seen:
        """Return it as soon as it is settled or held for long, else as it was last known after `seconds`."""
        if self._closed or seconds <= 0 or not now.is_worth_waiting:
            return now
        settled: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        others = self._waiting.setdefault(now.id, set())
        others.add(settled)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_each_time())
        try:
            with waiting.track_inprogress():
                async with asyncio.timeout(seconds):
                    return await settled
        except TimeoutError:
            return self._known.get(now.id, now)
        finally:
            others.discard(settled)
            if not others and self._waiting.get(now.id) is others:
                del self._waiting[now.id]
                self._known.pop(now.id, None)

    def close(self) -> None:
        """Answer all who wait with what is known; from now on nobody waits."""
        self._closed = True
        for number, futures in self._waiting.items():
            for settled in futures:
                if number in self._known:
                    _answer(settled, self._known[number])
                elif not settled.done():
                    settled.set_exception(TimeoutError())  # `wait` answers with what it was given

    async def _ask_each_time(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting and not self._closed:
                asked_at = loop.time()
                try:
                    for view in await self._ask(list(self._waiting)):
                        self._note(view)
                except (AppointmentException, ApiError):
                    pass  # Postgres does not answer: it is asked again, and a caller that has waited long enough goes
                await asyncio.sleep(max(0.0, EVERY - (loop.time() - asked_at)))
        finally:
            self._asking = None

    def _note(self, view: Seen) -> None:
        waiting = self._waiting.get(view.id)
        if waiting is None:
            return
        self._known[view.id] = view
        if not view.is_worth_waiting:
            for settled in waiting:
                _answer(settled, view)


def _answer(settled: asyncio.Future[Seen], view: Seen) -> None:
    if not settled.done():
        settled.set_result(view)
