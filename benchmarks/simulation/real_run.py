"""One real run under given conditions: its figures, and what its steps cost; a simulation is held to them.

Real servers, workers, beat and a Cal.com that answers 503 for a while, all on one machine; reads Linux's /proc.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text

from benchmarks.environment import BenchmarkEnvironment, benchmark_environment, some, until
from benchmarks.simulation import check
from benchmarks.simulation.conditions import Conditions, Costs
from benchmarks.simulation.recording import Recording
from benchmarks.simulation.trace import Call, Change, Trace, measure
from tasks import dependencies
from worker import enqueue_bookings
from worker.local.demo.timeline import Clock

IN_LINE = """SELECT CAST(detail->>'since' AS timestamptz), created_at FROM appointment_events
    WHERE kind = 'pending' AND detail->>'held' IN ('breaker_open', 'throttled', 'in_line')"""
"""When those joined the line, and left it, that are let go in order; who waits for a settle time is not in it."""
BUSY, BATCH = 600, 100  # bookings sent at once, to see what one costs
TICKS = 100.0  # of /proc, a second
_pause = threading.Event().wait


def record(day: Conditions) -> Recording:
    """Run it, in the seconds that it says, and return what is worth keeping.

    Raises:
        ValueError: Cal.com cannot be slower in good weather than while it fails.
    """
    if day.failing < day.latency:
        raise ValueError("failing: must not be below latency in a recording")
    settings = {
        "circuit_breaker_half_open_timeout": day.open,
        "circuit_breaker_threshold": day.threshold,
        "calcom_rate_limit_per_minute": day.limit,
        "calcom_settle_seconds": day.settle,
        "hold_release_max": day.window,
    }
    with benchmark_environment([day.threads] * day.workers, latency=day.latency, **settings) as ready:
        clock = Clock()
        asked, begins, back = _day(ready, day)
        run, booked = _read(ready, clock, (begins, back), asked)
        costs = _costs(run, day, booked, _busy(ready, asked))
    found = Recording(day, costs, measure(run))
    return found._replace(costs=check.calibrated(found))


def _day(ready: BenchmarkEnvironment, day: Conditions) -> tuple[int, float, float]:
    """Send requests at an even pace through an outage; return how many, when it began, and when it was over."""
    asked = _ask(0, day.rate, day.before)
    begins = time.monotonic()
    if day.failing > day.latency:  # first, for a call that has met a status meets nothing after it
        ready.calcom.order("POST", "/_faults", {"kind": "latency", "delay": day.failing - day.latency})
    ready.calcom.order("POST", "/_faults", {"kind": "status", "name": "unavailable"})
    asked = _ask(asked, day.rate, day.outage)
    ready.calcom.order("DELETE", "/_faults")
    back = time.monotonic()
    asked = _ask(asked, day.rate, day.after)
    until(lambda: _confirmed() >= asked, within=120 + day.settle, pause=_pause)
    return asked, begins, back


def _busy(ready: BenchmarkEnvironment, first: int) -> dict[str, float]:
    """Return the CPU seconds that a booking costs each part while the whole fleet is at work."""
    before = _cpu(ready)
    for start in range(first, first + BUSY, BATCH):
        enqueue_bookings(some(start, BATCH))
    until(lambda: _confirmed() >= first + BUSY, within=600, pause=_pause)
    return {name: (after - before[name]) / BUSY for name, after in _cpu(ready).items()}


def _ask(first: int, rate: float, seconds: float) -> int:
    """Enqueue one by one; return the number after the last."""
    begun, number = time.monotonic(), 0
    while (due := number / rate) < seconds:
        _pause(max(0.0, begun + due - time.monotonic()))
        enqueue_bookings(some(first + number, 1))
        number += 1
    _pause(max(0.0, begun + seconds - time.monotonic()))
    return first + number


def _confirmed() -> int:
    return int(_rows("SELECT count(*) FROM appointments WHERE status = 'confirmed'")[0][0])


def _rows(query: str) -> Sequence[Any]:
    with dependencies.current().engine.connect() as conn:
        return conn.execute(text(query)).all()


def _read(
    ready: BenchmarkEnvironment, clock: Clock, outage: tuple[float, float], count: int
) -> tuple[Trace, list[dict[str, Any]]]:
    """Return what happened to so many requests, and the calls that booked, each with the times of its request."""
    events = _rows("SELECT appointment_id, created_at FROM appointment_events WHERE kind = 'confirmed'")
    asked = _rows("SELECT id, uuid, requested_at FROM appointments ORDER BY id")[:count]
    journal = [call for call in ready.calcom.journal() if call["t1"]]
    calls = sorted(Call(float(one["t0"]), float(one["t1"]), books=bool(one["uid"])) for one in journal)
    line = [(clock.monotonic_of(at), by) for span in _rows(IN_LINE) for at, by in zip(span, (1, -1), strict=True)]
    run = Trace(*outage, calls=calls, holds=sorted(line))
    done = {one: clock.monotonic_of(at) for one, at in events}
    run.requests = [(clock.monotonic_of(at), done.get(one)) for one, _, at in asked]
    run.changes = [
        Change(clock.monotonic_of(one.at), one.old.value, one.new.value)
        for one in dependencies.current().breaker.view.transitions(count=2000)
        if one.endpoint is None
    ]
    return run, [one | {"asked": request} for one, request in _joined(journal, asked, run.requests)]


def _joined(
    journal: Sequence[dict[str, Any]], asked: Sequence[Any], requests: Sequence[tuple[float, float | None]]
) -> Iterator[tuple[dict[str, Any], tuple[float, float | None]]]:
    """Yield each call that booked with the times of its request."""
    known = {str(uuid): times for (_, uuid, _), times in zip(asked, requests, strict=True)}
    for call in journal:
        if call["uid"] and call["reference"] in known:
            yield call, known[call["reference"]]


def _costs(run: Trace, day: Conditions, booked: Sequence[Mapping[str, Any]], cpu: Mapping[str, float]) -> Costs:
    """Return what each step took in this run."""
    calm = [one for one in booked if one["asked"][1] is not None and one["asked"][1] < run.begins]
    enter = median(float(one["t0"]) - one["asked"][0] for one in calm)
    leave = median(one["asked"][1] - float(one["t1"]) for one in calm)
    opened = [change.at for change in run.changes if change.new == "open"]
    probes = [min(call.begins for call in run.calls if call.begins > at + day.open - 0.05) for at in opened]
    lag = median(probe - at - day.open for probe, at in zip(probes, opened, strict=True))
    unclear = sum(run.begins <= call.begins < run.back for call in run.calls)
    settled = sum(call.begins > run.begins + day.settle and not call.books for call in run.calls)
    return Costs(
        enter=enter,
        leave=leave,
        release=0.0,
        probe_lag=lag,
        looks=settled / unclear,
        **cpu,
    )


def _cpu(ready: BenchmarkEnvironment) -> dict[str, float]:
    """Return the CPU seconds that the workers, the database and Redis have used."""
    workers = [pid for name, pid in ready.pids.items() if name.startswith("worker")]
    servers = {"database": [ready.postgres.pid], "redis": [ready.redis.pid]}
    roots: dict[str, list[int | None]] = {"worker": [*workers], **servers}
    stats = [_stat(path) for path in Path("/proc").glob("[0-9]*/stat")]
    seconds = {pid: used for pid, _, used in stats}
    parents = {pid: parent for pid, parent, _ in stats}
    return {
        name: sum(used for pid, used in seconds.items() if pid in pids or parents[pid] in pids)
        for name, pids in roots.items()
    }


def _stat(path: Path) -> tuple[int, int, float]:
    """Return pid, parent, and CPU seconds, those of ended children included; zeros when it has just ended."""
    try:
        words = path.read_text().rpartition(")")[2].split()
    except OSError:
        return 0, 0, 0.0
    return int(path.parent.name), int(words[1]), sum(map(int, words[11:15])) / TICKS
