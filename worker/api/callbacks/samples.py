"""Samples of callbacks that keys ask for: few at once and a minute, for a receiver may take its ten seconds."""

from functools import partial

from starlette.requests import Request

from db.api_keys.keys import ApiKey
from resilience.call_limit import CallLimit
from tasks.callbacks.sample import SentSample, send_sample
from worker.api.concurrency.threads import Threads
from worker.api.metrics import counting
from worker.api.metrics.counting import Refusal
from worker.api.problems import ApiError

AT_ONCE = 2  # of a process
A_MINUTE = 6  # of a key


class Samples:
    """Send the samples of one event loop, beside the threads that ask Postgres."""

    def __init__(self, limit: CallLimit) -> None:
        self._limit = limit
        self._threads = Threads(AT_ONCE)

    async def send(self, key: ApiKey, url: str) -> SentSample:
        """Send one to an address of a key.

        Raises:
            ApiError: The key has asked for A_MINUTE in this minute, or no thread was free in time.
            SigningError: It cannot be signed here.
        """
        return await self._threads.run(partial(self._sent, key, url))

    def close(self) -> None:
        """End each thread as soon as it has no work."""
        self._threads.close()

    def _sent(self, key: ApiKey, url: str) -> SentSample:
        if wait := self._limit.wait(f"sample:{key.id}", A_MINUTE):
            counting.refused(Refusal.KEY_RATE)
            raise ApiError("rate-limited", wait=wait)
        return send_sample(key, url)


def samples_of(request: Request) -> Samples:
    """Return what sends them in the process that serves a request."""
    samples: Samples = request.app.state.samples
    return samples
