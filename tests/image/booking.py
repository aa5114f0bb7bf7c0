"""Bookings by the processes of an image, on real servers and a simulated Cal.com."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.image.box import Box
from worker.local.environment import SIMULATOR_KEY, Environment, environment
from worker.settings.model import Settings

MANY = 20
LOOKS = 60  # at a worker before it must answer, and at Cal.com's books before all must stand there: a net
PAUSE = 1.0  # seconds between two looks: each starts an interpreter
GIVEN = ("database_url", "redis_url", "calcom_base_url", "calcom_api_key")
WORKER = ("celery", "-A", "worker", "worker", "--pool", "threads", "--concurrency", "8", "--queues", "bookings")
# As deploy/kubernetes/hardened.yaml has it, and harder: no rights, nothing to write, no shell.
BOUND = """
import errno, os, shutil, tempfile
assert os.getuid() == os.getgid() == 10001, os.getuid()
assert shutil.which("sh") is None
for path in ("/srv/x", "/app/x"):
    try:
        open(path, "w")
    except OSError as error:
        assert error.errno == errno.EROFS, error
    else:
        raise AssertionError(path)
tempfile.TemporaryFile().close()
"""


class WrongBox(Exception):  # noqa: N818 - a finding, not an error of this program
    """Say what the image could not do."""


@dataclass(frozen=True)
class Running:
    """An image with the servers that its processes are told."""

    box: Box
    place: Environment

    def argv(self, *command: str) -> list[str]:
        """Return the command line of a process of it."""
        settings = self.place.settings
        texts = settings.environment()
        return self.box.argv("worker", command, {name.upper(): texts[name.upper()] for name in GIVEN})

    def tried(self, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.argv(*command), input=text, capture_output=True, text=True, check=False, timeout=120, env={}
        )

    def run(self, *command: str, text: str = "") -> str:
        """Return what a command prints. Raises WrongBox: it failed."""
        ran = self.tried(*command, text=text)
        if ran.returncode:
            raise WrongBox(f"{' '.join(command[:3])}: {ran.stdout[-800:]}{ran.stderr[-800:]}")
        return ran.stdout


def book(box: Box) -> int:
    """Return how many bookings stand in Cal.com's books, all that were asked for. Raises WrongBox."""
    settings = Settings.load(calcom_api_key=SIMULATOR_KEY)
    with environment(settings, simulator=("--rate-limit", "0")) as place:
        running = Running(box, place)
        running.run("python", "-c", BOUND)
        running.run("booking", "migrate")
        log, guard = place.servers.folder / "worker.log", place.servers.guard
        guard.start("worker", running.argv(*WORKER), cwd=Path("/"), env={}, log=log)
        for _ in range(LOOKS):
            if not running.tried("booking", "check", "--worker").returncode:
                break
            if guard.wait("worker", PAUSE) is not None:
                raise WrongBox(log.read_text("utf-8")[-2000:])
        running.run("booking", "enqueue", "-", text="\n".join(requests(MANY)))
        for _ in range(LOOKS):
            if len(place.calcom.bookings()) == MANY:
                break
            guard.wait("worker", PAUSE)
        made = len(place.calcom.bookings())
        guard.end("worker")
    if made != MANY:
        raise WrongBox(f"{made} of {MANY} were booked")
    return made


def requests(many: int) -> Sequence[str]:
    """Return requests, each a line of JSON."""
    attendee = {"name": "Pat Example", "email": "pat@example.com", "time_zone": "Europe/Berlin"}
    starts = (f"2030-03-{1 + number:02}T09:00:00Z" for number in range(many))
    return [json.dumps({"event_type_id": 110, "start": start, "attendee": attendee}) for start in starts]
