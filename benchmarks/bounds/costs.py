"""What two things cost that must stay cheap: to mask a long text, and to write a day's figures."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from booking_client.redaction import scrub
from db import revisions
from db.engine import make_engine
from db.monitoring.failure_metrics import write
from resilience.call_stats.windows import Failures, Window
from resilience.error_types import ErrorType
from tasks.maintenance import failure_metrics
from worker.local import embedded

ROUNDS = 5
LONG, SHORT, TIMES = 1_000_000, 5_000, 200
MINUTES, ALLOWED = 1440, 86.4  # windows of a day; a thousandth of it in seconds
FIRST = datetime(2029, 3, 1, tzinfo=UTC)


def pairs() -> Iterator[dict[str, float]]:
    """Mask in turns, then write a day after the other."""
    for text in ("a", "a@", "//", "+1", "x "):
        long, short = (text * (size // len(text)) for size in (LONG, SHORT))
        yield {"long_text": _seconds(lambda: _mask(long)) / _seconds(lambda: _mask(short))}  # noqa: B023 - called at once
    with embedded.servers(valkey=False) as servers:
        engine = make_engine(servers.database_url)
        revisions.upgrade(engine)
        for day in range(ROUNDS):
            first = FIRST + timedelta(days=day)
            rows = [row for minute in range(MINUTES) for row in failure_metrics.rows("calcom", _window(first, minute))]
            with engine.begin() as conn:
                yield {"metrics_day": _seconds(lambda: write(conn, rows)) / ALLOWED}  # noqa: B023 - the same
        engine.dispose()


def _mask(text: str) -> None:
    for _ in range(TIMES):
        scrub(text)


def _window(first: datetime, minute: int) -> Window:
    start = first + timedelta(minutes=minute)
    errors = tuple(Failures(error, (0, 3, 0), start, start, {"correlation_id": "c"}) for error in list(ErrorType)[1:21])
    return Window("slots", start, start + timedelta(minutes=1), 100, 60, 250.5, 900, errors)


def _seconds(do: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun
