"""The threads that ask Postgres and Redis: few; if none is free in time, the answer is that nothing was accepted."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from worker.api.problems import ApiError

THREADS = 16
PATIENCE = 3.0  # seconds for a thread that is free

T = TypeVar("T")


class _Given(NamedTuple):
    run: Callable[[], Any]
    context: Context
    ended: asyncio.Future[Any]


class Threads:
    """Run what blocks, beside one event loop.

    The executor of asyncio makes two futures and three callbacks of each call, a twentieth of a request.
    """

    def __init__(self, number: int = THREADS) -> None:
        self._loop = asyncio.get_running_loop()
        self._free = asyncio.Semaphore(number)
        self._queue = SimpleQueue[_Given | None]()
        self._woken = False
        self._ended: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._threads = [threading.Thread(target=self._serve, name=f"api-{n}", daemon=True) for n in range(number)]
        for thread in self._threads:
            thread.start()

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, from a thread that has this coroutine's context.

        Raises:
            ApiError: No thread was free in time; `work` was not begun.
        """
        if self._free.locked():
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._free.acquire()
            except TimeoutError:
                raise ApiError("not-kept") from None
        else:
            await self._free.acquire()
        ended: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Given(work, copy_context(), ended))
        return await ended

    def close(self) -> None:
        """End each thread as soon as it has no work."""
        for _ in self._threads:
            self._queue.put(None)

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            result, error = None, None
            try:
                result = work.context.run(work.run)
            except BaseException as raised:  # noqa: BLE001 - it is raised where it was asked for
                error = raised
            self._ended.append((work.ended, result, error))
            if not self._woken:  # else the loop hands over this one, too, and to wake it again would cost a system call
                self._woken = True
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        """Hand over what has ended; what ends from now on wakes the loop again."""
        self._woken = False
        while self._ended:
            ended, result, error = self._ended.popleft()
            self._free.release()
            if ended.done():  # who asked was cancelled
                continue
            if error is None:
                ended.set_result(result)
            else:
                ended.set_exception(error)
