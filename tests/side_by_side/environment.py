"""Two versions of the product side by side, as in the minutes of a deploy: one Postgres, one Valkey, one Cal.com.

The old version has its own tables and workers first; then they are migrated under it, and the new one comes beside.
"""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psycopg
from packaging.requirements import Requirement
from psycopg import sql

from worker.local.embedded import EmbeddedError, Guard
from worker.local.environment import SIMULATOR_KEY, SimulatedCalcom, environment
from worker.local.processes import AT_ONCE, Part, ProcessGroup, fleet
from worker.settings.model import Settings

ROOT = Path(__file__).parents[2]
ENTRIES = ROOT / "tests" / "side_by_side"
MIGRATE_SECONDS = 60.0
REFUSED = "HOLD_RELEASE_MAX"  # our default, 0, is refused by versions as old as 0.1.0
SAME_MODULES = {"phonenumbers": "phonenumberslite"}  # a distribution, and another one that has its modules
SIMULATOR = ("--rate-limit", "0", "--latency", "0.05", "0.15", "--not-exclusive", "all")

# Names that every version knows. The breaker's are its defaults but for the open window, which is asked for; times are
# short so that what the outage leaves unclear settles within seconds.
SETTINGS: dict[str, Any] = {
    "calcom_connect_timeout": 1.0,
    "calcom_read_timeout": 2.0,
    "calcom_deadline": 3.0,
    "calcom_rate_limit_per_minute": 0,
    "calcom_settle_seconds": 6.0,
    "calcom_settle_answered_seconds": 1.0,
    "retry_delays": (0.3, 0.6, 1.2),
    "log_format": "json",
}


class CannotRun(Exception):  # noqa: N818 - it says what is missing, and nothing went wrong
    """Say in one line why the old version cannot be started here, and what to do."""


@dataclass(frozen=True)
class Side:
    """One version: where its code lies, and what starts its processes."""

    name: str
    code: Path
    processes: ProcessGroup

    def workers(self) -> list[Part]:
        """Name its processes: two workers, one for the periodic tasks, beat."""
        return [self._own(part) for part in fleet(8, 8, end=AT_ONCE)]

    def caller(self, first: int, count: int, rate: float, *more: str) -> Part:
        """Name a process that asks for bookings by this version's code."""
        argv = (sys.executable, str(ENTRIES / "caller.py"), str(first), str(count), str(rate), *more)
        return Part(f"{self.name} caller {first}", argv, ready="accepted ")

    def changer(self, ids: Sequence[int]) -> Part:
        """Name a process that cancels and moves these bookings."""
        argv = (sys.executable, str(ENTRIES / "changes.py"), *map(str, ids))
        return Part(f"{self.name} changes", argv, ready="accepted ")

    def _own(self, part: Part) -> Part:
        """Name a process so that both versions can have it, and let its calls say whose they are."""
        argv = [f"{self.name}-{word}" if word.endswith("@%h") else word for word in part.argv]
        argv[argv.index("-A") + 1] = "entry"
        return replace(part, name=f"{self.name} {part.name}", argv=tuple(argv))


@dataclass(frozen=True)
class DeployEnvironment:
    """What the run needs."""

    calcom: SimulatedCalcom
    database_url: str
    sides: dict[str, Side]
    guard: Guard

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask Postgres."""
        with psycopg.connect(self.database_url, autocommit=True) as conn:
            return conn.execute(sql.SQL(query)).fetchall()

    def migrate(self, name: str) -> None:
        """Bring the tables to what a version wants, by its own command."""
        side = self.sides[name]
        command = [sys.executable, "-m", "worker.cli", "migrate"]
        environment = dict(side.processes.environment)
        ran = subprocess.run(
            command,
            cwd=side.processes.cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=MIGRATE_SECONDS,
            check=False,
        )
        if ran.returncode:
            raise EmbeddedError(f"booking migrate of the {name} version: {ran.stderr.strip() or ran.stdout.strip()}")

    def start(self, name: str) -> None:
        """Start the workers of a version, and wait until it works."""
        side = self.sides[name]
        side.processes.start_all(side.workers())

    def end(self) -> None:
        """End every process of both versions, so that nothing moves while the judge reads."""
        self.guard.close()


@contextlib.contextmanager
def deploy_environment(
    revision: str, *, open_seconds: float, logs: Path | None, say: Callable[[str], object]
) -> Iterator[DeployEnvironment]:
    """Start the servers and lay out both versions; the caller migrates and starts them."""
    with contextlib.ExitStack() as stack:
        folders = stack.enter_context(Guard())
        versions = {"old": unpack(revision, folders.folder() / "old"), "new": ROOT}
        fit(versions["old"])
        settings = Settings.load(
            database_url=None,
            redis_url=None,
            calcom_api_key=SIMULATOR_KEY,
            circuit_breaker_half_open_timeout=open_seconds,
            **SETTINGS,
        )
        ready = stack.enter_context(environment(settings, logs=logs, simulator=SIMULATOR, say=say))
        sides = {
            name: Side(name, code, _processes(ready.processes, code, folders.folder()))
            for name, code in versions.items()
        }
        yield DeployEnvironment(ready.calcom, ready.servers.database_url, sides, ready.processes.guard)


def unpack(revision: str, folder: Path) -> Path:
    """Write the product as it was at a revision into a folder that is to be made, and return it.

    An archive and no worktree: the repository is not written to, so nothing is left in it, however this ends.

    Raises:
        CannotRun: The revision is not here, or no git.
    """
    if shutil.which("git") is None:
        raise CannotRun("git is not here, and the old version lies in the repository: install git")
    git = ["git", "-C", str(ROOT)]
    known = subprocess.run(
        [*git, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"], capture_output=True, check=False
    )
    if known.returncode:
        raise CannotRun(f"there is no revision {revision} here: name another (OLD=REV), or git fetch --unshallow")
    there = subprocess.check_output([*git, "ls-tree", "--name-only", revision], text=True).splitlines()
    product = [name for name in ("worker", "tasks", "resilience", "db", "client", "pyproject.toml") if name in there]
    archive = subprocess.run([*git, "archive", revision, *product], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def fit(code: Path) -> None:
    """Check that the libraries of this environment are what an old version asks for.

    Raises:
        CannotRun: One is not.
    """
    project = tomllib.loads((code / "pyproject.toml").read_text())["project"]
    missing = []
    for requirement in map(Requirement, project["dependencies"]):
        try:
            here = version(SAME_MODULES.get(requirement.name, requirement.name))
        except PackageNotFoundError:
            here = ""
        if not here or not requirement.specifier.contains(here, prereleases=True):
            missing.append(f"{requirement} (here: {here or 'none'})")
    if missing:
        raise CannotRun(f"the old version wants libraries that .venv does not have: {', '.join(missing)}")


def _processes(processes: ProcessGroup, code: Path, cwd: Path) -> ProcessGroup:
    """Return a starter of processes of this code; `cwd` is without a .env."""
    given = {name: value for name, value in processes.environment.items() if not name.endswith(REFUSED)}
    path = os.pathsep.join((str(code), str(code / "client"), str(ENTRIES)))
    return replace(processes, environment={**given, "PYTHONPATH": path}, cwd=cwd)
