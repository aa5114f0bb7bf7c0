"""Questions that come together are answered together, each with its own answer; nobody waits for company."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from booking_client import correlation
from worker.api.concurrency import groups, threads
from worker.api.concurrency.groups import Groups
from worker.api.problems import ApiError

Act = Callable[["Stage"], Awaitable[None]]


class Stage:
    """Stand for the threads: a group is answered when the test lets it."""

    def __init__(self) -> None:
        self.begun: list[list[Any]] = []
        self.open = asyncio.Event()
        self.groups: Groups[Any, Any] = Groups(self, self.answer)  # type: ignore[arg-type]  # `run` is all that it needs

    async def run(self, work: Callable[[], Any]) -> Any:
        """Answer when the stage is open."""
        answers = work()
        await self.open.wait()
        return answers

    def answer(self, questions: Sequence[Any]) -> list[Any]:
        """Answer each with itself; an exception stands for one that is refused."""
        self.begun.append(list(questions))
        if "all" in questions:
            raise ValueError("all")
        return list(questions)

    async def asked(self, *questions: Any) -> list["asyncio.Task[Any]"]:
        """Ask, and let all that can begin begin."""
        tasks = [asyncio.create_task(self.groups.ask(question)) for question in questions]
        await turns()
        return tasks


async def turns() -> None:
    """Let each task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


def played(act: Act) -> None:
    """Play a scene in a loop of its own."""

    async def scene() -> None:
        await act(Stage())

    asyncio.run(scene())


def test_a_question_goes_at_once_and_the_next_ones_gather() -> None:
    """Two groups are under way, the third has all who came meanwhile; each asker hears its own answer."""

    async def act(stage: Stage) -> None:
        tasks = [*await stage.asked(1), *await stage.asked(2), *await stage.asked(3), *await stage.asked(4, 5)]
        assert stage.begun == [[1], [2]]

        stage.open.set()

        assert await asyncio.gather(*tasks) == [1, 2, 3, 4, 5]
        assert stage.begun == [[1], [2], [3, 4, 5]]
        assert await asyncio.gather(*await stage.asked(6)) == [6]

    played(act)


def test_what_is_ready_at_the_same_time_is_one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than MOST, for nobody waits for all others."""
    monkeypatch.setattr(groups, "MOST", 3)

    async def act(stage: Stage) -> None:
        stage.open.set()
        assert await asyncio.gather(*await stage.asked(*range(7))) == list(range(7))
        assert stage.begun == [[0, 1, 2], [3, 4, 5], [6]]

    played(act)


def test_an_error_is_raised_where_it_belongs() -> None:
    """That of one question for its asker alone; that of a group for all of it."""

    async def act(stage: Stage) -> None:
        stage.open.set()
        one, refused = await stage.asked(1, KeyError("mine"))
        both = await stage.asked("all", 2)

        assert await one == 1
        with pytest.raises(KeyError, match="mine"):
            await refused
        for task in both:
            with pytest.raises(ValueError, match="all"):
                await task

    played(act)


def test_who_waits_too_long_hears_that_nothing_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """The groups before it hang; what has begun is not given up."""
    monkeypatch.setattr(threads, "PATIENCE", 0.01)

    async def act(stage: Stage) -> None:
        begun = [*await stage.asked(1), *await stage.asked(2)]
        [waiting] = await stage.asked(3)

        with pytest.raises(ApiError, match="not-kept"):
            await waiting
        stage.open.set()

        assert await asyncio.gather(*begun) == [1, 2]
        assert stage.begun == [[1], [2]]

    played(act)


def test_who_has_gone_keeps_nobody_from_an_answer() -> None:
    """A call that was cut off is cancelled, whether its group had begun or not."""

    async def act(stage: Stage) -> None:
        first, second = await stage.asked(1, 2)
        await stage.asked(3)
        third, fourth = await stage.asked(4, 5)

        first.cancel()
        third.cancel()
        await turns()
        stage.open.set()

        assert await asyncio.gather(second, fourth) == [2, 5]

    played(act)


def test_a_group_belongs_to_no_asker() -> None:
    """Else a line of the log about all of it would have the correlation id of one."""

    async def act(stage: Stage) -> None:
        stage.groups = Groups(stage, lambda questions: [correlation.current() for _ in questions])  # type: ignore[arg-type]
        stage.open.set()
        with correlation.bound("mine"):
            assert await asyncio.gather(*await stage.asked(1, 2)) == [None, None]

    played(act)
