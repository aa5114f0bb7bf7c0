"""What `POST /v1/bookings` costs: 200 clients of one process of `booking serve`, beside `enqueue_booking` in threads.

Neither has workers beside it, so the rows stay pending. The CPU is the serving process's own. It differs by a fifth
from one run to the next, so the run beside 200 more clients, who wait for a booking that does not settle, stands
between two without them.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from environment import deployment, some
from front_door.serving import WITHIN, serving
from sqlalchemy import text

from booking_client.request.model import BookingRequest
from db.api_keys.keys import Scope
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.callers.keys import add_key
from worker import enqueue_booking

PAIRS, BOOKINGS, CLIENTS, THREADS = 5, 1_500, 200, 16
RATE = 600_000  # calls a minute: no client of these is to meet it
_TICKS = os.sysconf("SC_CLK_TCK")
_CLIENTS = [sys.executable, str(Path(__file__).with_name("clients.py"))]


def pairs() -> Iterator[dict[str, float]]:
    """Ask in threads, over HTTP, and over HTTP beside who waits, in turn."""
    with deployment() as ready, serving(ready) as (port, pid):
        key = _key()
        first = 0
        for turn in range(1 + PAIRS):
            _empty()
            direct, direct_cpu = _direct(some(first, BOOKINGS))
            _empty()
            http, http_cpu = _over_http(port, pid, key, first := first + BOOKINGS)
            _, read_cpu = _over_http(port, pid, key, "read", _newest())
            with _waiting(port, key):
                _, beside_cpu = _over_http(port, pid, key, first := first + BOOKINGS)
            _, after_cpu = _over_http(port, pid, key, first := first + BOOKINGS)
            first += BOOKINGS
            if turn:  # the first warms
                yield {
                    "http_bookings": http / direct,
                    "http_cpu": http_cpu / direct_cpu,
                    "http_read": read_cpu / http_cpu,
                    "http_waiting": 2 * beside_cpu / (http_cpu + after_cpu),
                }


def _key() -> str:
    asked = ActionRequest(who="benchmark", via="command line", action="key_add", why="a benchmark")
    return add_key(asked, "benchmark", scopes=[Scope.BOOK, Scope.READ], event_types=None, rate=RATE).text


def _empty() -> None:
    with dependencies.current().engine.begin() as conn:
        conn.execute(text("TRUNCATE appointments CASCADE"))


def _direct(requests: Sequence[BookingRequest]) -> tuple[float, float]:
    """Return how many a second, and the CPU of one."""
    began, cpu = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(enqueue_booking, requests))
    return len(requests) / (time.monotonic() - began), (time.process_time() - cpu) / len(requests)


def _over_http(port: int, pid: int, key: str, *what: object) -> tuple[float, float]:
    """Return how many a second, and the serving process's CPU of one."""
    cpu = _cpu(pid)
    ran = subprocess.run(
        [*_CLIENTS, *map(str, (port, key, *what, BOOKINGS, CLIENTS))],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},  # noqa: TID251 - a process of ours
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return BOOKINGS / float(ran.stdout), (_cpu(pid) - cpu) / BOOKINGS


@contextmanager
def _waiting(port: int, key: str) -> Iterator[None]:
    """Have as many clients wait for a booking that does not settle."""
    booking = _newest()
    command = [*_CLIENTS, str(port), key, "wait", str(booking), str(CLIENTS)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}  # noqa: TID251 - a process of ours
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiting:
        if waiting.stdout and waiting.stdout.readline():
            _ask(port, key, booking)  # in its turn: those who wait have been admitted
        yield
        if waiting.poll() is not None:
            raise SystemExit("who waits did not wait")
        if waiting.stdin:
            waiting.stdin.close()


def _newest() -> int:
    with dependencies.current().engine.connect() as conn:
        number: int = conn.execute(text("SELECT max(id) FROM appointments WHERE status = 'pending'")).scalar_one()
    return number


def _ask(port: int, key: str, booking: int) -> None:
    asked = Request(f"http://127.0.0.1:{port}/v1/bookings/{booking}", headers={"Authorization": f"Bearer {key}"})
    with urlopen(asked, timeout=WITHIN):  # noqa: S310 - the server that runs here
        pass


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
