"""Samples of callbacks: two of a process at once, so that receivers that hang hold up nothing else."""

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from db.api_keys.keys import ApiKey
from resilience.call_limit import CallLimit
from tasks.callbacks.sample import SentSample
from tasks.callbacks.sending import SendResult
from worker.api.callbacks import samples
from worker.api.callbacks.samples import Samples
from worker.api.concurrency import threads
from worker.api.problems import ApiError

KEY = ApiKey(
    id=1, name="shop", handle="3fKq81aZ", scopes=frozenset(), event_types=None, rate=1, created_at=datetime.now(UTC),
    last_used_at=None, revoked_at=None, old_until=None, callback_url=None, callback_off_at=None,
    allowed_callback_hosts=frozenset(), secret_version=1, account_id=1, account=None,
)  # fmt: skip


def test_two_samples_are_sent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is refused, until a receiver has answered."""
    answered, begun = threading.Event(), threading.Semaphore(0)

    def hang(*_: object) -> SentSample:
        begun.release()
        assert answered.wait(60)
        return SentSample("cb_0_0_1", SendResult())

    monkeypatch.setattr(samples, "send_sample", hang)
    monkeypatch.setattr(threads, "PATIENCE", 0.05)

    async def scenario() -> None:
        sending = Samples(CallLimit("test", None))
        two = [asyncio.create_task(sending.send(KEY, "https://example.com")) for _ in range(2)]
        for _ in two:
            assert await asyncio.to_thread(begun.acquire, timeout=60)
        with pytest.raises(ApiError) as refused:
            await sending.send(KEY, "https://example.com")
        assert refused.value.type == "not-kept"
        answered.set()
        assert [one.name for one in await asyncio.gather(*two)] == ["cb_0_0_1"] * 2
        assert (await sending.send(KEY, "https://example.com")).came_of == SendResult()
        sending.close()

    asyncio.run(scenario())
