"""One process of `booking serve`, beside the servers of a benchmark."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from environment import until

from worker.local.environment import Environment

WITHIN = 30.0  # seconds for the start


class Served(NamedTuple):
    """Hold where the process listens, and the id of the process that serves."""

    port: int
    pid: int


@contextmanager
def serving(ready: Environment) -> Iterator[Served]:
    """Start it, and end it with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = ready.settings.model_copy(update={"http_address": f"127.0.0.1:{port}"}).environment()
    command = [sys.executable, "-m", "worker.cli", "serve", "--workers", "1"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as parent:
        try:
            until(lambda: _answers(port), within=WITHIN, pause=threading.Event().wait)
            [child] = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
            yield Served(port, int(child))
        finally:
            parent.terminate()


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=1):
            return True
    except (URLError, OSError):
        return False
