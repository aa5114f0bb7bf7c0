"""One reading for all viewers: however many ask, the servers are asked once, and none is handed out that is old."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from worker.page.reading import Shared, SharedByKey

VIEWERS = 50


class Source:
    """Something to read, counted; it answers when it is told to."""

    def __init__(self) -> None:
        self.readings = 0
        self.now = 0.0
        self.gate = asyncio.Event()
        self.fails = False

    async def read(self) -> int:
        """Return the number of this reading."""
        self.readings += 1
        number = self.readings
        await self.gate.wait()
        if self.fails:
            raise OSError("gone")
        return number


def run(test: Callable[[Source, Shared[int]], object]) -> None:
    """Run one case on a loop of its own."""

    async def body() -> None:
        source = Source()
        await test(source, Shared(source.read, 0.8, clock=lambda: source.now))  # type: ignore[misc]

    with ThreadPoolExecutor(1) as thread:  # in this one a loop of the browser's tests may run
        thread.submit(asyncio.run, body()).result()


def test_many_viewers_cost_one_reading() -> None:
    """Those who come while it is read, and those who come soon after."""

    async def case(source: Source, shared: Shared[int]) -> None:
        together = [asyncio.ensure_future(shared.latest()) for _ in range(VIEWERS)]
        await asyncio.sleep(0)
        source.gate.set()
        assert set(await asyncio.gather(*together)) == {1}
        source.now = 0.8
        assert await shared.latest() == 1
        source.now = 0.81
        assert await shared.latest() == 2

    run(case)


def test_a_viewer_who_leaves_takes_nothing_along() -> None:
    """The others, and the next, have the reading that this one had begun."""

    async def case(source: Source, shared: Shared[int]) -> None:
        leaves, stays = (asyncio.ensure_future(shared.latest()) for _ in range(2))
        await asyncio.sleep(0)
        leaves.cancel()
        await asyncio.sleep(0)
        source.gate.set()
        assert await asyncio.gather(stays, return_exceptions=True) == [1]
        assert leaves.cancelled()

    run(case)


def test_what_failed_is_tried_again() -> None:
    """All who waited hear of it; the next one reads again."""

    async def case(source: Source, shared: Shared[int]) -> None:
        source.gate.set()
        source.fails = True
        with pytest.raises(OSError, match="gone"):
            await shared.latest()
        source.fails = False
        assert await shared.latest() == 2

    run(case)


def test_sixty_tabs_of_a_few_lists_cost_a_reading_each() -> None:
    """However many show one; what nobody has asked for lately is dropped, and read again when it is."""
    read: list[str] = []

    async def reading(key: str) -> int:
        read.append(key)
        await asyncio.sleep(0)
        return len(read)

    async def body() -> None:
        lists = SharedByKey(reading, 60, most=3)
        await asyncio.gather(*(lists.latest(f"list {number % 3}") for number in range(60)))
        assert sorted(read) == ["list 0", "list 1", "list 2"]
        await lists.latest("list 3")
        await lists.latest("list 2")
        assert read[3:] == ["list 3"]
        await lists.latest("list 0")
        assert read[3:] == ["list 3", "list 0"]

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, body()).result()
