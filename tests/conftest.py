"""Real servers for the tests: one Valkey and one simulator a session, each test with a clean one."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.running.waiting import eventually

if TYPE_CHECKING:
    # The package `worker` imports Celery, which most unit tests do without.
    from worker.local.embedded import Guard, Valkey

ROOT = Path(__file__).parents[1]
READY = "simulator listening on "
START_SECONDS = 30.0


@pytest.fixture(scope="session")
def session_valkey() -> Iterator["Valkey"]:
    """Run the session's Valkey; tests that hurt it take `valkey`."""
    from worker.local import embedded  # noqa: PLC0415 - see above

    with embedded.servers(postgres=False) as servers:
        yield servers.valkey


@pytest.fixture(scope="session")
def valkey_url(session_valkey: "Valkey") -> str:
    """URL of the session's Valkey, whatever is in it."""
    return session_valkey.url


@pytest.fixture
def valkey(session_valkey: "Valkey") -> Iterator["Valkey"]:
    """Hand out the session's Valkey to be killed, paused or restarted; it runs again afterwards."""
    yield session_valkey
    session_valkey.recover()


@pytest.fixture(scope="session")
def emptying_valkey(valkey_url: str) -> Iterator[redis.Redis]:
    """Keep the client that empties the session's Valkey: to make one takes twenty times as long."""
    with redis.Redis.from_url(valkey_url) as client:
        yield client


@pytest.fixture
def redis_url(valkey_url: str, emptying_valkey: redis.Redis) -> str:
    """URL of an empty Valkey."""
    emptying_valkey.flushall()
    return valkey_url


@dataclass(frozen=True)
class Simulator:
    """A running simulator; `control` takes orders, also while the other port refuses."""

    url: str
    control: str

    def faults(self, kind: str, **details: Any) -> None:
        """Order one fault, as `POST /_faults` takes it: `faults("hang", share=0.2, match={...})`."""
        self._call("POST", "/_faults", {"kind": kind, **details})

    def no_faults(self) -> None:
        """End all faults."""
        self._call("DELETE", "/_faults")

    def settings(self, **changes: Any) -> None:
        """Change settings: `settings(replica_lag=1, rate_limit=0)`."""
        self._call("POST", "/_settings", changes)

    def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """Return every call since entry number `since`."""
        entries: list[dict[str, Any]] = self._call("GET", f"/_journal?since={since}")["entries"]
        return entries

    def books(self) -> list[dict[str, Any]]:
        """Return all that was ever booked, each line with its times."""
        lines: list[dict[str, Any]] = self._call("GET", "/_books")["books"]
        return lines

    def bookings(self, reference: str | None = None) -> list[dict[str, Any]]:
        """Return every booking, or those that carry this reference."""
        query = "" if reference is None else f"?reference={reference}"
        bookings: list[dict[str, Any]] = self._call("GET", f"/_bookings{query}")["bookings"]
        return bookings

    def person(self, does: str, uid: str, **details: Any) -> None:
        """Let somebody accept, decline, cancel, move, reassign or correct a booking at Cal.com."""
        self._call("POST", "/_persons", {"do": does, "uid": uid, **details})

    def event_type(self, number: int, **order: Any) -> None:
        """Make an event type, plain unless the order says otherwise."""
        self._call("POST", "/_event_types", {"id": number, **order})

    def delete_event_type(self, number: int) -> None:
        """Delete an event type; its bookings stay."""
        self._call("DELETE", f"/_event_types?id={number}")

    def reset(self) -> None:
        """Make it as after the start."""
        self._call("POST", "/_reset")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        given = None if body is None else json.dumps(body)
        # Some ten thousand times a run: `requests` would compute four times as much.
        with closing(HTTPConnection(self.control.removeprefix("http://"), timeout=10)) as control:
            control.request(method, path, given, {"Content-Type": "application/json"})
            answer = control.getresponse()
            text = answer.read()
        assert answer.status < HTTPStatus.BAD_REQUEST, text
        read: dict[str, Any] = json.loads(text)
        return read


@pytest.fixture(scope="session")
def start_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Simulator]]:
    """Start another simulator with arguments of its own; all end with the session, however it ends."""
    from worker.local import embedded  # noqa: PLC0415 - see above

    folder = tmp_path_factory.mktemp("simulator")
    numbers = count(1)
    with embedded.Guard() as guard:

        def start(*arguments: str) -> Simulator:
            name = f"simulator-{next(numbers)}"
            argv = [sys.executable, "-m", "simulator", "--port", "0", "--control-port", "0", *arguments]
            log = folder / f"{name}.log"
            guard.start(name, argv, cwd=ROOT, env={"PYTHONUNBUFFERED": "1"}, log=log)
            return _ready(guard, name, log)

        yield start


def _ready(guard: "Guard", name: str, log: Path) -> Simulator:
    """Wait for the line with both addresses."""

    def listening() -> Simulator | None:
        ended = guard.wait(name, 0)
        lines = [line for line in log.read_text().splitlines(keepends=True) if line.startswith(READY)]
        if lines and lines[0].endswith("\n"):
            url, _, control = lines[0].removeprefix(READY).strip().partition(", orders also on ")
            return Simulator(url, control)
        assert ended is None, log.read_text()
        return None

    started: Simulator = eventually(listening, within=START_SECONDS, what="the simulator listens")
    return started


@pytest.fixture(scope="session")
def session_simulator(start_simulator: Callable[..., Simulator]) -> Simulator:
    """Run the session's simulator."""
    return start_simulator("--seed", "1")


@pytest.fixture
def simulator(session_simulator: Simulator) -> Simulator:
    """Hand out a simulator as after its start."""
    session_simulator.reset()
    return session_simulator
