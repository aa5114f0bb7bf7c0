"""Feed Flower's own state with a real fleet for some minutes, and then with that stream until it has seen a day.

Prints what its list then holds. The exit code is 0 when these are bookings only, and all those of the first hour.
"""

import argparse
import contextlib
import logging
import resource
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from flower.options import options
from pydantic import SecretStr

from booking_client.request.model import BookingRequest
from tasks import dependencies
from tasks.work.publish import TASK
from tests.flower.listening import fresh_state, listening, repeat
from worker import enqueue_booking, wait
from worker.celery_app import reconfigure
from worker.console import screen
from worker.local.environment import SIMULATOR_KEY, environment
from worker.local.processes import AT_ONCE, fleet
from worker.settings.model import Settings
from worker.wiring import build_from

HOUR, DAY = 3600.0, 24 * 3600.0
EVENT_TYPE = 110  # of the simulator: its slots are not exclusive


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    asked = _parser().parse_args(arguments)
    options.max_tasks = asked.max_tasks
    seconds = 60.0 * asked.minutes
    logging.disable(logging.WARNING)
    with _fleet(), listening() as heard:
        booked = _book(asked.first_hour / HOUR, seconds)
    screen.say(
        f"{asked.minutes:g} minutes: {booked} booked, {len(heard.stream)} events, {len(heard.state.tasks)} tasks listed"
    )

    state, before, begun_at = fresh_state(), _megabytes(), time.monotonic()
    an_hour, a_day = round(HOUR / seconds), round(DAY / seconds)
    repeat(heard.stream, state, range(an_hour), seconds=seconds)
    first_hour = set(state.tasks)
    fewer = set(list(heard.state.tasks)[: int(booked * asked.later / asked.first_hour)])
    later = [event for event in heard.stream if "uuid" not in event or event["uuid"] in fewer]
    repeat(later, state, range(an_hour, a_day), seconds=seconds)
    left = set(state.tasks)
    names = heard.names | {task.name for task in state.tasks.values()}
    screen.say(
        f"a day later: {len(first_hour & left)} of the {len(first_hour)} of the first hour and "
        f"{len(left - first_hour)} later ones are listed, at most {asked.max_tasks}; "
        f"fed in {time.monotonic() - begun_at:.0f} s, {_megabytes() - before:.0f} MB\nlisted are: {names}"
    )
    return 0 if names == {TASK} and len(first_hour) >= booked * an_hour and first_hour <= left else 1


@contextlib.contextmanager
def _fleet() -> Iterator[None]:
    """Run a deployment, of which this process is a caller."""
    settings = Settings.load(
        database_url=None, redis_url=None, calcom_api_key=SecretStr(SIMULATOR_KEY), calcom_rate_limit_per_minute=0
    )
    with environment(settings, simulator=("--rate-limit", "0", "--latency", "0.1", "0.3")) as ready:
        ready.migrate()
        dependencies.fill(lambda: build_from(ready.settings))
        reconfigure(ready.settings)
        ready.processes.start_all(fleet(32, end=AT_ONCE))
        yield


def _book(rate: float, seconds: float) -> int:
    """Ask for so many bookings a second, so long; return how many they were when the last one has ended."""
    noon, pause = datetime(2030, 3, 1, tzinfo=UTC), threading.Event()
    begun_at, receipts = time.monotonic(), []
    while len(receipts) < rate * seconds:
        number = len(receipts)
        pause.wait(max(0.0, begun_at + number / rate - time.monotonic()))
        asked = {
            "event_type_id": EVENT_TYPE,
            "start": noon + number * timedelta(minutes=30),
            "attendee": {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "UTC"},
        }
        receipts.append(enqueue_booking(BookingRequest.parse(asked)))
    for receipt in receipts:
        wait(receipt.appointment_id, seconds=60)
    pause.wait(1)  # a worker publishes what it has to tell five times a second
    return len(receipts)


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.flower", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="that a real fleet feeds it (%(default)g)")
    parser.add_argument("--first-hour", type=int, default=10_000, help="bookings of its first hour (%(default)d)")
    parser.add_argument("--later", type=int, default=3_800, help="bookings of each later hour (%(default)d)")
    parser.add_argument("--max-tasks", type=int, default=options.max_tasks, help="Flower's own option (%(default)d)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
