"""Wait for a reading that others may wait for as well; who waits holds no thread."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future


async def within(asked: "Future[str | None]", seconds: float) -> str | None:
    """Return the answer of a reading; None: there is none within so many seconds."""
    answer = asyncio.wrap_future(asked)
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.shield(answer)
    except TimeoutError:
        answer.add_done_callback(_forget)
        return None


def _forget(answer: "asyncio.Future[str | None]") -> None:
    if not answer.cancelled():
        answer.exception()  # it is read by nobody
