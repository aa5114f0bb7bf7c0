"""One reading for all who ask the same within some seconds, in all processes; without Redis, in this one.

A reading runs in a thread of its own, so a caller may go when it has waited long enough: the answer is kept for the
next caller.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import NamedTuple

from resilience.shared_state.events import Emit, say_nothing
from resilience.shared_state.scripts import Client
from resilience.shared_state.state import SharedState

THREADS = 4
LEASE = 20.0  # seconds after which another process may read: the one that reads has died, or is slow
ANOTHERS = 5.0  # seconds to wait for what another process reads
POLL, RETRY_AFTER = 0.1, 1.0
MOST_KEPT = 256  # answers of this process
Read = Callable[[], str | None]


class _FreshAnswer(NamedTuple):
    answer: str
    until: float


class _QueuedReading(NamedTuple):
    question: str
    read: Read
    answer: "Future[str | None]"
    of: str | None


class SharedReadings:
    """Read what many ask for; all threads of a process share one object. No method raises an error of Redis.

    `fresh` is for how many seconds an answer counts. `may_read` is asked before each reading, with the name of
    whose limit the reading takes.
    """

    def __init__(
        self,
        service: str,
        redis: Client | None,
        *,
        fresh: float,
        may_read: Callable[[str | None], bool],
        emit: Emit = say_nothing,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._service = service
        self._shared = (
            SharedState(service, redis, retry_after=RETRY_AFTER, clock=clock, emit=emit) if redis is not None else None
        )
        self._fresh = fresh
        self._may_read = may_read
        self._clock = clock
        self._pause = pause or threading.Event().wait
        self._lock = threading.Lock()
        self._queue = SimpleQueue[_QueuedReading]()
        self._threads = 0
        self._asked: dict[str, Future[str | None]] = {}
        self._kept: OrderedDict[str, _FreshAnswer] = OrderedDict()

    def ask(self, question: str, read: Read, of: str | None = None) -> "Future[str | None]":
        """Return the answer to come: kept, or read now by one of all who ask; None: it cannot be read now.

        `of` is passed to `may_read`. `read` returns the answer, or None. What it raises, everybody gets who waits for
        it in this process.
        """
        with self._lock:
            answer = self._asked.get(question)
            if answer is None:
                answer = self._asked[question] = Future()
                self._queue.put(_QueuedReading(question, read, answer, of))
                if self._threads < THREADS:
                    self._threads += 1
                    threading.Thread(target=self._serve, name="readings", daemon=True).start()
        return answer

    def _serve(self) -> None:
        while True:
            asked = self._queue.get()
            result, error = None, None
            try:
                result = self._answer(asked)
            except Exception as raised:  # noqa: BLE001 - it is raised where it was asked for
                error = raised
            with self._lock:
                del self._asked[asked.question]
            if asked.answer.set_running_or_notify_cancel():
                if error is None:
                    asked.answer.set_result(result)
                else:
                    asked.answer.set_exception(error)

    def _answer(self, asked: _QueuedReading) -> str | None:
        question = asked.question
        own = self._kept.get(question)
        if own is not None and self._clock() < own.until:
            return own.answer
        keys = tuple(f"{{{self._service}}}:{kind}:{question}" for kind in ("answer", "reading"))
        began = self._clock()
        while isinstance(answer := self._begin(keys), bool):
            if answer:
                return self._read(asked, keys)
            if self._clock() - began > ANOTHERS:
                return None
            self._pause(POLL)
        return answer

    def _begin(self, keys: tuple[str, ...]) -> str | bool:
        """Return the kept answer, or whether this process reads; without Redis each process does."""
        reply = None if self._shared is None else self._shared.call("reading_begin", keys, (round(LEASE * 1000),))
        if isinstance(reply, bytes):
            return reply.decode()
        return reply if isinstance(reply, str) else reply != 0

    def _read(self, asked: _QueuedReading, keys: tuple[str, ...]) -> str | None:
        read_at, answer = self._clock(), None
        try:
            answer = asked.read() if self._may_read(asked.of) else None
            return answer
        finally:
            left = self._fresh - (self._clock() - read_at)
            if answer is not None and left > 0:
                self._keep(asked.question, _FreshAnswer(answer, read_at + self._fresh))
            if self._shared is not None:
                kept = round(left * 1000) if answer is not None and left > 0 else 0
                self._shared.call("reading_end", keys, (), (kept, answer or ""))

    def _keep(self, question: str, kept: _FreshAnswer) -> None:
        with self._lock:
            self._kept[question] = kept
            self._kept.move_to_end(question)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
