"""The house that answers calls: two processes of the API, workers, beat; and what strikes it, one at a time."""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tests.chaos.calls.deal import DealtCall, House
from tests.chaos.faults.steps import Orders
from tests.support.api.served import Api, Serving
from tests.support.fleet import ALONE, Fleet, Process, eventually, read

if TYPE_CHECKING:
    from worker.local.embedded import Postgres

APP = "tests.chaos.processes.entry"
API = "tests.chaos.processes.api"
STEPS = {
    House.API_BOOKING: "a request is kept, its message not sent",
    House.API_CHANGE: "a change is kept, its message not sent",
    House.WORKER_SENT: "it is sent, not answered",
    House.WORKER_ANSWERED: "it is answered",
}
MEET_SECONDS, LOOK_SECONDS = 10.0, 0.05  # so long somebody is waited for who comes to a step
PROCESSES = 2  # of the API
QUEUES = {"bookings 1": "bookings", "bookings 2": "bookings", "maintenance": "maintenance"}


@dataclass
class ChaosHouse:
    """What runs, and what has struck it. `apis` are asked in turn; one that was killed is there again, elsewhere."""

    fleet: Fleet
    serving: Serving
    postgres: "Postgres"
    simulator: Any
    orders: Orders
    seed: int
    apis: list[Api] = field(default_factory=list)
    struck: Counter[House] = field(default_factory=Counter)
    unmet: Counter[House] = field(default_factory=Counter)
    failures: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._turn = threading.Lock()
        self._over = threading.Event()
        self._workers: dict[str, Process] = {}

    def start(self) -> None:
        """Start all of it, and return when it works."""
        for name in QUEUES:
            self._start_worker(name)
        self.fleet.celery("beat", app=APP)
        logs = sorted(self.fleet.folder.glob("*-worker.log"))
        with ThreadPoolExecutor(PROCESSES) as starting:
            self.apis = list(starting.map(lambda _: self._serve(), range(PROCESSES)))
        eventually(lambda: all(" ready." in read(log) for log in logs), what="the workers are ready")

    @contextmanager
    def struck_by(self, dealt: DealtCall) -> Iterator[None]:
        """Be struck by what was dealt, while the block lasts or longer; others wait for their turn."""
        if dealt.house is None:
            yield
            return
        self._turn.acquire()
        begun = threading.Event()
        strike = partial(self._strike, dealt.house, random.Random(f"{self.seed} {dealt.number}"), begun)  # noqa: S311 - chance for faults
        threading.Thread(target=strike, name=dealt.house, daemon=True).start()
        begun.wait()
        yield

    def settle(self) -> None:
        """Wait until the last strike is healed."""
        with self._turn:
            self._over.set()
        if self.failures:
            raise self.failures[0]

    def _strike(self, house: House, rng: random.Random, begun: threading.Event) -> None:
        try:
            met = _STRIKES[house](self, rng, begun.set)
            (self.struck if met else self.unmet)[house] += 1
            eventually(self._is_whole, what=f"after {house} all is there")
        except BaseException as error:  # noqa: BLE001 - raised by `settle`
            self.failures.append(error)
        finally:
            begun.set()
            self._turn.release()

    def _pause(self, rng: random.Random, low: float, high: float) -> None:
        self._over.wait(rng.uniform(low, high))

    def api_killed(self, rng: random.Random, begun: Callable[[], None]) -> bool:
        """Kill a process of the API with its child, wherever it is."""
        begun()
        self._pause(rng, 0.0, 2.5)
        _kill(rng.choice(self.apis).process)
        return True

    def worker_killed(self, rng: random.Random, begun: Callable[[], None]) -> bool:
        """Kill a worker, wherever it is."""
        begun()
        self._pause(rng, 0.0, 2.5)
        _kill(self._workers[rng.choice(list(QUEUES))])
        return True

    def killed_at(self, step: str, begun: Callable[[], None]) -> bool:
        """Kill the next process that comes to a step."""
        self.orders.give(step, signal.SIGKILL)
        begun()
        try:
            for _ in range(int(MEET_SECONDS / LOOK_SECONDS)):
                if (pid := self.orders.obeyed(step)) is not None:
                    self._wait_for(pid)
                    return True
                self._over.wait(LOOK_SECONDS)
        finally:
            self.orders.withdraw(step)
        return False

    def postgres_killed(self, rng: random.Random, begun: Callable[[], None]) -> bool:
        """Kill Postgres; it comes back with its data."""
        self._begin_late(rng, begun)
        self.postgres.kill()
        try:
            self._pause(rng, 0.5, 3.0)
        finally:
            self.postgres.restart()
        return True

    def postgres_frozen(self, rng: random.Random, begun: Callable[[], None]) -> bool:
        """Freeze Postgres: its connections stay open, and nothing answers."""
        self._begin_late(rng, begun)
        self.postgres.pause()
        try:
            self._pause(rng, 1.0, 4.0)
        finally:
            self.postgres.resume()
        return True

    def outage(self, rng: random.Random, begun: Callable[[], None]) -> bool:
        """Have Cal.com refuse every call, long enough for the breaker to open."""
        order = rng.choice(
            [{"kind": "status", "name": "unavailable"}, {"kind": "refuse"}, {"kind": "hang", "hold": 3.0}]
        )
        seconds = rng.uniform(4.0, 7.0)
        self.simulator.faults(**order, seconds=seconds)
        begun()
        self._over.wait(seconds)
        return True

    def _begin_late(self, rng: random.Random, begun: Callable[[], None]) -> None:
        """Strike before the call asks, or while it does."""
        if rng.random() < 0.5:
            begun()
            self._pause(rng, 0.0, 1.5)
        else:
            threading.Timer(0.1, begun).start()

    def _wait_for(self, pid: int) -> None:
        """Wait until a worker has died that has just sent itself the signal; a process of the API comes by itself."""
        for process in self._workers.values():
            if process.pid == pid:
                process.wait(10)

    def _is_whole(self) -> bool:
        """Start what has ended; Granian ends of itself where a process of its own dies twice within five seconds."""
        self._revive()
        return all(map(_is_ready, self.apis))

    def _revive(self) -> None:
        for name, process in self._workers.items():
            if process.poll() is not None:
                self._start_worker(name)
        for place, api in enumerate(self.apis):
            if api.process.poll() is not None:
                self.apis[place] = self._serve()

    def _start_worker(self, name: str) -> None:
        queue = QUEUES[name]
        size = "16" if queue == "bookings" else "2"
        node = f"{name.replace(' ', '-')}@calls"
        self._workers[name] = self.fleet.celery(
            "worker", "-P", "threads", "-c", size, "-Q", queue, "-n", node, *ALONE, app=APP
        )

    def _serve(self) -> Api:
        return self.serving.start(module=API)


def _killed_at(step: str, house: ChaosHouse, _rng: random.Random, begun: Callable[[], None]) -> bool:
    return house.killed_at(step, begun)


def _kill(process: Process) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


def _is_ready(api: Api) -> bool:
    try:
        return requests.get(f"{api.url}/ready", timeout=5).ok
    except requests.RequestException:
        return False


_STRIKES: dict[House, Callable[[ChaosHouse, random.Random, Callable[[], None]], bool]] = {
    House.API: ChaosHouse.api_killed,
    House.POSTGRES: ChaosHouse.postgres_killed,
    House.POSTGRES_FROZEN: ChaosHouse.postgres_frozen,
    House.OUTAGE: ChaosHouse.outage,
    House.WORKER: ChaosHouse.worker_killed,
    **{house: partial(_killed_at, step) for house, step in STEPS.items()},
}


def orders_in(folder: Path) -> Orders:
    """Make the folder in which steps are ordered."""
    folder.mkdir()
    return Orders(folder)
