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
from tasks.callers.keys import known_key
from tasks.callers.voice_secrets import KnownAgent, known_agent
from tasks.changes.ask.by_caller import ChangeOfCaller
from worker.api.addresses import Proxies
from worker.api.calls import HttpCall, call_of
from worker.api.concurrency.threads import Threads
from worker.api.concurrency.waiters import Waiters
from worker.api.keeping import Keeping
from worker.api.metrics import counting
from worker.api.metrics.counting import Refusal
from worker.api.problems import ApiError
from worker.api.reading import Reading
from worker.settings.model import Settings

FRESH = 3.0  # seconds that a key is used without a new read; with a statement's patience below the 5 s of a revoke
WRONG_A_MINUTE = 20  # wrong keys of one address
T = TypeVar("T")
N = TypeVar("N", bytes, str)  # what a key is looked up by: its hash, or its handle
LookUp = Callable[[N], ApiKey | KnownAgent | None]
_SHARES = 4096  # counts of wrong keys: an address has one of them, so that nobody can have us count without end


@dataclass(frozen=True, slots=True)
class KeyRead:
    """Hold a key as it was read, by the monotonic clock; with its agents' secrets, where an address has named it."""

    key: ApiKey
    at: float
    agent: KnownAgent | None = None

    @property
    def is_fresh(self) -> bool:
        """Return whether it may be used without a new read."""
        return time.monotonic() - self.at < FRESH


class Admitted:
    """Let one request do its work, which is counted against its key's rate in the same thread.

    As a context it checks the scope, and counts what has failed before its work, too. `read_again` returns a read of
    the key within FRESH seconds; None: the key is no longer in force.
    """

    def __init__(
        self,
        read: KeyRead,
        scope: Scope | None,
        threads: Threads,
        limit: CallLimit,
        read_again: Callable[[], KeyRead | None],
        call: HttpCall,
    ) -> None:
        self.key = read.key
        self._call = call
        self._last_read = read
        self._read_again = read_again
        self._scope = scope
        self._threads = threads
        self._limit = limit
        self.counted = False  # or its work counts it

    async def __aenter__(self) -> Self:
        """Check the scope; None: each key may come in."""
        if self._scope is not None and self._scope not in self.key.scopes:
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
            self.counted = True
            await self._threads.run(lambda: self._within_rate(int))

    async def run(self, work: Callable[..., T], *given: Any, **named: Any) -> T:
        """Return what `work` returns, from a thread.

        Raises:
            ApiError: The key's rate is used up, the key was revoked, or no thread is free; `work` was not begun.
            AppointmentDatabaseException: As `require_key`.
        """
        self.counted = True
        return await self._threads.run(lambda: self._within_rate(lambda: self._of_key(partial(work, *given, **named))))

    async def run_uncounted(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, from a thread; the call was counted before.

        Raises:
            ApiError: As `run`, but for the rate.
            AppointmentDatabaseException: As `require_key`.
        """
        return await self._threads.run(lambda: self._of_key(work))

    def require_key(self) -> None:
        """Read the key again, in the thread of the work, if that was done longer than FRESH seconds ago.

        A body may take seconds, and so may a thread that is free: the key may have been revoked since it was read.

        Raises:
            ApiError: It is no longer in force.
            AppointmentDatabaseException: Postgres was needed for it, and did not answer.
        """
        if self._last_read.is_fresh:
            return
        read = self._read_again()
        if read is None:
            counting.refused(Refusal.WRONG_KEY)
            raise ApiError("unauthorized")
        self._last_read = read

    def _of_key(self, work: Callable[[], T]) -> T:
        self.require_key()
        return work()

    def _within_rate(self, work: Callable[[], T]) -> T:
        allowed = self._limit.admit(f"key:{self.key.id}", self.key.rate, 1)
        self._call.rate = self.key.rate, allowed.left
        if allowed.wait:
            counting.refused(Refusal.KEY_RATE)
            raise ApiError("rate-limited", wait=allowed.wait)
        return work()


class Gate:
    """Admit requests by their API keys; one an event loop."""

    def __init__(self, threads: Threads, limit: CallLimit, proxies: Proxies) -> None:
        self._threads = threads
        self._limit = limit
        self._proxies = proxies
        self._read: dict[bytes | str, KeyRead] = {}
        self._reading: dict[bytes | str, asyncio.Task[KeyRead | None]] = {}

    async def admit(self, request: Request, scope: Scope | None) -> "Admitted":
        """Return the admission of a request by its key.

        Raises:
            ApiError: It has no key in force.
            AppointmentDatabaseException: Postgres was needed for it, and did not answer.
        """
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        text = text.strip()
        if kind.lower() != "bearer" or not is_key(text):
            raise await self.refused(request, "no API key came" if not text else "what came as the API key is none")
        name = hash_of(text)
        read = await self._known(name, known_key)
        if read is None:
            raise await self.refused(request, "this API key is not in force")
        return self._admitted(request, read, scope, partial(self._still_known, name, known_key))

    async def named(self, request: Request, handle: str) -> KeyRead:
        """Return the key that an address names by its handle: who asks has still to prove that it may.

        Raises:
            ApiError: No key in force has this handle.
            AppointmentDatabaseException: As `admit`.
        """
        read = await self._known(handle, known_agent) if is_handle(handle) else None
        if read is None:
            raise await self.refused(request, "no API key in force has the `key` of the address")
        return read

    def admit_proven(self, request: Request, read: KeyRead, scope: Scope | None) -> "Admitted":
        """Return the admission of a request that has proven by a secret of the key's that it may ask for it."""
        return self._admitted(request, read, scope, partial(self._still_known, read.key.handle, known_agent))

    def _admitted(
        self, request: Request, read: KeyRead, scope: Scope | None, read_again: Callable[[], KeyRead | None]
    ) -> "Admitted":
        call = call_of(request.scope)
        call.caller = read.key.name
        return Admitted(read, scope, self._threads, self._limit, read_again, call)

    async def _known(self, name: N, look_up: LookUp[N]) -> KeyRead | None:
        read = self._read.get(name)
        if read is not None and read.is_fresh:
            return read
        reading = self._reading.get(name)
        if reading is None:
            looked_up = self._threads.run(partial(self._look_up, name, look_up))
            reading = self._reading[name] = asyncio.create_task(looked_up)
            reading.add_done_callback(lambda _: self._reading.pop(name, None))
        return await asyncio.shield(reading)

    def _still_known(self, name: N, look_up: LookUp[N]) -> KeyRead | None:
        """Return the last read of a key, else a new one; in a thread, as `look_up` is."""
        read = self._read.get(name)
        return read if read is not None and read.is_fresh else self._look_up(name, look_up)

    def _look_up(self, name: N, look_up: LookUp[N]) -> KeyRead | None:
        asked_at = time.monotonic()
        found = look_up(name)
        if found is None:
            self._read.pop(name, None)
            return None
        read = KeyRead(found.key, asked_at, found) if isinstance(found, KnownAgent) else KeyRead(found, asked_at)
        self._read[name] = read
        return read

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
    reading: Reading
    waiters: Waiters[BookingView]
    change_waiters: Waiters[ChangeOfCaller]
    settings: Settings


def services_of(request: Request) -> ApiServices:
    """Return the services of the process that serves a request."""
    services: ApiServices = request.app.state.services
    return services
