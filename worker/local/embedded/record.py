"""What a lasting folder remembers about its servers: ports and passwords, and whether they run now."""

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from worker.local.embedded.errors import EmbeddedError
from worker.local.embedded.server import Server

FILE = "servers.json"
LOCK = "lock"
LOCK_TRIES = 10


@dataclass(frozen=True)
class ServerUrls:
    """The URLs of servers that run in a folder; None for one that does not belong to it."""

    database_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)


def running(folder: Path) -> ServerUrls | None:
    """Return the URLs of the servers that another process runs in this folder now, or None."""
    try:
        lock = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        urls = {name: about.get("url") for name, about in _read(folder).items()}
        return ServerUrls(urls.get("postgres"), urls.get("valkey"))
    finally:
        os.close(lock)
    return None


@contextlib.contextmanager
def locked(folder: Path | None) -> Iterator[int | None]:
    """Make the folder, private, and lock it; yields the lock's descriptor for the guard to hold.

    Raises:
        EmbeddedError: another process has it, or it cannot be made.
    """
    if folder is None:
        yield None
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EmbeddedError(f"{folder} cannot hold the embedded servers' data: {error.strerror}") from None
    try:
        if not _lock(lock):
            raise EmbeddedError(f"the embedded servers in {folder} already run; stop the other `booking up` first")
        yield lock
    finally:
        os.close(lock)


def _lock(lock: int) -> bool:
    """Take the lock; whoever only looks whether servers run (`running`) has it for a moment, so try again."""
    pause = threading.Event()
    for _ in range(LOCK_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        pause.wait(0.02)
    return False


def kept(folder: Path, name: str) -> dict[str, Any]:
    """Return port and password of the last run, if there was one."""
    about = _read(folder).get(name, {})
    return {key: about[key] for key in ("port", "password") if key in about}


def write(folder: Path, server: Server) -> None:
    """Remember the server, for the next start and for other processes of the same user."""
    url = server.url if server.port else None
    about = _read(folder) | {server.name: {"port": server.port, "password": server.password, "url": url}}
    new = folder / f"{FILE}.new"
    with open(new, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        json.dump(about, file)
    new.replace(folder / FILE)


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        about: dict[str, dict[str, Any]] = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return {}
    return about
