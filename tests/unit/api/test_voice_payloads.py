"""The bodies of agents' platforms: few large ones of a process at once, and the small ones never wait for them."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from starlette.requests import Request

from worker.api.bodies import MAX_BODY
from worker.api.concurrency import threads
from worker.api.concurrency.threads import Threads
from worker.api.problems import ApiError
from worker.api.voice.payloads import MAX_PAYLOAD, Payloads

LARGE, SMALL = b"x" * (MAX_BODY + 1), b"{}"


def a_request(body: bytes) -> Request:
    """Return a request whose body comes in two parts."""
    parts = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def test_sixteen_large_bodies_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is refused as not kept, a small one is read, and a place that is free again serves the next."""
    monkeypatch.setattr(threads, "PATIENCE", 0.05)

    async def scenario() -> None:
        payloads = Payloads(Threads(1))
        async with AsyncExitStack() as held:
            for _ in range(16):
                assert await held.enter_async_context(payloads.whole(a_request(LARGE))) == LARGE
            try:
                await held.enter_async_context(payloads.whole(a_request(LARGE)))
            except ApiError as error:
                refused = error
            else:
                refused = None
            assert refused is not None, "one more is read"
            assert (refused.type, bool(refused.document["say"])) == ("not-kept", True)
            async with payloads.whole(a_request(SMALL)) as small:
                assert small == SMALL
        async with payloads.whole(a_request(LARGE)) as large:
            assert large == LARGE

    asyncio.run(scenario())


def test_two_megabytes_are_read_and_no_more() -> None:
    """The length is noticed while reading."""

    async def read(size: int) -> int:
        async with Payloads(Threads(1)).whole(a_request(b"x" * size)) as body:
            return len(body)

    assert asyncio.run(read(MAX_PAYLOAD)) == MAX_PAYLOAD == 2 * 1024 * 1024
    with pytest.raises(ApiError, match="too-large"):
        asyncio.run(read(MAX_PAYLOAD + 1))
