"""What sixty tabs cost beside 1,000,000 bookings: transactions a second, of one Flower that reads for all of them.

Each tab asks as often as its page does (worker/page/static), and has a session of its own. An answer that is no figures
(503 of a shared reading, or anything else) ends the run: the figure would be of less work.
"""

import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import MappingProxyType

import requests
from environment import deployment
from page import filled
from sqlalchemy import Engine, text

from db.engine import make_engine
from worker.local.processes import flower

TOTAL, HELD = 1_000_000, 100_000
MOST = 60  # transactions a second
WARM, SECONDS, ROUNDS = 5.0, 20.0, 3
ANSWERED = frozenset({200, 304})
OVERVIEW: Mapping[str, float] = MappingProxyType(
    {"overview": 1, "charts?range=1h": 10, "bookings?state=held&limit=20": 10}
)
LISTS = (
    "bookings",
    "bookings?state=failed",
    "bookings?state=confirmed",
    "bookings?reason=throttled",
    "bookings?event_type=103",
    "bookings?state=held&sort=start",
)
TABS: tuple[Mapping[str, float], ...] = (
    *([OVERVIEW] * 24),
    *({one: 4} for one in LISTS * 2),
    *({f"bookings/{number}": 2} for number in range(1, 13)),
    *([{"bookings?state=held&limit=50": 2}] * 4),
    *([{"workers": 2}] * 4),
    *([{"actions": 4}] * 4),
)
_pause = threading.Event().wait
_TRANSACTIONS = text("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()")


def pairs() -> Iterator[dict[str, float]]:
    """Fill once; then count, a round after the other."""
    with deployment() as ready:
        engine = make_engine(ready.servers.database_url, statement_timeout_ms=0)
        filled.fill(engine, TOTAL, HELD)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        ready.processes.start_all([flower(port)])
        with _opened(f"http://127.0.0.1:{port}/resilience/data/") as answered:
            _pause(WARM)
            for _ in range(ROUNDS):
                yield {"page_tabs": _rate(engine, answered) / MOST}


def _rate(engine: Engine, answered: list[int]) -> float:
    """Return the transactions a second of some seconds. Raises SystemExit: an answer of these had no figures."""
    before, began, first = len(answered), time.monotonic(), _transactions(engine)
    _pause(SECONDS)
    rate = (_transactions(engine) - first) / (time.monotonic() - began)
    seen = Counter(answered[before:])
    print(f"  {rate:.1f} transactions a second; answers {dict(seen)}", file=sys.stderr, flush=True)
    if not seen or seen.keys() - ANSWERED:
        raise SystemExit(f"some of sixty tabs had no figures: {dict(seen)}")
    return rate


def _transactions(engine: Engine) -> int:
    with engine.connect() as conn:
        return int(conn.execute(_TRANSACTIONS).scalar_one())


@contextmanager
def _opened(address: str) -> Iterator[list[int]]:
    """Open all tabs; yield the status of each answer that they have had."""
    answered, closed = list[int](), threading.Event()
    with ThreadPoolExecutor(sum(map(len, TABS))) as pool:
        polls = [
            pool.submit(_poll, address + path, every, answered, closed) for tab in TABS for path, every in tab.items()
        ]
        try:
            yield answered
        finally:
            closed.set()
            for poll in polls:
                poll.result()


def _poll(address: str, every: float, answered: list[int], closed: threading.Event) -> None:
    """Ask again and again, as static/core/poll.js does: one request at a time, by the last answer's tag."""
    with requests.Session() as session:
        tag = ""
        while not closed.wait(every):
            answer = session.get(address, headers={"If-None-Match": tag} if tag else {}, timeout=30)
            tag = answer.headers.get("Etag", "")
            answered.append(answer.status_code)
