"""Virtual environments that hold no file of the repository: a host's packages, and then our wheels."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.running.second_look import keep_told

ROOT = Path(__file__).parents[2]
PATIENCE = 240.0  # seconds for one command
DUMPED = "Timeout (0:"  # how faulthandler begins
RUNNERS = re.compile(r'File "[^"]*(/_?pytest/|/pluggy/|<frozen )')
PIP = ("pip", "--quiet", "--disable-pip-version-check", "--no-input")
# None of these is what booking-worker needs: that is Celery 5.7, redis 8 and SQLAlchemy 2.1.
EARLIER = ("celery[redis]>=5.4,<5.7", "redis>=5,<6", "sqlalchemy[asyncio]>=2.0,<2.1")
SAME = ("celery[redis]>=5.7,<5.8", "redis>=8,<9", "sqlalchemy[asyncio]>=2.1,<2.2")
BOTH = ("alembic>=1.13", "django>=5.2,<6", "fastapi>=0.130", "httpx2>=2.16,<3", "psycopg[binary]>=3.2", "pytest>=9")


class Wrong(Exception):  # noqa: N818 - a finding, not an error of this program
    """Say what a host, a package or a checker has found."""


class Hung(Wrong):
    """Say where a command waited until its time was over."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment: `guest` is how its hosts book, `packages` what they need, `wheels` what comes later."""

    folder: Path
    guest: str
    packages: tuple[str, ...]
    wheels: tuple[Path, ...]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def make(self) -> None:
        """Make it, with the packages of a host and none of ours."""
        command([sys.executable, "-m", "venv", self.folder])
        if self.packages:
            self._install(self.packages)

    def add_wheels(self) -> None:
        """Install our wheels. Raises Wrong: a package of the host is now another version."""
        before = self.versions()
        self._install([str(wheel) for wheel in self.wheels])
        command([self.python, "-m", "pip", "check"])
        now = self.versions()
        if changed := {name: (version, now.get(name)) for name, version in before.items() if now.get(name) != version}:
            raise Wrong(f"our wheels changed packages of the host: {changed}")

    def versions(self) -> dict[str, str]:
        """Return each package and its version, without pip's own."""
        listed = json.loads(command([self.python, "-m", "pip", "--disable-pip-version-check", "list", "--format=json"]))
        return {one["name"]: one["version"] for one in listed if one["name"] not in {"pip", "setuptools"}}

    def megabytes(self) -> int:
        """Return the size of what is installed, compiled files included, without pip's own."""
        [site] = self.folder.glob("lib/*/site-packages")
        theirs = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
        files = [
            path
            for folder in site.iterdir()
            if not folder.name.startswith(theirs)
            for path in (folder, *folder.rglob("*"))
            if path.is_file()
        ]
        return round(sum(path.stat().st_size for path in files) / 2**20)

    def _install(self, packages: Sequence[str]) -> None:
        command([self.python, "-m", *PIP, "install", "--only-binary", ":all:", *packages])


def command(
    arguments: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environment: dict[str, str] | None = None,
    patience: float = PATIENCE,
) -> str:
    """Return what a command prints.

    Raises:
        Wrong: It failed; with what it has printed.
        Hung: It did not end in time, or Python wrote the stacks of its threads down and ended it.
    """
    words = list(map(str, arguments))
    try:
        ran = subprocess.run(
            words,
            cwd=cwd,
            env=plain() if environment is None else environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired as late:  # its output is bytes, or None, whatever was asked for
        printed = bytes(late.output or b"").decode(errors="replace")
        raise Hung(f"{' '.join(words)} did not end within {patience:g} s:\n{printed}") from None
    if ran.returncode and DUMPED in ran.stdout:
        raise Hung(f"{' '.join(words)} hung:\n{_shortened(ran.stdout)}")
    if ran.returncode:
        raise Wrong(f"{' '.join(words)} ended with {ran.returncode}:\n{ran.stdout}")
    return ran.stdout


def tell_unsteady(text: str) -> None:
    """Tell of what hung and ended at its second look: on standard error, and in the last lines of CI."""
    sys.stderr.write(f"unsteady: {text}\n")
    keep_told(["", f"unsteady: {text}"])


def _shortened(printed: str) -> str:
    """Return the end of what was printed, without the frames of pytest: the last lines of a log must hold the rest."""
    lines = [one for one in printed.splitlines() if not RUNNERS.search(one)]
    return "\n".join(lines[-40:])


def plain() -> dict[str, str]:
    """Return our environment without what leads Python to the repository."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}  # noqa: TID251 - a child's


def build(folder: Path) -> tuple[Path, Path]:
    """Build both wheels; return the client's and the worker's."""
    for source in (ROOT / "client", ROOT):
        command([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder], cwd=source)
    return next(folder.glob("booking_worker_client-*.whl")), next(folder.glob("booking_worker-*.whl"))
