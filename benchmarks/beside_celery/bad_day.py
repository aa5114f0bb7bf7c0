"""A bad day is no outage: how long bookings take while a few calls fail, beside plain Celery on the same Cal.com.

Requests come at an even pace to two processes of eight threads, with the default settings but no rate limit. On a day
of `errors` 3 % of all calls are answered 500. On a day of a `broken type` every twentieth request is for an event type
that always answers 500, and healthy ones come until the last of those has used up its retries: two minutes later, for
only then the absence of a booking counts. Ends with 1 when the breaker opened or held somebody, a healthy booking was
not made once, or a broken one did not end as failed, or unreachable until HOLD_MAX_AGE after its request. Other holds
(what must settle, a look that failed) are listed by their causes. On a day of `half` half of all POSTs and lists are
answered 503 for 30 s: there the breaker opens, and each booking must be made once all the same.
"""

import argparse
import contextlib
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles
from typing import Any

from beside_celery.plain_celery import app as plain
from beside_celery.plain_celery import book
from environment import EVENT_TYPE, Calcom, benchmark_environment, some, until
from kombu.connection import Connection
from sqlalchemy import text

from booking_client.request.model import BookingRequest
from db.appointments.event_types import ShownType, keep
from db.event_kind import EventKind
from db.lifecycle import FINAL
from resilience.circuit_breaker.types import State
from resilience.exceptions import AppointmentDatabaseException
from tasks import dependencies
from worker import enqueue_bookings
from worker.local.embedded import servers
from worker.local.environment import start_simulator
from worker.local.processes import Part, ProcessGroup

KEY = "cal_test_owner"
BROKEN = 999
POST = {"method": "POST", "path": "/v2/bookings"}
OPEN = 5.0  # seconds, on a day on which half fails
WHILE = 30.0  # seconds for which it fails, and for which it is asked
HALF = {"kind": "status", "name": "unavailable", "share": 0.5, "seconds": WHILE}
DAYS: dict[str, list[dict[str, Any]]] = {
    "quiet": [],
    "errors": [{"kind": "status", "name": "internal", "share": 0.03}],
    "broken type": [{"kind": "status", "name": "internal", "match": POST | {"event_type_id": BROKEN}}],
    "half": [HALF | {"match": POST | {"method": method}} for method in ("POST", "GET")],
}
PATIENT = 5  # times that the same request is sent
ENDING = 240.0  # seconds that the last bookings may take after the last request
_BROKEN_ENDED = "SELECT coalesce(hold_reason, status) AS ended FROM appointments WHERE event_type_id = :broken"
Ask = Callable[[int, int], str]
"""Ask for booking number N of an event type; returns the reference under which Cal.com is told of it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return the exit code."""
    asked = _parser().parse_args(arguments)
    contestants = [_ours] if asked.alone else [_ours, _plain]
    results = []
    if not asked.json:
        print(
            f"{'who':15}{'day':12}{'asked':>6}{'booked':>7}{'p50 s':>8}{'p95 s':>8}{'max s':>8}  opened  held  failed"
        )
    for run, day in product(contestants, asked.days):
        results.append(run(asked, day))
        if not asked.json:
            _print(results[-1])
    if asked.json:
        print(json.dumps(results))
    return 1 if any(one["broken"] for one in results) else 0


def pairs() -> Iterator[dict[str, float]]:
    """Spend a minute of both bad days, both contestants at once, each with servers of its own."""
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as each:
        spent = {
            name: [each.submit(_bounded, run, day) for run in (_ours, _plain)]
            for name, day in (("bad_day_errors", "errors"), ("bad_day_event_type", "broken type"))
        }
        for name, days in spent.items():
            ours, plain = (day.result() for day in days)
            print(
                f"  {name}: p95 {ours['p95']:.3f} s, plain Celery's {plain['p95']:.3f} s", file=sys.stderr, flush=True
            )
            if ours["booked"] < ours["healthy"]:
                raise SystemExit(f"{ours['healthy'] - ours['booked']} healthy bookings were not made")
            yield {name: ours["p95"] / plain["p95"]}
        ours, plain = (day.result() for day in [each.submit(_bounded, run, "half") for run in (_ours, _plain)])
        told = (f"p50 {one['p50']:.1f} s, p95 {one['p95']:.1f} s, {one['booked']} booked" for one in (ours, plain))
        print("  half_fails: {}; plain Celery's {}".format(*told), file=sys.stderr, flush=True)
        if ours["booked"] < ours["healthy"]:
            raise SystemExit(f"{ours['healthy'] - ours['booked']} bookings were not made")
        yield {"half_fails_p50": ours["p50"] / OPEN, "half_fails_p95": ours["p95"] / OPEN}


def _bounded(run: Callable[[argparse.Namespace, str], dict[str, Any]], day: str) -> dict[str, Any]:
    """Spend a day that ends with its last request, whatever becomes of the broken ones."""
    return run(_parser().parse_args(["--last", "0"]), day)


def _print(one: dict[str, Any]) -> None:
    took = "".join(f"{one[name]:8.2f}" for name in ("p50", "p95", "max"))
    counts = f"{one['opened']:>8}{one['held']:>6}{one['failed']:>8}"
    print(f"{one['who']:15}{one['day']:12}{one['healthy']:6}{one['booked']:7}{took}{counts}", flush=True)
    for why, number in one["other_holds"].items():
        print(f"{number:21} times held: {why}", flush=True)
    for promise in one["broken"]:
        print(f"broken: {promise}", flush=True)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--requests", type=int, default=600, metavar="N", help="requests a day (600)")
    made.add_argument("--rate", type=float, default=10.0, metavar="N", help="requests a second (10)")
    made.add_argument("--days", nargs="+", choices=DAYS, default=list(DAYS), metavar="DAY", help=", ".join(DAYS))
    made.add_argument("--alone", action="store_true", help="without plain Celery")
    made.add_argument("--workers", type=int, default=2, metavar="N", help="worker processes (2)")
    made.add_argument("--threads", type=int, default=8, metavar="N", help="threads of each (8)")
    last = "how many more seconds healthy ones may come until the last broken one has ended (240)"
    made.add_argument("--last", type=float, default=ENDING, metavar="S", help=last)
    made.add_argument("--json", action="store_true", help="print one line of JSON")
    return made


def _ours(asked: argparse.Namespace, day: str) -> dict[str, Any]:
    given = {"circuit_breaker_half_open_timeout": OPEN} if day == "half" else {}
    with benchmark_environment([asked.threads] * asked.workers, latency=0.05, **given) as ready:
        if day == "half":
            _know_the_type()

        def ask(number: int, event_type: int) -> str:
            [wanted] = some(number, 1)
            return _accepted(wanted.model_copy(update={"event_type_id": event_type}))

        times = _spend(asked, day, ready.calcom, ask, have_ended=_broken_have_ended)
        names = {str(row.uuid): str(row.id) for row in _rows("SELECT id, uuid FROM appointments")}
        result = _judged("booking-worker", day, times, ready.calcom, names)
        changes = dependencies.current().breaker.view.transitions(count=1000)
        met = _rows("SELECT count(*) AS number FROM appointments WHERE circuit_breaker_open_at_booking IS NOT NULL")
        holds = Counter(
            row.why for row in _rows("SELECT detail ->> 'why' AS why FROM appointment_events WHERE kind = 'held'")
        )
        ended = Counter(row.ended for row in _rows(_BROKEN_ENDED))
    result |= {
        "opened": sum(one.new is State.OPEN for one in changes),
        "held": met[0].number,
        "failed": ended["failed"],
        "other_holds": dict(holds),
    }
    kept = {
        "the breaker never opens": result["opened"] == 0 or day == "half",
        "nobody is held by it": result["held"] == 0 or day == "half",
        "each healthy booking is made once": result["booked"] == result["healthy"] and not result["doubled"],
        "each broken one ends failed, or unreachable": set(ended) <= {"failed", "unreachable"},
    }
    return result | {"broken": [promise for promise, is_kept in kept.items() if not is_kept]}


def _plain(asked: argparse.Namespace, day: str) -> dict[str, Any]:
    with _plain_stage(asked.workers, asked.threads) as (calcom, broker):

        def ask(number: int, event_type: int) -> str:
            [wanted] = some(number, 1)
            body = {
                "start": wanted.start.isoformat(),
                "attendee": {"name": "Pat Example", "email": f"pat{number}@example.com", "timeZone": "UTC"},
                "eventTypeId": event_type,
                "metadata": {"bookingWorkerRef": f"plain-{number}"},
            }
            book.apply_async((calcom.url, KEY, body), connection=broker)
            return f"plain-{number}"

        ending = WHILE if day == "half" else ENDING  # what is lost comes no more
        times = _spend(asked, day, calcom, ask, have_ended=lambda: True, ending=ending)
        result = _judged("plain Celery", day, times, calcom, {})
    return result | {"opened": "-", "held": "-", "failed": "-", "other_holds": {}, "broken": []}


def _spend(
    asked: argparse.Namespace,
    day: str,
    calcom: Calcom,
    ask: Ask,
    *,
    have_ended: Callable[[], bool],
    ending: float = ENDING,
) -> dict[str, float]:
    """Ask through a day at an even pace; return when each healthy booking was asked for, by its reference."""
    calcom.order("POST", "/_event_types", {"id": BROKEN, "exclusive": False})
    for fault in DAYS[day]:
        calcom.order("POST", "/_faults", fault)
    times: dict[str, float] = {}
    begun = time.monotonic()
    requests = round(WHILE * asked.rate) if day == "half" else asked.requests
    last = requests + (0 if day == "half" else round(asked.last * asked.rate))
    for number in range(last):
        if number >= requests and number % asked.rate < 1 and have_ended():
            break
        _pause(max(0.0, begun + number / asked.rate - time.monotonic()))
        at = time.monotonic()
        if day == "broken type" and number % 20 == 0 and number < asked.requests:
            ask(number, BROKEN)
        else:
            times[ask(number, EVENT_TYPE)] = at
    with contextlib.suppress(TimeoutError):  # what is not booked by then is counted as not booked
        until(lambda: len(calcom.confirmed()) >= len(times), within=ending, pause=_pause)
    return times


def _judged(who: str, day: str, times: dict[str, float], calcom: Calcom, names: dict[str, str]) -> dict[str, Any]:
    """Say how long the healthy bookings took; `names` are ours for Cal.com's references, where they differ."""
    made = Counter(call["reference"] for call in calcom.confirmed())
    booked: dict[str, float] = {}
    for call in calcom.confirmed():
        booked.setdefault(names.get(call["reference"], call["reference"]), float(call["t1"]))
    took = sorted(booked[one] - at for one, at in times.items() if one in booked)
    cuts = quantiles(took, n=100)
    return {
        "who": who,
        "day": day,
        "healthy": len(times),
        "booked": len(took),
        "doubled": sum(number > 1 for number in made.values()),
        "p50": cuts[49],
        "p95": cuts[94],
        "max": took[-1],
    }


def _accepted(wanted: BookingRequest) -> str:
    """Ask until it is accepted: a caller whose patience ends on a busy machine sends the same request again."""
    for _ in range(PATIENT):
        with contextlib.suppress(AppointmentDatabaseException):
            [receipt] = enqueue_bookings([wanted])
            return str(receipt.appointment_id)  # type: ignore[union-attr]
    raise TimeoutError("Postgres accepts nothing")


def _know_the_type() -> None:
    """Have the key know what the type is, as where it was asked about today: then a 503 settles in seconds."""
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        shown = ShownType(policy_kind=EventKind.PLAIN, confirms_free_email=False, personal=True, sight=True)
        keep(conn, deps.calcom.key_fingerprint, str(EVENT_TYPE), shown)


def _broken_have_ended() -> bool:
    return all(row.ended in {*FINAL, "unreachable"} for row in _rows(_BROKEN_ENDED))


def _rows(query: str) -> list[Any]:
    with dependencies.current().engine.connect() as conn:
        return list(conn.execute(text(query), {"broken": BROKEN} if ":broken" in query else {}))


@contextlib.contextmanager
def _plain_stage(workers: int, threads: int) -> Iterator[tuple[Calcom, Connection]]:
    """Start a broker, a simulator and plain workers; this process is their caller."""
    here = Path(__file__).parents[1]
    with servers(postgres=False) as embedded:
        logs = embedded.folder / "logs"
        logs.mkdir()
        processes = ProcessGroup(embedded.guard, {}, logs, cwd=here)
        simulated = start_simulator(processes, "--rate-limit", "0", "--latency", "0.05", "0.05")
        options = (
            "-b",
            embedded.redis_url,
            "-A",
            "beside_celery.plain_celery",
            "worker",
            "-P",
            "threads",
            "-c",
            str(threads),
            "-l",
            "INFO",
        )
        started = [
            Part(f"plain {number}", (sys.executable, "-m", "celery", *options, "-n", f"plain{number}@%h"), " ready.")
            for number in range(workers)
        ]
        processes.start_all(started)
        with plain.connection_for_write(embedded.redis_url) as broker:
            yield Calcom(*astuple(simulated)), broker


_pause = threading.Event().wait

if __name__ == "__main__":
    sys.exit(main())
