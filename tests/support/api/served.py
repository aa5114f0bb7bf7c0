"""A running `booking serve` for tests: its address, its keys, and its database from the side."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self

import requests
from sqlalchemy import Engine, text

from booking_client.states import DEFAULT_ACCOUNT
from db.api_keys import key_text, keys
from db.api_keys.keys import Scope
from tests.support.fleet import Process, eventually
from tests.support.zygote import PATIENT_API, Zygote
from worker.local.embedded.server import free_port

ROOT = Path(__file__).parents[3]
MANY = 600_000  # calls a minute
METRICS = "HTTP_METRICS_ADDRESS"  # what counts is chosen when its library is imported
ALL = frozenset({Scope.BOOK, Scope.READ, Scope.FIND, Scope.VOICE, Scope.CHANGE})
REQUEST: Mapping[str, Any] = {
    "event_type_id": 101,
    "start": "2030-03-05T10:00:00+01:00",
    "attendee": {"name": "Pat Example", "email": "pat@example.com", "time_zone": "Europe/Berlin"},
}
NOT_HELD = "hold_reason = NULL, held_at = NULL, hold_until = NULL, held_for = NULL"  # on a busy machine a row may be
_numbers = count(1)


def a_request(number: int | None = None, **changes: Any) -> dict[str, Any]:
    """Return a request for a person of its own."""
    number = next(_numbers) if number is None else number
    attendee = {**REQUEST["attendee"], "email": f"pat{number}@example.com", **changes.pop("attendee", {})}
    return {**REQUEST, "attendee": attendee, **changes}


@dataclass
class Api:
    """The API under test."""

    url: str
    engine: Engine
    process: Process
    log: Path
    names: Iterator[int] = field(default_factory=lambda: count(1))
    patience: float = 60.0  # seconds until who asks hangs up

    def key(
        self,
        scopes: Collection[Scope] = ALL,
        *,
        rate: int = MANY,
        event_types: Collection[int] | None = None,
        account: int = DEFAULT_ACCOUNT,
    ) -> "Caller":
        """Make a key of an account, and return who holds it."""
        name, handle = f"caller-{next(self.names)}", key_text.new_handle()
        made = key_text.new_key(handle)
        with self.engine.begin() as conn:
            more = {"scopes": scopes, "event_types": event_types, "rate": rate, "account_id": account}
            assert keys.add(conn, name, handle, key_text.hash_of(made), **more)
        return Caller(self, made, name)

    def call(self, method: str, path: str, **given: Any) -> requests.Response:
        """Send a request without a key."""
        return requests.request(method, self.url + path, timeout=self.patience, **given)

    def sql(self, statement: str, **given: Any) -> Any:
        """Run a statement in the API's database; return its first value, if it has one."""
        with self.engine.begin() as conn:
            result = conn.execute(text(statement), given)
            return result.scalar() if result.returns_rows else None

    def hold_somebody(self) -> None:
        """Have one booking wait for Cal.com: each later caller is noted at once, whatever time it is."""
        self.hold(self.key().booked())

    def hold(self, booking: int) -> None:
        """Have a booking wait for Cal.com."""
        held = "UPDATE appointments SET status = 'held', hold_reason = 'breaker_open', held_at = now() WHERE id = :id"
        self.sql(held, id=booking)

    def lines(self) -> list[dict[str, Any]]:
        """Return what the process has logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    @property
    def child(self) -> int:
        """Return the process that serves."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(listed[0])

    @property
    def address(self) -> tuple[str, int]:
        """Return where it listens."""
        return "127.0.0.1", int(self.url.rpartition(":")[2])


@dataclass(frozen=True)
class Caller:
    """Who holds a key."""

    api: Api
    key: str
    name: str
    retell_key: str | None = None  # with which its agent at Retell signs; None: a setting's

    def call(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **given: Any) -> Any:
        """Send a request with the key."""
        return self.api.call(method, path, headers={"Authorization": f"Bearer {self.key}", **(headers or {})}, **given)

    def book(self, request: Mapping[str, Any] | None = None, *, key: str | None = None, wait: float = 0) -> Any:
        """Ask for a booking."""
        headers = {} if key is None else {"Idempotency-Key": key}
        path = f"/v1/bookings?wait={wait}" if wait else "/v1/bookings"
        return self.call("POST", path, json=request or a_request(), headers=headers)

    def booked(self, request: Mapping[str, Any] | None = None, *, key: str | None = None) -> int:
        """Ask for a booking until it is stored, for an API that is not patient may be late; return its id."""
        wanted = request or a_request()
        answers: list[Any] = []

        def answered() -> bool:
            answers.append(self.book(wanted, key=key))
            return bool(answers[-1].status_code != 503)

        eventually(answered, what="it is stored")
        assert answers[-1].status_code in ({202, 200} if len(answers) > 1 else {202}), answers[-1].text
        number: int = answers[-1].json()["id"]
        return number

    def get(self, path: str) -> Any:
        """Read something."""
        return self.call("GET", path)


class Serving:
    """Start `booking serve`, and end it. With a zygote it is forked from it, unless its metrics are to be read."""

    def __init__(
        self, environment: Mapping[str, str], engine: Engine, folder: Path, zygote: Zygote | None = None
    ) -> None:
        self._environment, self._engine, self._folder, self._zygote = environment, engine, folder, zygote
        self._started: list[Process] = []

    def start(self, *, patient: bool = True, module: str = "", workers: int = 1, **more: str) -> Api:
        """Start it, and wait until it answers; `module` runs its command line instead of those that are known here."""
        port = free_port()
        given = {**os.environ, **self._environment, "HTTP_ADDRESS": f"127.0.0.1:{port}", **more}  # noqa: TID251 - a child
        given["TMPDIR"] = str(self._folder)  # it is killed, and what it has made goes with the test
        if patient and not module:
            given[PATIENT_API] = "1"
        log = self._folder / f"serve-{port}.log"
        arguments = ["serve", "--workers", str(workers)]
        if self._zygote is not None and METRICS not in given and not module:
            process: Process = self._zygote.fork(["booking", *arguments], given, log)
        else:
            process = _process(arguments, given, log, module)
        self._started.append(process)
        api = Api(f"http://127.0.0.1:{port}", self._engine, process, log)
        eventually(lambda: _answers(api), what="the API answers")
        return api

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _process(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, module: str
) -> "subprocess.Popen[bytes]":
    module = module or ("tests.support.workers.patient_api" if PATIENT_API in environment else "worker.cli")
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _answers(api: Api) -> bool:
    assert api.process.poll() is None, api.log.read_text()
    try:
        return requests.get(f"{api.url}/health", timeout=5).ok
    except requests.RequestException:
        return False
