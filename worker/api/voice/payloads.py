"""The bodies of agents' platforms, which have the whole call in them: few large ones of a process at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from starlette.requests import Request

from worker.api.bodies import MAX_BODY, parsed_object, raw
from worker.api.concurrency import threads
from worker.api.problems import ApiError

MAX_PAYLOAD = 2 * 1024 * 1024  # bytes: a call of an hour, each word with its times, twice, and a prompt of 20 KB
LARGE_AT_ONCE = 16  # bodies of more than MAX_BODY; parsed, one takes some 20 times its size


class Payloads:
    """Read the bodies of one event loop; one of more than MAX_BODY bytes needs one of LARGE_AT_ONCE places."""

    def __init__(self, beside: threads.Threads) -> None:
        self._threads = beside
        self._places = asyncio.Semaphore(LARGE_AT_ONCE)

    @asynccontextmanager
    async def whole(self, request: Request) -> AsyncIterator[bytes]:
        """Yield a body as it came; its place is free again when the block ends.

        Raises:
            ApiError: It is longer than MAX_PAYLOAD, takes too long, or no place was free within the threads' PATIENCE.
        """
        async with AsyncExitStack() as held:

            async def place() -> None:
                try:
                    async with asyncio.timeout(threads.PATIENCE):
                        await held.enter_async_context(self._places)
                except TimeoutError:
                    raise ApiError("not-kept", closes=True) from None

            yield await raw(request, MAX_PAYLOAD, large=place)

    async def parsed(self, body: bytes) -> dict[str, Any]:
        """Return the object of JSON that a body is; a large one, which takes tenths of a second, beside the loop.

        Raises:
            ApiError: It is none.
        """
        if len(body) <= MAX_BODY:
            return parsed_object(body)
        return await self._threads.run(partial(parsed_object, body))


def payloads_of(request: Request) -> Payloads:
    """Return the reader of the process that serves a request."""
    payloads: Payloads = request.app.state.payloads
    return payloads
