"""`booking up`: one terminal, everything runs; one Ctrl-C, nothing does."""

import os
import re
import signal
import stat
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import requests

from tests.integration.cli.conftest import shown_code
from tests.support.fleet import eventually

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
PARTS = ["postgres", "valkey", "simulator", "worker 1", "maintenance", "beat", "flower"]
PID = re.compile(r"  ready  (.+?) +pid (\d+)")


class Up:
    """A running `booking up`, and commands in another shell in the same folder."""

    def __init__(self, home: Any, *arguments: str, python: str = sys.executable, **settings: str) -> None:
        self.home = home
        self.python = python
        self._last = re.compile(r"^curl .+\n" if "--simulator" in arguments else r"^echo .+\n", re.MULTILINE)
        self.environment = home.environment() | settings
        self.screen = home.folder / "screen.txt"
        with self.screen.open("wb") as screen:
            self.process = subprocess.Popen(
                [python, "-m", "worker.cli", "up", *arguments],
                env=self.environment,
                cwd=home.folder,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=screen,
            )

    @property
    def said(self) -> str:
        """Read its screen."""
        return self.screen.read_text()

    def ready(self) -> "Up":
        """Wait until it has said what to do next, to the last line that is to be pasted."""
        eventually(lambda: self._last.search(self.said) or self.process.poll() is not None)
        assert self.process.poll() is None, self.said
        return self

    @property
    def pids(self) -> dict[str, int]:
        """Return the parts with their pids."""
        return {name: int(pid) for name, pid in PID.findall(self.said)}

    def shell(self, command: str) -> str:
        """Type a command into another shell in the same folder."""
        bin_folder = f"{Path(self.python).parent}:{self.environment['PATH']}"
        ran = subprocess.run(
            ["/bin/sh", "-c", command],
            env=self.environment | {"PATH": bin_folder},
            cwd=self.home.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return ran.stdout + ran.stderr

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait."""
        self.process.send_signal(number)
        return shown_code(self.process.wait(60))


def book(running: Up, paste: str) -> None:
    """Paste what books one, until it is accepted: on a busy machine a new database is late, which is said."""
    said: list[str] = []

    def accepted() -> bool:
        said.append(running.shell(paste))
        return said[-1] in {"1 accepted\n", "0 accepted, 1 already known\n"}

    eventually(accepted, what=f"it is accepted: {said}")


@pytest.fixture
def up(home: Any) -> Callable[..., Up]:
    """Start `booking up` where nothing is set."""
    return lambda *arguments, **settings: Up(home, *arguments, **settings)


@pytest.fixture
def installed(tmp_path: Path) -> str:
    """Build both wheels, and return the Python of an environment that has them and the packages that they need."""
    environment, wheels = tmp_path / "installed", tmp_path / "wheels"
    venv.create(environment)
    site = next(environment.glob("lib/*/site-packages"))
    for folder in (ROOT, ROOT / "client"):
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(wheels)]
        subprocess.run(build, cwd=folder, check=True, capture_output=True, timeout=120)
    for wheel in wheels.glob("*.whl"):
        ZipFile(wheel).extractall(site)
    # Python reads no .pth file of a folder that a .pth file names: those of the repository have no effect here.
    (site / "needed.pth").write_text(sysconfig.get_path("purelib"))
    python = environment / "bin" / "python"
    [script] = entry_points(group="console_scripts", name="booking")
    command = python.with_name("booking")
    command.write_text(f"#!{python}\nfrom {script.module} import {script.attr}\n{script.attr}()\n")
    command.chmod(0o755)
    asked = [python, "-c", "import simulator; print(simulator.__file__)"]
    found = subprocess.check_output(asked, cwd=tmp_path, text=True)
    assert found.startswith(str(site))
    return str(python)


def in_eight_days() -> str:
    """Return the day of the appointment that is proposed now."""
    return str(datetime.now(UTC).date() + timedelta(days=8))


def test_everything_runs_what_dies_is_started_again_and_one_ctrl_c_ends_it(up: Callable[..., Up], home: Any) -> None:
    """A line a part, a page, commands to paste: one books, one is an outage; then nothing is left but the data."""
    running = up("--simulator", "--port", "15555").ready()
    assert list(running.pids) == PARTS
    assert "WRONG" not in running.shell("booking check")
    assert "another" in running.shell("booking up") or "already run" in running.shell("booking up")
    for part in ("worker 1", "valkey"):
        os.kill(running.pids[part], signal.SIGKILL)
        eventually(lambda part=part: f"{part} runs again, pid" in running.said, what=f"{part} runs again")
        assert f"{part} has ended (signal 9); it is started again in 1 s" in running.said
    [paste] = [line for line in running.said.splitlines() if line.startswith("echo ")]
    [link] = re.findall(r"^  page +(http://127\.0\.0\.1:15555/resilience\?token=\S+)$", running.said, re.MULTILINE)
    page = link.partition("?")[0]
    kept = home.folder / ".booking" / "page-link"
    assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == (link, 0o600)
    browser = requests.Session()
    seen = [browser.get(address, timeout=10).text for address in (page, link, page)]
    assert [re.findall('name="may-act" content="(no|yes)', one) for one in seen] == [["no"], ["yes"], ["yes"]]
    days = {in_eight_days()}
    to_try = eventually(  # not while a server that has just come back is read
        lambda: requests.get(f"{page}/data/overview", timeout=10).json()["try"], what="the page says what to try"
    )
    days.add(in_eight_days())  # two, where a midnight lies between
    typed, _, _ = paste.partition("|")
    [day] = re.findall(r"\d{4}-\d\d-\d\d", typed)
    assert to_try.startswith(tuple(typed.replace(day, one) for one in days)), "nothing is booked yet"
    [breaks] = [line for line in running.said.splitlines() if line.startswith("curl ")]
    book(running, paste)
    eventually(lambda: "Booking 1  confirmed" in running.shell("booking show 1"), what="it is booked all the same")
    assert running.shell(breaks) == ""
    [address] = re.findall(r"\S+/_faults", breaks)
    [fault] = requests.get(address, timeout=10).json()["faults"]
    assert (fault["name"], fault["seconds"]) == ("unavailable", 60), "what to paste puts Cal.com down for a minute"
    assert running.end(signal.SIGINT) == 0
    assert running.said.endswith("Everything has ended; the data stay in .booking.\n")
    assert (home.processes(), home.files(), kept.exists()) == ({}, [], False)


def test_a_killed_up_leaves_no_process_and_keeps_its_data(up: Callable[..., Up], home: Any) -> None:
    """Every part goes with it; the next one finds the bookings."""
    running = up("--simulator").ready()
    [paste] = [line for line in running.said.splitlines() if line.startswith("echo ")]
    book(running, paste)
    running.process.kill()
    running.process.wait(10)
    eventually(lambda: not home.processes(), what="nothing runs any more")
    again = up("--simulator").ready()
    assert "Booking 1  " in again.shell("booking show 1")
    assert again.end(signal.SIGTERM) == 0


def test_the_wheels_bring_the_simulator(up: Callable[..., Up], installed: str) -> None:
    """In an environment without the repository, what is printed can be pasted, and no file of a clone is named."""
    running = up("--simulator", python=installed).ready()
    assert list(running.pids) == PARTS
    [paste] = [line for line in running.said.splitlines() if line.startswith("echo ")]
    book(running, paste)
    eventually(lambda: "Booking 1  confirmed" in running.shell("booking show 1"), what="it is booked")
    assert "examples/" not in running.said
    assert running.end(signal.SIGINT) == 0


def test_ctrl_c_while_it_starts_leaves_nothing(up: Callable[..., Up], home: Any) -> None:
    """Nobody has to wait for a start that is not wanted."""
    running = up()
    eventually(lambda: "valkey" in running.said)
    code = running.end(signal.SIGINT)
    assert code == (0 if "Everything has ended" in running.said else 130), "it had not yet started"
    assert "Traceback" not in running.said
    assert (home.processes(), home.files()) == ({}, [])


def test_servers_of_ones_own_that_do_not_answer_are_said(up: Callable[..., Up], home: Any) -> None:
    """And nothing is left running."""
    running = up(DATABASE_URL="postgresql://booking:secret@127.0.0.1:1/booking")
    assert running.process.wait(60) == 1
    assert "booking: Postgres does not answer" in running.said
    assert "secret" not in running.said
    assert home.processes() == {}
