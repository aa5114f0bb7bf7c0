"""What a fleet does while Redis is gone and its broker is not: eight worker processes, RabbitMQ, ten minutes.

Bookings wait in line for our own rate limit when Redis is killed. For half of the time Cal.com is well: the line moves
at the limit's pace. Then it answers 503 for a third: each process finds out by itself, and stops. Then it is well,
and at last Redis comes back: the shared breaker never heard of the outage, and wins. Ends with 1 when a promise was
broken. Needs Debian's RabbitMQ (apt-get install rabbitmq-server).
"""

import argparse
import contextlib
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from environment import BenchmarkEnvironment, benchmark_environment, some, until
from sqlalchemy import text

from tasks import dependencies
from worker import enqueue_bookings
from worker.local.demo.judge import AppointmentRow, judge
from worker.local.embedded import Guard

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.rabbit import PROGRAMS, rabbit

PROCESSES, THREADS = 8, 2
THRESHOLD, OPEN, SETTLE = 5, 30.0, 20.0
SETTLED = 3.0  # seconds after Redis is killed in which permits that it gave are still used
WELL, DEAD = 1 / 2, 1 / 3  # of the time: Cal.com is well, and is not
TOLD_WITHIN = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return the exit code."""
    asked = _parser().parse_args(arguments)
    with Guard() as guard:
        settings: dict[str, Any] = {
            "celery_broker_url": rabbit(guard).url,
            "calcom_rate_limit_per_minute": asked.limit,
            "circuit_breaker_threshold": THRESHOLD,
            "circuit_breaker_half_open_timeout": OPEN,
            "calcom_settle_seconds": SETTLE,
            "calcom_settle_answered_seconds": 1.0,
        }
        with benchmark_environment([THREADS] * PROCESSES, latency=0.1, **settings) as ready:
            result = _gone(ready, seconds=asked.seconds, limit=asked.limit)
    broken = _broken(result)
    if asked.json:
        print(json.dumps({**result, "broken": broken}))
    else:
        for name, value in result.items():
            print(f"{name.replace('_', ' '):32} {f'{value:.1f}' if isinstance(value, float) else value}")
        for promise in broken:
            print(f"broken: {promise}")
    return 1 if broken else 0


def pairs() -> Iterator[dict[str, float]]:
    """Run it once, in its short form; it takes a minute and a half."""
    if not PROGRAMS.is_dir():
        print("redis_gone needs Debian's RabbitMQ (apt-get install rabbitmq-server)", file=sys.stderr)
        raise SystemExit(1)
    argv = [sys.executable, __file__, "--seconds", "50", "--limit", "600", "--json"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=False)
    result = json.loads(done.stdout)
    yield {"redis_gone": result["calls_a_minute_in_good_weather"] / result["limit_a_minute"]}


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--seconds", type=float, default=600.0, metavar="S", help="how long Redis is gone (600)")
    made.add_argument("--limit", type=int, default=300, metavar="N", help="CALCOM_RATE_LIMIT_PER_MINUTE (300)")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


def _gone(ready: BenchmarkEnvironment, *, seconds: float, limit: int) -> dict[str, Any]:
    accepted = math.ceil(seconds * limit / 60) + PROCESSES * THREADS
    enqueue_bookings(some(0, accepted))
    until(lambda: _count("held") > accepted / 2, within=60, pause=_pause)

    gone = time.monotonic()
    ready.redis.kill()
    told = _watch(seconds * WELL, gone)
    dies = time.monotonic()
    ready.calcom.order("POST", "/_faults", {"kind": "status", "name": "unavailable"})
    told = min(told, _watch(seconds * DEAD, gone))
    lives = time.monotonic()
    ready.calcom.order("DELETE", "/_faults")
    told = min(told, _watch(gone + seconds - lives, gone))
    in_line = accepted - _count("confirmed")
    back = time.monotonic()
    ready.redis.restart()
    with contextlib.suppress(TimeoutError):  # who is not confirmed by then is counted as lost
        until(lambda: _count("confirmed") == accepted, within=in_line * 60 / limit + 4 * SETTLE, pause=_pause)

    status = dependencies.current().breaker.get_status()
    journal = ready.calcom.journal()
    verdict = judge(accepted, _rows(), ready.calcom.bookings(), journal)
    begun = [float(call["t0"]) for call in journal]
    ended = [float(call["t1"]) for call in journal if call["uid"]]
    probes = int((lives - dies) // OPEN)
    paced = dies - gone - SETTLED
    return {
        "bookings": accepted,
        "calls_a_minute_in_good_weather": sum(gone + SETTLED < one < dies for one in begun) * 60 / paced,
        "limit_a_minute": limit,
        "calls_to_a_dead_calcom": sum(dies < one < lives for one in begun),
        "at_most": PROCESSES * (THRESHOLD + THREADS + probes),
        "booked_before_redis_was_back": sum(lives < one < back for one in ended),
        "seconds_until_an_incident": told,
        "in_line_when_redis_was_back": in_line,
        "shared_again": status.shared,
        "state": str(status.state),
        "lost": accepted - _count("confirmed") + len(verdict.lost),
        "double": len(verdict.doubled),
    }


def _broken(result: dict[str, Any]) -> list[str]:
    """Name the promises that were not kept."""
    pace = result["calls_a_minute_in_good_weather"] / result["limit_a_minute"]
    kept = {
        "the line moves at the limit's pace": 0.8 <= pace <= 1.05,
        "a dead Cal.com is met by threshold and calls in flight": result["calls_to_a_dead_calcom"] <= result["at_most"],
        f"an incident says so within {TOLD_WITHIN:g} s": result["seconds_until_an_incident"] <= TOLD_WITHIN,
        "the shared breaker wins when it is back": result["shared_again"] and result["state"] == "closed",
        "nothing is lost": result["lost"] == 0,
        "nothing is booked twice": result["double"] == 0,
    }
    return [promise for promise, is_kept in kept.items() if not is_kept]


def _watch(seconds: float, gone: float) -> float:
    """Let time pass; return the seconds after which somebody was told that Redis is gone, endless when nobody was."""
    ends, told = time.monotonic() + seconds, math.inf
    query = text("SELECT count(*) FROM alert_incidents WHERE kind = 'redis_gone' AND news > 0")
    while (now := time.monotonic()) < ends:
        if told == math.inf:
            with dependencies.current().engine.connect() as conn:
                told = now - gone if conn.execute(query).scalar_one() else told
        _pause(min(0.5, ends - now))
    return told


def _count(status: str) -> int:
    with dependencies.current().engine.connect() as conn:
        query = text("SELECT count(*) FROM appointments WHERE status = :status")
        return int(conn.execute(query, {"status": status}).scalar_one())


def _rows() -> list[AppointmentRow]:
    query = "SELECT id, uuid, status, calcom_booking_uid, calcom_seat_uid FROM appointments ORDER BY id"
    with dependencies.current().engine.connect() as conn:
        return [AppointmentRow(one[0], str(one[1]), *one[2:]) for one in conn.execute(text(query))]


_pause = threading.Event().wait

if __name__ == "__main__":
    sys.exit(main())
