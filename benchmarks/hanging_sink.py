"""How much slower bookings are while an alert sink hangs; the goal is a ratio of at most 1.1.

One fleet, and batches in turn: one while nothing is to be told, one while a message hangs at a sink that never answers.
"""

import socket
import statistics
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from environment import BenchmarkEnvironment, benchmark_environment, some, until

from db.monitoring import incidents
from tasks import dependencies
from tasks.enqueue import enqueue_bookings

BATCH = 200
LATENCY = 0.2  # seconds that Cal.com takes
THREADS = 16
PAIRS = 5


def main(rounds: int) -> int:
    """Print both medians and their ratio; return 1 when it is over the goal."""
    calm, hanging = (statistics.median(times) for times in zip(*_rounds(rounds), strict=True))
    ratio = hanging / calm
    print(f"{BATCH} bookings, {LATENCY:g} s each, {THREADS} at a time; median of {rounds} rounds")
    print(f"nothing to tell: {calm:.2f} s; a sink hangs: {hanging:.2f} s")
    print(f"ratio {ratio:.3f} (goal: at most 1.1)")
    return int(ratio > 1.1)


def pairs() -> Iterator[dict[str, float]]:
    """Measure both in turn."""
    for calm, hanging in _rounds(PAIRS):
        yield {"hanging_sink": hanging / calm}


def _rounds(rounds: int) -> Iterator[tuple[float, float]]:
    with socket.create_server(("127.0.0.1", 0)) as sink:
        url = f"json://127.0.0.1:{sink.getsockname()[1]}/?rto=60"
        with benchmark_environment([THREADS], latency=LATENCY, alert_urls=url) as running:
            batch(running, 0)  # warm
            for number in range(rounds):
                calm = batch(running, 1 + 2 * number)
                open_incident()
                sink.settimeout(30)
                held, _ = sink.accept()  # from here on it hangs, for as long as the fleet waits
                hanging = batch(running, 2 + 2 * number)
                close_incidents()
                held.close()  # an answer: the sender goes
                yield calm, hanging


def batch(running: BenchmarkEnvironment, number: int) -> float:
    """Book one batch; return the seconds from the first call's begin to the last one's end, as Cal.com saw them."""
    since = running.calcom.last()
    enqueue_bookings(some(number * BATCH, BATCH))
    until(lambda: len(running.calcom.confirmed(since)) >= BATCH, within=120, pause=threading.Event().wait)
    calls = running.calcom.confirmed(since)
    return float(calls[-1]["t1"]) - min(float(call["t0"]) for call in calls)


def open_incident() -> None:
    """Give the fleet something to tell."""
    now = datetime.now(UTC)
    with dependencies.current().engine.begin() as conn:
        incident = incidents.open_suspected(conn, "a benchmark", None, now, count=1, detail={})
        if incident:
            incidents.add_message(conn, incident, "A benchmark", now)


def close_incidents() -> None:
    """Let nothing be due any more."""
    with dependencies.current().engine.begin() as conn:
        conn.exec_driver_sql("DELETE FROM alert_incidents")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
