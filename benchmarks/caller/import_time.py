"""What CPU a caller's process takes to import the client, beside psycopg and pydantic's BaseModel.

Both do so among the twelve packages of a caller (`client_packages` counts them), by links to those that are installed
here: pydantic looks through all packages for its plug-ins, and of this repository's there are 137. The client's names
are loaded when they are asked for: those of a caller are asked for here. Only the import is counted, not the start of
Python; each is a process of its own, with its bytecode at hand.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

PAIRS, TURNS = 7, 5
OURS = "from booking_client import BookingRequest, Bookings"
THEIRS = "import psycopg; from pydantic import BaseModel"
PROGRAM = (
    "import sys; sys.path += {!r}; import time; begun = time.process_time(); {}; print(time.process_time() - begun)"
)
CLIENT = Path(__file__).parents[2] / "client"


def pairs() -> Iterator[dict[str, float]]:
    """Start one after the other."""
    with tempfile.TemporaryDirectory() as bytecode, tempfile.TemporaryDirectory() as packages:
        _link(packages)
        for turn in range(1 + PAIRS):
            ours, theirs = zip(
                *((_cpu(OURS, packages, bytecode), _cpu(THEIRS, packages, bytecode)) for _ in range(TURNS)), strict=True
            )
            if turn:  # the first compiles
                yield {"client_import": min(ours) / min(theirs)}  # what else the cores do only adds


def _link(folder: str) -> None:
    """Link all that the client depends on into a folder, as an environment of its own would have it."""
    wanted, seen = [("booking-worker-client", "")], set[tuple[str, str]]()
    while wanted:
        name, extra = one = wanted.pop()
        if one in seen:
            continue
        seen.add(one)
        found = distribution(name)
        for line in found.requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                wanted += [(needed.name, more) for more in needed.extras or {""}]
        for top in {path.parts[0] for path in found.files or ()} - {"..", "__pycache__"}:
            if not (link := Path(folder, top)).exists():
                link.symlink_to(Path(str(found.locate_file(top))))


def _cpu(program: str, packages: str, bytecode: str) -> float:
    """Return the seconds of CPU that a Python process takes for this program."""
    command = [sys.executable, "-S", "-c", PROGRAM.format([str(CLIENT), packages], program)]
    given = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
    return float(subprocess.run(command, env=given, check=True, capture_output=True, text=True).stdout)
