"""What is asked at the same time is answered together, by one call in a thread; each asker has its own answer."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from worker.api.concurrency import threads
from worker.api.problems import ApiError

AT_ONCE = 2  # groups: while Postgres stores one, the next one is made
MOST = 64  # questions of a group: nobody waits for more others

Q = TypeVar("Q")
A = TypeVar("A")


class _Member(NamedTuple, Generic[Q, A]):
    question: Q
    answered: asyncio.Future[A]


class Groups(Generic[Q, A]):
    """Gather questions while AT_ONCE groups of them are answered; else a question goes at once, as a group of one.

    `answer` returns one answer for each question of a group, in their order; an exception among them is raised for that
    asker alone. An exception that `answer` raises is raised for all of the group.
    """

    def __init__(self, beside: threads.Threads, answer: Callable[[Sequence[Q]], Sequence[A | Exception]]) -> None:
        self._threads = beside
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Member[Q, A]] = deque()
        self._free = AT_ONCE
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, question: Q) -> A:
        """Return the answer to a question.

        Raises:
            ApiError: Its turn did not come within the PATIENCE of threads; nothing was begun.
        """
        member: _Member[Q, A] = _Member(question, self._loop.create_future())
        self._waiting.append(member)
        if self._free:
            self._free -= 1
            # A task begins when each request that is ready now has asked. It is in no asker's context.
            task = self._loop.create_task(self._answer_all(), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        too_late = self._loop.call_later(threads.PATIENCE, self._give_up, member)
        try:
            return await member.answered
        finally:
            too_late.cancel()

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                await self._answer_next()
        finally:
            self._free += 1

    async def _answer_next(self) -> None:
        group = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        try:
            answers = await self._threads.run(partial(self._answer, [member.question for member in group]))
            pairs = list(zip(group, answers, strict=True))
        except Exception as error:  # noqa: BLE001 - it is raised for each asker
            pairs = [(member, error) for member in group]
        for (_, answered), answer in pairs:
            if answered.done():  # its asker was cancelled
                continue
            if isinstance(answer, Exception):
                answered.set_exception(answer)
            else:
                answered.set_result(answer)

    def _give_up(self, member: _Member[Q, A]) -> None:
        if member in self._waiting:
            self._waiting.remove(member)
            member.answered.set_exception(ApiError("not-kept"))
