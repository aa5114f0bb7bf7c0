"""Our processes, forked from one that has imported the product already: starting a fleet is most of what tests do.

What is forked runs Celery's own command line, or `booking serve`, with an environment and a session of its own; the
settings are read there.
`tests/integration/test_readme_commands.py` starts everything as a user does. Run as a script this is the process that
forks: one JSON order a line, one answer a line; when its input ends, all that it has forked is killed.
"""

import contextlib
import gc
import importlib
import json
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
IMPORTED = (
    "celery.bin.celery",
    "celery.concurrency.thread",
    "celery.worker.worker",
    "celery.beat",
    "kombu.asynchronous.hub",
    "tasks.calcom.http.exchange",
    "tasks.operations.revoke",
    "worker.heartbeat",
    "worker.logs",
    "worker.task_events",
    "worker.transports.redis",
    "worker.wiring",
)  # what a worker loads before its first booking is done
PROGRAMS = {"celery": "celery.__main__", "booking": "worker.cli"}
SERVED = ("granian", "prometheus_client", "worker.api.app", "worker.cli", "worker.api.serve")  # before the first API
LOOK_SECONDS = 0.02
SPARE = "TESTS_SPARE_PROCESS"  # the id of a process that waits for a program, and the pipes to it
PATIENT = "TESTS_PATIENT_WITH_REDIS"  # set for those whose breaker is to wait for a Redis that is only slow
PATIENT_API = "TESTS_PATIENT_API"  # set for an API that is to wait for servers that are only slow
COUNT_WINDOW = "TESTS_COUNT_WINDOW"  # seconds, for those who look at what is written of calls
PATIENCE = {"timeout": 5.0, "connect_timeout": 5.0}  # seconds


class Zygote:
    """The process that forks, and orders to it."""

    def __init__(self) -> None:
        path = os.pathsep.join((str(ROOT), str(ROOT / "client"), os.environ.get("PYTHONPATH", "")))  # noqa: TID251 - a child's
        waiting = os.environ.pop(SPARE, None)  # noqa: TID251 - the tests' own; for the first that asks, and no child
        environment = {**os.environ, "PYTHONPATH": path}  # noqa: TID251 - a child's
        self._lock = threading.Lock()
        self._process = Spare(json.loads(waiting), environment) if waiting else _started(environment)

    def fork(self, argv: list[str], environment: Mapping[str, str], log: Path) -> "Forked":
        """Start `celery ...` or `booking ...` in a session of its own."""
        return Forked(self, self.order(argv=argv, environment=dict(environment), log=str(log)))

    def order(self, **order: Any) -> Any:
        """Give an order and return its answer."""
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it and all that it has forked."""
        self._process.communicate()


def _started(environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, __file__],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


class Spare:
    """The process that a breakage's run has beside it (tests/mutation/trials/forks.py), as subprocess.Popen."""

    def __init__(self, reached: tuple[int, int, int], environment: Mapping[str, str]) -> None:
        self._pid, order, answer = reached
        self.stdin, self.stdout = os.fdopen(order, "w"), os.fdopen(answer)
        self.stdin.write(json.dumps({"program": __file__, "environment": dict(environment)}) + "\n")

    def communicate(self) -> None:
        """End its input, and wait for its end."""
        self.stdin.close()
        self.stdout.close()
        os.waitpid(self._pid, 0)


class Forked:
    """One process, as subprocess.Popen would show it."""

    def __init__(self, zygote: Zygote, pid: int) -> None:
        self._zygote = zygote
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        if self.returncode is None:
            self.returncode = self._zygote.order(poll=self.pid)
        return self.returncode

    def wait(self, seconds: float) -> int:
        """Wait for its end and return how it ended."""
        pause = threading.Event()
        for _ in range(int(seconds / LOOK_SECONDS)):
            if (code := self.poll()) is not None:
                return code
            pause.wait(LOOK_SECONDS)
        raise subprocess.TimeoutExpired(f"process {self.pid}", seconds)

    def send_signal(self, number: int) -> None:
        """Signal it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def _serve() -> None:
    """Fork what is ordered, and say how it ended."""
    included = importlib.import_module("worker.celery_app").Configuration.include
    for name in (*IMPORTED, *included):
        importlib.import_module(name)
    platform.platform()  # each worker's banner says it, and to find it out runs `uname`
    gc.freeze()  # what all have in common: no collector of theirs walks it, and so copies it
    running: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if (pid := order.get("poll")) is not None:
            answer = _ended(pid) if pid in running else 0
            if answer is not None:
                running.discard(pid)
        else:
            for name in SERVED if order["argv"][0] == "booking" else ():
                importlib.import_module(name)
            sys.stdout.flush()
            answer = os.fork()
            if not answer:
                _become(**order)
            running.add(answer)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _ended(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _become(argv: list[str], environment: dict[str, str], log: str) -> None:
    """Be a command line; does not return."""
    os.setsid()
    os.environ.clear()  # noqa: TID251 - this process's own, from here on
    os.environ.update(environment)  # noqa: TID251 - the same
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), out, out)):
        os.dup2(file, number)
    if PATIENT in environment:  # what a breaker does that gave Redis up after 80 ms is not what these tests count
        importlib.import_module("resilience.shared_state.client").make_redis.__kwdefaults__.update(PATIENCE)
    if COUNT_WINDOW in environment:
        window = {"count_window": float(environment[COUNT_WINDOW])}
        importlib.import_module("worker.wiring").build_from.__kwdefaults__.update(window)
        importlib.import_module("worker.schedule").schedule.__kwdefaults__.update(window)
    if PATIENT_API in environment:
        importlib.import_module("tests.support.workers.patient_api").be_patient()
    sys.argv = argv
    code: Any = 1
    try:
        importlib.import_module(PROGRAMS[argv[0]]).main()
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    _serve()
