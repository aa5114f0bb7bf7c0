"""What CPU a caller's process takes until its first booking is accepted, beside one that sends its first plain task.

The plain one imports what ours cannot do without (Celery, kombu's Redis transport, SQLAlchemy, psycopg, pydantic) and
sends a message; each is a process of its own, with its bytecode at hand.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping

from environment import deployment

PAIRS = 7
OURS = """
from worker import BookingRequest, enqueue_booking

attendee = {"name": "Pat Example", "email": "pat%s@example.com", "time_zone": "UTC"}
enqueue_booking(BookingRequest.parse({"event_type_id": 110, "start": "2030-03-01T09:00:00Z", "attendee": attendee}))
"""
PLAIN = """
import celery, kombu.transport.redis, psycopg, pydantic, sqlalchemy

app = celery.Celery(broker=%r)


@app.task(name="plain")
def plain(number):
    pass


plain.delay(1)
"""


def pairs() -> Iterator[dict[str, float]]:
    """Start one after the other."""
    with deployment() as ready, tempfile.TemporaryDirectory() as folder:
        plain = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}
        ours = {**ready.settings.environment(), **plain}
        broker = ready.servers.redis_url.removesuffix("/0") + "/1"
        for turn in range(1 + PAIRS):
            ratio = _cpu(OURS % turn, ours) / _cpu(PLAIN % broker, plain)
            if turn:  # the first compiles
                yield {"import_cost": ratio}


def _cpu(program: str, environment: Mapping[str, str]) -> float:
    """Return the seconds of CPU that a Python process takes for this program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
