"""What reaches a dead Cal.com while requests keep coming, counted from Cal.com's own journal.

Requests come at an even pace before, in and after an outage in which every call is answered 503. Until the breaker
opens as many calls may reach Cal.com as open it and are in flight by then; from then on one probe an open window and
nothing else, until Cal.com is back; then every booking is made, once. Ends with 1 when a promise was broken.
"""

import argparse
import contextlib
import json
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from environment import BenchmarkEnvironment, benchmark_environment, some, until
from sqlalchemy import text

from resilience.circuit_breaker.types import State
from tasks import dependencies
from worker import enqueue_bookings
from worker.local.demo.judge import AppointmentRow, judge
from worker.local.demo.outage import IN_FLIGHT, StateChange, measure
from worker.local.demo.timeline import Clock

THRESHOLD = 5
QUIET = 3.0  # seconds of good weather before the outage
SOON = 2.0  # seconds beyond the open window within which the first booking is confirmed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return the exit code."""
    asked = _parser().parse_args(arguments)
    settings = {
        "circuit_breaker_threshold": THRESHOLD,
        "circuit_breaker_half_open_timeout": asked.open,
        "calcom_settle_answered_seconds": 1.0,
    }
    with benchmark_environment([asked.threads] * asked.workers, latency=0.05, **settings) as ready:
        result = _outage(ready, seconds=asked.seconds, rate=asked.rate, after=asked.open + SOON + 1)
    broken = _broken(result, at_the_trip=THRESHOLD + asked.threads * asked.workers, soon=asked.open + SOON)
    if asked.json:
        print(json.dumps({**result, "broken": broken}))
    else:
        for name, value in result.items():
            print(f"{name.replace('_', ' '):32} {value:.2f}" if isinstance(value, float) else f"{name:32} {value}")
        for promise in broken:
            print(f"broken: {promise}")
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--seconds", type=float, default=30.0, metavar="S", help="how long Cal.com is down (30)")
    made.add_argument("--rate", type=float, default=10.0, metavar="N", help="requests a second (10)")
    made.add_argument("--open", type=float, default=5.0, metavar="S", help="CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT (5)")
    made.add_argument("--workers", type=int, default=2, metavar="N", help="worker processes (2)")
    made.add_argument("--threads", type=int, default=16, metavar="N", help="threads of each (16)")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


def _outage(ready: BenchmarkEnvironment, *, seconds: float, rate: float, after: float) -> dict[str, Any]:
    quiet = _ask(0, rate, QUIET)
    _confirmed(quiet)
    begins = time.monotonic()
    ready.calcom.order("POST", "/_faults", {"kind": "status", "name": "unavailable"})
    ready.calcom.order("POST", "/_faults", {"kind": "latency", "delay": 0.3})  # so long a second probe could slip in
    met = quiet + _ask(quiet, rate, seconds)
    ready.calcom.order("DELETE", "/_faults")
    back = time.monotonic()
    accepted = met + _ask(met, rate, after)
    _confirmed(accepted)

    clock = Clock()
    changes = [
        StateChange(clock.monotonic_of(one.at), one.old, one.new)
        for one in dependencies.current().breaker.view.transitions(count=2000)
        if one.endpoint is None
    ]
    rows = _rows()
    journal = ready.calcom.journal()
    verdict = judge(accepted, rows, ready.calcom.bookings(), journal)
    met_it = {row.reference for row in rows[quiet:met]}
    booked = [float(call["t1"]) for call in journal if call["uid"] and call["reference"] in met_it]
    calm = measure(changes, journal, held_peak=0, back=back, last_booked=max(booked, default=None))
    confirmed = sum(row.status == "confirmed" for row in rows)
    trip = next((change.at for change in changes if change.new is State.OPEN), float("inf"))
    return {
        "requests_in_the_outage": met - quiet,
        "calls_at_the_trip": sum(begins < float(call["t0"]) <= trip + IN_FLIGHT for call in journal),
        "calls_while_open": calm.calls_while_open,
        "opened": calm.breaker_opened,
        "probes": calm.probes,
        "first_confirmed_after_seconds": min(booked, default=float("inf")) - back,
        "recovery_seconds": calm.recovery_seconds,
        "confirmed": confirmed,
        "lost": accepted - confirmed + len(verdict.lost),
        "double": len(verdict.doubled),
    }


def _broken(result: dict[str, Any], *, at_the_trip: int, soon: float) -> list[str]:
    """Name the promises that were not kept."""
    kept = {
        "the breaker opens": result["opened"] > 0,
        f"at most {at_the_trip} calls reach Cal.com until then": result["calls_at_the_trip"] <= at_the_trip,
        "while it is open nothing does but one probe a window": result["calls_while_open"] == 0,
        f"the first is confirmed {soon:g} s after Cal.com is back": result["first_confirmed_after_seconds"] <= soon,
        "nothing is lost": result["lost"] == 0,
        "nothing is booked twice": result["double"] == 0,
    }
    return [promise for promise, is_kept in kept.items() if not is_kept]


def _ask(first: int, rate: float, seconds: float) -> int:
    """Enqueue one by one at an even pace; return how many."""
    count = round(rate * seconds)
    begun = time.monotonic()
    for number in range(count):
        _pause(max(0.0, begun + number / rate - time.monotonic()))
        enqueue_bookings(some(first + number, 1))
    _pause(max(0.0, begun + seconds - time.monotonic()))
    return count


def _rows() -> list[AppointmentRow]:
    """Return our rows, by time of request."""
    query = "SELECT id, uuid, status, calcom_booking_uid, calcom_seat_uid FROM appointments ORDER BY id"
    with dependencies.current().engine.connect() as conn:
        return [AppointmentRow(one[0], str(one[1]), *one[2:]) for one in conn.execute(text(query))]


def _confirmed(count: int) -> None:
    """Give as many bookings the time to be confirmed."""
    with contextlib.suppress(TimeoutError):  # who is not by then is counted as lost
        until(lambda: sum(row.status == "confirmed" for row in _rows()) >= count, within=120, pause=_pause)


_pause = threading.Event().wait

if __name__ == "__main__":
    sys.exit(main())
