"""The command line under test: in this process where that is enough, as a process of its own where it is not."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.faces.command_line import CommandLine, Ran
from worker.settings.model import Settings

ROOT = Path(__file__).parents[3]
SLOW = 30.0  # seconds: a net

Booking = Callable[..., Ran]


def shown_code(code: int) -> int:
    """Return the exit code that a shell shows: 130 for a process that SIGINT has ended.

    Python ends itself by that signal where Ctrl-C came while it ran code that is a string, as dataclasses do when they
    are loaded, whichever code took the KeyboardInterrupt (`_Py_UnhandledKeyboardInterrupt` in its Python/pythonrun.c).
    """
    return code if code >= 0 else 128 - code


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Booking:
    """Run `booking ...` in this process, with the environment as it is."""
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def booking(settings: Callable[..., dict[str, str]], call: Booking) -> Booking:
    """Run `booking ...` with a migrated database, a Valkey and the simulator."""
    settings()
    return call


@pytest.fixture
def spawn() -> Callable[..., "subprocess.Popen[bytes]"]:
    """Start `booking ...` as a process of its own, whose standard input stays open."""

    def start(
        environment: dict[str, str], *arguments: str, cwd: Path | None = None, module: str = "patient_cli"
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", f"tests.support.workers.{module}", *arguments],
            env=environment | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "client")))},
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


@pytest.fixture
def ended() -> Callable[["subprocess.Popen[bytes]"], Ran]:
    """Close the input of a process and wait for its end."""

    def end(process: "subprocess.Popen[bytes]") -> Ran:
        out, err = process.communicate(timeout=SLOW)
        assert b"Traceback" not in out + err
        return Ran(shown_code(process.returncode), out.decode(), err.decode())

    return end


@dataclass(frozen=True)
class Home:
    """A folder in which a command runs with a TMPDIR of its own, and what of it is still there."""

    folder: Path

    @property
    def temporary(self) -> Path:
        """Where its temporary files go."""
        return self.folder / "tmp"

    def environment(self) -> dict[str, str]:
        """Return the environment of a machine where nothing is set."""
        names = (name.upper() for name in Settings.model_fields)
        clean = {name: value for name, value in os.environ.items() if name not in names}  # noqa: TID251 - a child's
        return clean | {"TMPDIR": str(self.temporary), "COLUMNS": "200"}

    def processes(self) -> dict[int, str]:
        """List the processes that were started from here: their TMPDIR or their working folder tells."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                environment, cwd = (process / "environ").read_bytes(), str((process / "cwd").readlink())
                if str(self.temporary).encode() in environment or cwd.startswith(str(self.folder)):
                    found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def files(self) -> list[str]:
        """List what lies in the temporary folder."""
        return sorted(path.name for path in self.temporary.iterdir())


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Make such a folder; what still runs there when the test is over is killed."""
    made = Home(tmp_path / "home")
    made.temporary.mkdir(parents=True)
    yield made
    for pid in made.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
