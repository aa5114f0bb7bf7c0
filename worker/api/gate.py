"""Who may come in: the key of a request, what it may do, and how often."""

import asyncio
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, TypeVar

from starlette.requests import Request

from db.api_keys.key_text import hash_of, is_handle, is_key
from db.api_keys.keys import ApiKey, Scope
from db.appointments.views import BookingView
from resilience.call_limit import CallLimit
from tasks.callers.changes import ChangeOfCaller
from tasks.callers.keys import known_handle, known_key
from worker.api.addresses import Proxies
from worker.api.calls import call_of
from worker.api.concurrency.threads import Threads
from worker.api.concurrency.waiters import Waiters
from worker.api.keeping import Keeping
from worker.api.metrics import counting
from worker.api.metrics.counting import Refusal
from worker.api.problems import ApiError
from worker.settings.model import Settings

FRESH = 3.0  # seconds that a key is used without a new read; with a statement's patience below the 5 s of a revoke
WRONG_A_MINUTE = 20  # wrong keys of one address
T = TypeVar("T")
N = TypeVar("N", bytes, str)  # what a key is looked up by: its hash, or its handle
_SHARES = 4096  # counts of wrong keys: an address has one of them, so that nobody can have us count without end


@dataclass(frozen=True, slots=True)
class _Read:
    key: ApiKey
    at: float


class Admitted:
    """Let one request do its work, which is counted against its key's rate in the same thread.

    As a context it checks the scope, and counts what has failed before its work, too.
    """

    def __init__(self, key: ApiKey, scope: Scope, threads: Threads, limit: CallLimit) -> None:
        self.key = key
        self._scope = scope
        self._threads = threads
        self._limit = limit
        self.counted = False  # or its work counts it

    async def __aenter__(self) -> Self:
        """Check the scope."""
        if self._scope not in self.key.scopes:
            await self.__aexit__()
            raise ApiError("scope", f"The API key lacks the scope {self._scope}.")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Count the call, if its work has not."""
        await self.count()

    async def count(self) -> None:
        """Count the call, if its work has not.

        Raises:
            ApiError: As `run`.
        """
        if not self.counted:
            await self.run(int)

    async def run(self, work: Callable[..., T], *given: Any, **named: Any) -> T:
        """Return what `work` returns, from a thread.

        Raises:
            ApiError: The key's rate is used up, or no thread is free; `work` was not begun.
        """
        self.counted = True
        return await self._threads.run(lambda: self._within_rate(partial(work, *given, **named)))

    def _within_rate(self, work: Callable[[], T]) -> T:
        if wait := self._limit.wait(f"key:{self.key.id}", self.key.rate):
            counting.refused(Refusal.KEY_RATE)
            raise ApiError("rate-limited", wait=wait)
        return work()


class Gate:
    """Admit requests by their API keys; one an event loop."""

    def __init__(self, threads: Threads, limit: CallLimit, proxies: Proxies) -> None:
        self._threads = threads
        self._limit = limit
        self._proxies = proxies
        self._read: dict[bytes | str, _Read] = {}
        self._reading: dict[bytes | str, asyncio.Task[ApiKey | None]] = {}

    async def admit(self, request: Request, scope: Scope) -> "Admitted":
        """Return the admission of a request by its key.

        Raises:
            ApiError: It has no key in force.
            AppointmentDatabaseException: Postgres was needed for it, and did not answer.
        """
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        text = text.strip()
        if kind.lower() != "bearer" or not is_key(text):
            raise await self.refused(request, "no API key came" if not text else "what came as the API key is none")
        known = await self._known(hash_of(text), known_key)
        return await self._admitted(request, scope, known, "this API key is not in force")

    async def admit_proven(self, request: Request, handle: str, scope: Scope) -> "Admitted":
        """Return the admission by a key's handle, of a request that has proven by another secret where it comes from.

        Raises:
            ApiError: No key in force has this handle.
            AppointmentDatabaseException: As `admit`.
        """
        key = await self._known(handle, known_handle) if is_handle(handle) else None
        return await self._admitted(request, scope, key, "no API key in force has the `key` of the address")

    async def _admitted(self, request: Request, scope: Scope, key: ApiKey | None, why: str) -> "Admitted":
        if key is None:
            raise await self.refused(request, why)
        call_of(request.scope).caller = key.name
        return Admitted(key, scope, self._threads, self._limit)

    async def _known(self, name: N, look_up: Callable[[N], ApiKey | None]) -> ApiKey | None:
        read = self._read.get(name)
        if read is not None and time.monotonic() - read.at < FRESH:
            return read.key
        reading = self._reading.get(name)
        if reading is None:
            reading = self._reading[name] = asyncio.create_task(self._look_up(name, look_up))
            reading.add_done_callback(lambda _: self._reading.pop(name, None))
        return await asyncio.shield(reading)

    async def _look_up(self, name: N, look_up: Callable[[N], ApiKey | None]) -> ApiKey | None:
        asked_at = time.monotonic()
        key = await self._threads.run(partial(look_up, name))
        if key is None:
            self._read.pop(name, None)
        else:
            self._read[name] = _Read(key, asked_at)
        return key

    async def refused(self, request: Request, why: str) -> ApiError:
        """Count a wrong key or signature, and return its problem; the log alone says `why`.

        Valid keys work all the same: who guesses keys does not shut out other callers at the same address.

        Raises:
            ApiError: The address has sent too many wrong ones.
        """
        call_of(request.scope).why = why
        if wait := await self._threads.run(partial(self._limit.wait, self._share(request), WRONG_A_MINUTE)):
            counting.refused(Refusal.WRONG_KEYS)
            raise ApiError("rate-limited", wait=wait)
        counting.refused(Refusal.WRONG_KEY)
        return ApiError("unauthorized")

    def _share(self, request: Request) -> str:
        return f"wrong:{zlib.crc32(self._proxies.caller(request).encode()) % _SHARES}"


@dataclass(frozen=True, slots=True)
class ApiServices:
    """Hold what the endpoints of one process share."""

    threads: Threads
    gate: Gate
    keeping: Keeping
    waiters: Waiters[BookingView]
    change_waiters: Waiters[ChangeOfCaller]
    settings: Settings


def services_of(request: Request) -> ApiServices:
    """Return the services of the process that serves a request."""
    services: ApiServices = request.app.state.services
    return services
