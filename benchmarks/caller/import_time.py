"""What CPU a caller's process takes to import the client, beside psycopg and pydantic's BaseModel.

The client's names are loaded when they are asked for: those of a caller are asked for here. Only the import is counted,
not the start of Python; each is a process of its own, with its bytecode at hand.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator

PAIRS, TURNS = 7, 5
OURS = "from booking_client import BookingRequest, Bookings"
THEIRS = "import psycopg; from pydantic import BaseModel"
PROGRAM = "import time; begun = time.process_time(); {}; print(time.process_time() - begun)"


def pairs() -> Iterator[dict[str, float]]:
    """Start one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(1 + PAIRS):
            ours, theirs = zip(*((_cpu(OURS, folder), _cpu(THEIRS, folder)) for _ in range(TURNS)), strict=True)
            if turn:  # the first compiles
                yield {"client_import": min(ours) / min(theirs)}  # what else the cores do only adds


def _cpu(program: str, bytecode: str) -> float:
    """Return the seconds of CPU that a Python process takes for this program."""
    given = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
    command = [sys.executable, "-c", PROGRAM.format(program)]
    return float(subprocess.run(command, env=given, check=True, capture_output=True, text=True).stdout)
