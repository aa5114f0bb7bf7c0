"""Two fleets beside each other, the product's and plain Celery's: one host, one broker, one PostgreSQL, one answerer.

They are measured in turns, and while one works the other is stopped (SIGSTOP): it must not take the cores.
"""

import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from beside_celery.answerer import Answerer
from beside_celery.plain_celery import CONFIGURATION
from beside_celery.plain_celery import app as plain
from environment import deployment, some, until
from kombu.connection import Connection

from booking_client.request.idempotency import derive_key, payload_hash
from booking_client.request.model import BookingRequest
from worker.celery_app import app as product
from worker.local.embedded import Guard
from worker.local.environment import SIMULATOR_KEY, Environment
from worker.local.processes import Part, ProcessGroup, fleet

BENCHMARKS = Path(__file__).parents[1]
WORKERS, THREADS = 2, 64
SETTLING = 1.0  # seconds that a fleet has to itself before it is measured: what its stop has piled up is done by then
ENDING = 120.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Fleet:
    """One contestant: the processes that book, and all of its processes."""

    name: str
    workers: Sequence[int]
    pids: Sequence[int]

    def cpu(self) -> float:
        """Return the seconds of CPU that the processes that book have taken, their children included."""
        return sum(map(cpu_of, self.workers))

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it stand still within the block."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


@dataclass(frozen=True)
class Stage:
    """What runs; this process is both sides' caller."""

    ready: Environment
    answerer: Answerer
    ours: Fleet
    plain: Fleet
    plain_broker: Connection

    def fight(self, fleet: Fleet, ask: Callable[[], object], count: int) -> tuple[float, float]:
        """Have a fleet work off what `ask` asks for while it stands still; return bookings a second, and CPU of each.

        The rate is that of the answers, from the first call to the last one's end. What the caller does is not in it.
        """
        other = self.plain if fleet is self.ours else self.ours
        with other.stopped():
            return work_off(fleet, self.answerer, ask, count)


def work_off(fleet: Fleet, answerer: Answerer, ask: Callable[[], object], count: int) -> tuple[float, float]:
    """Have a fleet work off what `ask` asks for while it stands still; return bookings a second, and CPU of each."""
    before = answerer.count()
    with fleet.stopped():
        ask()
    taken, answering = fleet.cpu(), cpu_of(answerer.pid)
    until(lambda: answerer.count() >= before + count, within=ENDING, pause=_pause)
    calls = answerer.calls(before)
    rate = len(calls) / (max(end for _, _, end in calls) - min(begin for _, begin, _ in calls))
    _pause(SETTLING)  # the last ones' rows, acknowledgements and events
    taken, answering = fleet.cpu() - taken, cpu_of(answerer.pid) - answering
    print(
        f"  {fleet.name:15}{rate:7.1f} bookings/s, {1000 * taken / count:5.2f} ms of worker CPU each; "
        f"the answerer took {100 * answering / taken:.1f} % of that",
        file=sys.stderr,
        flush=True,
    )
    return rate, taken / count


@contextlib.contextmanager
def stage(*, latency: float, workers: int = WORKERS, threads: int = THREADS, **given: Any) -> Iterator[Stage]:
    """Start both fleets, of so many threads each; Cal.com takes `latency` seconds, `given` are settings."""
    with Guard() as guard:
        answerer = start_answerer(guard, latency)
        with deployment(calcom_base_url=answerer.url, **given) as ready:
            ours = ready.processes.start_all(fleet(*[threads] * workers))
            broker = ready.servers.redis_url.removesuffix("/0") + "/1"
            theirs = _start_plain(guard, broker, ready.servers.database_url, workers, threads)
            _print_configurations()
            with plain.connection_for_write(broker) as connection:
                yield Stage(
                    ready,
                    answerer,
                    Fleet("booking-worker", [pid for name, pid in ours.items() if "worker" in name], [*ours.values()]),
                    Fleet("plain Celery", theirs, theirs),
                    connection,
                )


def start_answerer(guard: Guard, latency: float) -> Answerer:
    """Start a Cal.com that only says yes, after `latency` seconds."""
    group = ProcessGroup(guard, {}, guard.folder(), cwd=BENCHMARKS)
    part = Part("answerer", (sys.executable, "-m", "beside_celery.answerer", str(latency)), "answering on ")
    pid = group.start(part)
    group.wait_until_ready(part)
    url, control = re.findall(r"http://[\w.:]+", group.output(part))
    return Answerer(url, control, pid)


def _start_plain(guard: Guard, broker: str, database: str, workers: int, threads: int) -> list[int]:
    at = urlsplit(database)
    names = {  # libpq's
        "PGHOST": at.hostname or "",
        "PGPORT": str(at.port),
        "PGUSER": at.username or "",
        "PGPASSWORD": at.password or "",
        "PGDATABASE": at.path[1:],
    }
    group = ProcessGroup(guard, names, guard.folder(), cwd=BENCHMARKS)
    options = ("-P", "threads", "-c", str(threads), "-l", "INFO", "--without-gossip", "--without-mingle")
    program = (sys.executable, "-m", "celery", "-b", broker, "-A", "beside_celery.plain_celery", "worker", *options)
    parts = [Part(f"plain {number}", (*program, "-n", f"plain{number}@%h"), " ready.") for number in range(workers)]
    return list(group.start_all(parts).values())


def _print_configurations() -> None:
    """Print what both have in common by what each says itself. Raises SystemExit: they differ."""
    for name in CONFIGURATION:
        ours, theirs = product.conf[name], plain.conf[name]
        print(f"  {name:28} booking-worker {ours!s:8} plain Celery {theirs}", file=sys.stderr, flush=True)
        if ours != theirs:
            raise SystemExit(f"{name} differs: plain_celery.py must have what the product has")


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has taken, with the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def plain_body(number: int, wanted: BookingRequest) -> dict[str, Any]:
    """Return the POST that ours sends for this request."""
    return {
        "start": wanted.start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "attendee": {"name": "Pat Example", "timeZone": "UTC", "email": wanted.attendee.email},
        "eventTypeId": wanted.event_type_id,
        "metadata": {"bookingWorkerRef": f"plain{number:031}", "bookingWorkerCorrelation": f"{number:032x}"},
    }


def plain_row(number: int, wanted: BookingRequest) -> dict[str, Any]:
    """Return the row that ours keeps for this request."""
    return {
        "idempotency_key": derive_key(wanted),
        "payload_hash": payload_hash(wanted),
        "correlation_id": f"{number:032x}",
        "task_id": f"plain{number:031}",
        "event_type_id": wanted.event_type_id,
        "start_at": wanted.start.isoformat(),
        "attendee_name": wanted.attendee.name,
        "attendee_email": wanted.attendee.email,
        "attendee_time_zone": "UTC",
    }


KEY = SIMULATOR_KEY
requests_for = some
_pause = threading.Event().wait
