"""Each Python that a caller may have: its wheels, its types, and bookings by those that are here.

And bookings by the lowest versions of the packages that the client needs.
"""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psycopg

from db import revisions
from db.engine import make_engine
from tests.hosts.environments import PIP, Environment, Wrong, command
from tests.hosts.lowest import lowest
from tests.hosts.packages import CALLERS
from worker.local.embedded import Servers

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
LOWEST = "lowest"
DATABASE = "callers_of_versions"
BOOKED = ("async", "kept")


def judge_versions(tools: Environment, environment: Environment, wheel: Path, running: Servers) -> str:
    """Return which interpreters have booked.

    Raises:
        Wrong: A version has no wheels of what the client needs, a type checker finds an error, or a booking is missing.
    """
    with psycopg.connect(running.postgres.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {DATABASE}")
    url = running.postgres.url_of(DATABASE)
    engine = make_engine(url)
    revisions.upgrade(engine)
    engine.dispose()
    here = [version for version in VERSIONS if _is_here(version)]
    for version in VERSIONS:
        _judge_wheels(version, wheel, environment.folder / f"for-{version}")
        _judge_types(version, tools, environment)
    for version in here:
        _book(version, replace(environment, folder=environment.folder / version), wheel, url)
    _book_by_lowest(replace(environment, folder=environment.folder / LOWEST, packages=lowest(wheel)), wheel, url)
    _judge_books(url, [*here, LOWEST])
    return f"Python {', '.join(VERSIONS)}: wheels and types fit; booked by {', '.join(here)} and the lowest versions"


def _is_here(version: str) -> bool:
    """Return whether that interpreter runs: a manager of versions may have a command that only says how to get it."""
    name = shutil.which(f"python{version}")
    return name is not None and subprocess.run([name, "-c", ""], capture_output=True, check=False).returncode == 0


def _judge_wheels(version: str, wheel: Path, folder: Path) -> None:
    asked = ("--dry-run", "--ignore-installed", "--target", folder, "--python-version", version)
    command([sys.executable, "-m", *PIP, "install", *asked, "--only-binary", ":all:", wheel])


def _judge_types(version: str, tools: Environment, environment: Environment) -> None:
    caller, python = CALLERS / "by_client.py", environment.python
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-incremental", "--python-version", version]
    command([*mypy, f"--python-executable={python}", caller], cwd=environment.folder)
    pyright = [tools.python, "-m", "pyright", "--pythonversion", version]
    command([*pyright, "--pythonpath", python, caller], cwd=environment.folder)


def _book(version: str, environment: Environment, wheel: Path, url: str) -> None:
    """Book by an interpreter of that version: Debian's have no pip of their own, so this one's installs."""
    command([f"python{version}", "-m", "venv", "--without-pip", environment.folder])
    pip = [sys.executable, "-m", "pip", "--python", environment.python, *PIP[1:]]
    command([*pip, "install", "--only-binary", ":all:", wheel])
    command([environment.python, "-W", "error", CALLERS / "books.py", url, version], cwd=environment.folder)


def _book_by_lowest(environment: Environment, wheel: Path, url: str) -> None:
    """Book by the lowest versions of the packages that the client needs."""
    lowly = replace(environment, wheels=(wheel,))
    lowly.make()
    lowly.add_wheels()
    command([lowly.python, "-W", "error", CALLERS / "books.py", url, LOWEST], cwd=lowly.folder)


def _judge_books(url: str, versions: list[str]) -> None:
    expected = sorted(f"{version}-{name}" for version in versions for name in BOOKED)
    with psycopg.connect(url) as conn:
        booked = sorted(key for (key,) in conn.execute("SELECT idempotency_key FROM appointments"))
    if booked != expected:
        raise Wrong(f"booked are {booked}, and not {expected}")
