"""A real fleet for tests: workers and beat as processes of their own, and this process as the caller."""

import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import func, select

from booking_client.request.model import BookingRequest
from db import appointments
from db.appointments import Appointment
from db.lifecycle import FINAL, HoldReason
from db.models.bookings import appointments as table
from tasks import dependencies
from tasks.enqueue import Outcome, outcome
from tasks.guarded_calls import event_type_lookup
from tasks.maintenance import breaker_transitions, recovery, release
from tests.running.waiting import eventually
from tests.support.servers.patience import be_patient
from tests.support.zygote import PATIENT as PATIENT_WITH_REDIS
from tests.support.zygote import Forked, Zygote
from worker.celery_app import MAINTENANCE, app, reconfigure
from worker.wiring import build

ROOT = Path(__file__).parents[2]
Process = Forked | subprocess.Popen[bytes]
ALONE = ("--without-mingle",)  # each would wait a second for others' revoked tasks; ours cancel in Postgres
HASTY: Mapping[str, str] = MappingProxyType({"CALCOM_READ_TIMEOUT": "4", "CALCOM_DEADLINE": "4"})
"""For a test in which a call hangs, or a lease must run out: longer than a busy machine stands still."""
STUCK = {HoldReason.BLIND_KEY, HoldReason.SUSPECT, HoldReason.CREDENTIALS, HoldReason.CONFIGURATION}


class Fleet:
    """Start and stop the processes of one deployment, as a Celery user would type them.

    With a zygote they are forked from it, which takes a tenth of the time.
    """

    def __init__(self, environment: dict[str, str], folder: Path, zygote: Zygote | None = None) -> None:
        self.environment = environment
        self.folder = folder
        self.zygote = zygote
        self.processes: list[Process] = []

    def start(self, *, concurrency: int = 16, pool: str = "threads") -> "Fleet":
        """Start one worker, the maintenance worker and beat; who asks them next does not compete with their start."""
        self.worker(concurrency=concurrency, pool=pool)
        self.maintenance()
        self.beat()
        logs = [self.folder / f"{len(self.processes) - back}-worker.log" for back in (3, 2)]
        eventually(lambda: all(" ready." in read(log) for log in logs), what="the fleet is ready")
        return self

    def worker(self, *, concurrency: int = 16, pool: str = "threads", name: str = "bookings") -> Process:
        """Start a worker of the bookings queue."""
        return self.celery("worker", "-P", pool, "-c", str(concurrency), "-Q", "bookings", "-n", f"{name}@test", *ALONE)

    def maintenance(self) -> Process:
        """Start the worker of the periodic tasks."""
        return self.celery("worker", "-P", "threads", "-c", "2", "-Q", "maintenance", "-n", "maintenance@test", *ALONE)

    def beat(self) -> Process:
        """Start beat."""
        return self.celery("beat")

    def celery(self, *arguments: str, app: str = "worker") -> Process:
        """Start `celery -A worker ...`; its log goes to a file of this fleet."""
        log = self.folder / f"{len(self.processes)}-{arguments[0]}.log"
        argv = ["-A", app, *arguments]
        self.processes.append(
            self.zygote.fork(["celery", *argv], self.environment, log) if self.zygote else self._start(argv, log)
        )
        return self.processes[-1]

    def _start(self, argv: list[str], log: Path) -> "subprocess.Popen[bytes]":
        with log.open("wb") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "celery", *argv],
                cwd=ROOT,
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Kill every process; what that leaves behind is the product's business, and tested."""
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        for process in self.processes:
            process.wait(10)

    def logs(self) -> str:
        """Return everything that was logged so far."""
        return "\n".join(map(read, sorted(self.folder.glob("*.log"))))


def read(log: Path) -> str:
    """Return what was logged; nothing where its process has not begun."""
    return log.read_text(errors="replace") if log.exists() else ""


def tick(task: str, **options: Any) -> None:
    """Send a periodic task now."""
    app.send_task(task, queue=MAINTENANCE, **options)


def finals(ids: list[int], *, within: float = 60.0) -> dict[int, Outcome]:
    """Wait until every booking is final and return the outcomes."""
    live = select(func.count()).where(table.c.id.in_(ids), table.c.status.not_in(FINAL))

    def left() -> int:
        with dependencies.current().engine.connect() as conn:
            return int(conn.execute(live).scalar_one())

    eventually(lambda: left() == 0, within=within, what=f"{len(ids)} bookings final")
    return {one: end for one in ids if (end := outcome(one)) is not None}


def at_rest(ids: list[int], *, within: float = 60.0) -> list[Outcome]:
    """Wait until each booking is final, or held until somebody acts; return the outcomes in the same order."""

    def all_rest() -> list[Outcome] | None:
        now = [one for one in map(outcome, ids) if one is not None]
        return now if all(one.final or one.hold_reason in STUCK for one in now) else None

    seen: list[Outcome] = eventually(all_rest, within=within, what=f"{len(ids)} bookings at rest")
    return seen


def row(appointment_id: int) -> Appointment:
    """Read a booking's row."""
    with dependencies.current().engine.connect() as conn:
        found = appointments.get(conn, appointment_id)
    assert found is not None
    return found


def request(number: int, event_type: int = 110, **more: Any) -> BookingRequest:
    """Ask for the slot of this number, on the half-hour grid that the simulator offers."""
    return BookingRequest.parse(
        {
            "event_type_id": event_type,
            "start": datetime(2030, 3, 1, tzinfo=UTC) + number * timedelta(minutes=30),
            "attendee": {
                "name": "Pat Example",
                "email": f"pat{number}@example.com",
                "time_zone": "Europe/Berlin",
            },
            **more,
        }
    )


def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what is kept for the life of a process, which here sees many databases: all of them have an account 2."""
    for memory in ("_users", "_learnt"):
        monkeypatch.setattr(event_type_lookup, memory, {})
    monkeypatch.setattr(release, "_paced", defaultdict(release.PacedRelease))
    monkeypatch.setattr(release, "_last_account", 0)
    monkeypatch.setattr(recovery, "_last", {"held": 0, "in_line": 0})
    monkeypatch.setattr(breaker_transitions, "_written", {})


@pytest.fixture
def impatient() -> None:
    """Leave this process the patience that it has: the test lets it run out."""


@pytest.fixture
def settings(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
    redis_url: str,
    simulator: Any,
) -> Iterator[Callable[..., dict[str, str]]]:
    """Set the environment of a deployment whose Cal.com is the simulator; times can be given, and are short.

    But for those of a call: one that a busy machine keeps waiting is not given up. This process is patient with all
    servers, unless the test asks for `impatient`; its children are what they are, but for fleets.
    """
    be_patient(monkeypatch, request.fixturenames)

    def give(**more: str) -> dict[str, str]:
        simulator.settings(rate_limit=0)
        given = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "CALCOM_BASE_URL": simulator.url,
            "CALCOM_API_KEY": "cal_test_owner",
            "CALCOM_CONNECT_TIMEOUT": "1",
            "CALCOM_READ_TIMEOUT": "20",
            "CALCOM_DEADLINE": "20",
            "CALCOM_SETTLE_SECONDS": "3",
            "CALCOM_SETTLE_ANSWERED_SECONDS": "1",
            "CALCOM_RATE_LIMIT_PER_MINUTE": "0",
            "CIRCUIT_BREAKER_THRESHOLD": "100000",
            "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "2",
            "AUDIT_HOUR": "",  # calls are counted, at whatever hour
            **more,
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        dependencies.fill(build)
        reconfigure()  # this process is the caller of each test's deployment in turn
        _forget(monkeypatch)
        return {**os.environ, **given}  # noqa: TID251 - a child process gets ours and the given

    yield give
    dependencies.end()  # what it keeps to tell late would be told to the next test's Redis


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Run the process that fleets are forked from."""
    made = Zygote()
    yield made
    made.close()


@pytest.fixture
def fleet(
    request: pytest.FixtureRequest,
    settings: Callable[..., dict[str, str]],
    simulator: Any,
    tmp_path: Path,
    zygote: Zygote,
) -> Iterator[Callable[..., Fleet]]:
    """Make fleets; they end with the test, and so do their calls. With a Redis that is not hurt they are patient."""
    made: list[Fleet] = []

    def make(**given: str) -> Fleet:
        environment = settings(**given)
        if "valkey" not in request.fixturenames and "REDIS_URL" not in given:  # one of the test's own may be hurt
            environment[PATIENT_WITH_REDIS] = "1"
        made.append(Fleet(environment, tmp_path, zygote))
        return made[-1]

    yield make
    for one in made:
        one.stop()
    if made:
        _end_calls(simulator)


def _end_calls(simulator: Any) -> None:
    """Wait until Cal.com works at no call any more: what it books later would be in the next test's world."""
    simulator.no_faults()
    eventually(lambda: all(call["t1"] is not None for call in simulator.journal()), what="no call is under way")
