"""How long the bookings of 19 accounts take while one more asks for 20,000 at once, beside the same without it.

How many messages lie in the broker meanwhile is counted twenty times a second.
"""

import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Self

from beside_celery.answerer import Answerer
from beside_celery.stage import start_answerer
from environment import deployment, until
from many_accounts.making import ENCRYPTION, add, some_of
from redis import Redis
from sqlalchemy import text

from tasks import dependencies
from worker import enqueue_booking, enqueue_bookings
from worker.celery_app import reconfigure
from worker.local.embedded import Guard
from worker.local.processes import fleet
from worker.settings.model import Settings
from worker.wiring import build_from

OTHERS, FLOOD, LIMIT = 19, 20_000, 100  # accounts; requests; calls a minute of each account
WORKERS = (32, 32)  # threads of each
LATENCY = 0.1  # seconds of a call
SECONDS, EVERY = 25, 1.0  # how long the others ask, each one booking in this time
MESSAGES = 100


def pairs() -> Iterator[dict[str, float]]:
    """Measure the others without the flood, and then from its begin on."""
    with Guard() as guard:
        answerer = start_answerer(guard, LATENCY)
        given = {"account_encryption_keys": ENCRYPTION, "calcom_rate_limit_per_minute": LIMIT}
        with deployment(calcom_base_url=answerer.url, **given) as ready:
            ready.processes.start_all(fleet(*WORKERS))
            flooding, *others = add(OTHERS + 1)
            _ask(answerer, others, 0, 3)  # warm
            quiet = _p95(_ask(answerer, others, 10_000, SECONDS))
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                flood = process.submit(_flood, ready.settings, flooding)
                with _Messages(ready.servers.redis_url) as messages:
                    loud = _p95(_ask(answerer, others, 20_000, SECONDS, flood))
    print(f"  p95 {quiet:.3f} s, {loud:.3f} s in the flood; {messages.most} messages", file=sys.stderr, flush=True)
    yield {"accounts_flood": loud / quiet, "accounts_messages": messages.most / MESSAGES}


def _flood(settings: Settings, account: str) -> None:
    """Ask for everything at once, in a process of its own."""
    dependencies.fill(lambda: build_from(settings))
    reconfigure(settings)
    enqueue_bookings(some_of([account], 10**6, FLOOD))


def _ask(
    answerer: Answerer, accounts: Sequence[str], first: int, seconds: int, flood: "Future[None] | None" = None
) -> list[float]:
    """Ask for one booking after the other, evenly, at least until the flood is accepted; return the seconds of each."""
    asked: dict[int, float] = {}
    before, begun = answerer.count(), time.monotonic()
    wanted = iter(some_of(accounts, first, 10 * seconds * len(accounts)))
    while time.monotonic() < begun + seconds or (flood is not None and not flood.done()):
        now = time.monotonic()
        asked[enqueue_booking(next(wanted)).appointment_id] = now
        _pause(max(0.0, begun + len(asked) * EVERY / len(accounts) - time.monotonic()))
    if flood is not None:
        flood.result()
    until(lambda: _confirmed(list(asked)) == len(asked), within=120, pause=_pause)
    ended = {reference: end for reference, _, end in answerer.calls(before)}
    with dependencies.current().engine.connect() as conn:
        query = text("SELECT id, uuid FROM appointments WHERE id = ANY (:ids)")
        references = {row.id: str(row.uuid) for row in conn.execute(query, {"ids": list(asked)})}
    return [ended[references[one]] - at for one, at in asked.items()]


def _confirmed(ids: Sequence[int]) -> int:
    with dependencies.current().engine.connect() as conn:
        query = text("SELECT count(*) FROM appointments WHERE id = ANY (:ids) AND status = 'confirmed'")
        return int(conn.execute(query, {"ids": list(ids)}).scalar_one())


def _p95(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


class _Messages:
    """Count the messages that no worker has taken, until the block ends; `most`: how many there were at most."""

    def __init__(self, url: str) -> None:
        self.most = 0
        self._client, self._over = Redis.from_url(url), threading.Event()
        self._thread = threading.Thread(target=self._count, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._client.close()

    def _count(self) -> None:
        while not self._over.wait(0.05):
            self.most = max(self.most, int(self._client.llen("bookings")))  # type: ignore[arg-type]


_pause = threading.Event().wait
