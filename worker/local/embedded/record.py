"""What a lasting folder stores about its servers: ports and passwords, and the simulator's address.

`worker/running.py` reads it, for other processes of the same user.
"""

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from worker.local.embedded.errors import EmbeddedError
from worker.local.embedded.server import Server
from worker.running import LOCK, SERVERS_FILE, SIMULATOR_FILE, recorded_servers

LOCK_TRIES = 10


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
    """Take the lock, with LOCK_TRIES: `running_servers`, which only reads, holds it for a moment."""
    pause = threading.Event()
    for _ in range(LOCK_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        pause.wait(0.02)
    return False


def kept(folder: Path, name: str) -> dict[str, Any]:
    """Return port and password of the last run, if there was one."""
    about = recorded_servers(folder).get(name, {})
    return {key: about[key] for key in ("port", "password") if key in about}


def write(folder: Path, server: Server) -> None:
    """Store how the server is reached, for the next start and for other processes of the same user."""
    url = server.url if server.port else None
    about = recorded_servers(folder) | {server.name: {"port": server.port, "password": server.password, "url": url}}
    new = folder / f"{SERVERS_FILE}.new"
    write_private(new, json.dumps(about))
    new.replace(folder / SERVERS_FILE)


def write_simulator(folder: Path, url: str | None, key: str = "") -> None:
    """Store the address of the simulator that `booking up --simulator` runs; None: there is none."""
    file = folder / SIMULATOR_FILE
    if url is None:
        file.unlink(missing_ok=True)
        return
    write_private(file, json.dumps({"url": url, "key": key}))


def write_private(file: Path, text: str) -> None:
    """Write a file that its owner alone may read."""
    with open(file, "w", opener=_private) as opened:
        opened.write(text)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
