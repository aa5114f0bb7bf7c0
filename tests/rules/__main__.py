"""Record what /metrics tells under each fault of tests/rules/faults.py, for the tests of the alerts.

One deployment of real servers and processes; the faults one after the other, in real time.
"""

import argparse
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from tasks import dependencies
from tests.rules.faults import FAULTS, Deployed, Fault, due
from tests.rules.recording import EVERY, Recording, metrics_of_the_rules
from tests.support.callbacks.receiver import receiver
from tests.support.prometheus.exporting import Series, scraped
from worker.celery_app import reconfigure
from worker.console import screen
from worker.local.embedded.server import free_port
from worker.local.environment import SIMULATOR_KEY, environment
from worker.settings.model import Settings
from worker.wiring import build_from

SIMULATOR = ("--rate-limit", "0", "--latency", "0.1", "0.6")
CALM_SECONDS = 180  # in which all that was held has gone again
CALLBACKS = {
    "callback_secret": (SecretStr("a-secret-of-the-tests-with-32-letters"),),
    "callback_loopback_for_tests": True,
}
SETTINGS: dict[str, Any] = {"calcom_rate_limit_per_minute": 0, "calcom_settle_seconds": 10.0, **CALLBACKS}


def main(arguments: Sequence[str] | None = None) -> None:
    """Record, by name; all, but for the quiet hour, if none is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.rules", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FAULTS)}; none: all but quiet")
    asked = parser.parse_args(arguments)
    port = free_port()
    with deployed(port) as fleet:
        for name in asked.names or [name for name in FAULTS if name != "quiet"]:
            calm(fleet, port)
            screen.note(f"{name}: {FAULTS[name].about}")
            screen.note(f"  {record(fleet, port, name, FAULTS[name])}")


@contextmanager
def deployed(port: int) -> Iterator[Deployed]:
    """Run a deployment whose metrics are at a port."""
    logging.disable(logging.WARNING)
    own = {"database_url": None, "redis_url": None, "calcom_api_key": SecretStr(SIMULATOR_KEY)}
    settings = Settings.load(**own, **SETTINGS, metrics_address=f"127.0.0.1:{port}")
    with environment(settings, simulator=SIMULATOR) as ready, receiver(lambda _: (404, {})) as gone:
        ready.migrate()
        dependencies.fill(lambda: build_from(ready.settings))
        reconfigure(ready.settings)
        fleet = Deployed(ready, gone.url)
        fleet.start()
        try:
            yield fleet
        finally:
            dependencies.end()


def scrape(port: int) -> Series | None:
    """Scrape once; None: nobody answers."""
    try:
        return scraped(port)
    except OSError:
        return None


def calm(fleet: Deployed, port: int) -> None:
    """Wait until nothing is left of the fault before, all of it is counted, and all that the rules read is told."""
    fleet.well()
    for second in range(CALM_SECONDS):
        seen = scrape(port) or {}
        moving = any(value for name, value in seen.items() if name.startswith("booking_bookings{"))
        half_open = any(value for name, value in seen.items() if 'state="half_open"' in name)
        ended = sum(value for name, value in seen.items() if name.startswith("booking_finished_total"))
        complete = metrics_of_the_rules() <= {name.partition("{")[0] for name in seen}
        if complete and not moving and not half_open and seen.get("booking_accepted_total{}") == ended:
            return
        if half_open and not moving and second % 10 == 0:
            fleet.book()  # nobody else asks whether Cal.com is back
        threading.Event().wait(1)
    screen.note("  it is not calm yet")


def record(fleet: Deployed, port: int, name: str, fault: Fault) -> str:
    """Record one fault, in real time; return where it is kept."""
    recording = Recording(name, fault.about, time.time())
    begun, before = time.monotonic(), -1
    for number in range(fault.seconds // EVERY):
        now = number * EVERY
        threading.Event().wait(max(0.0, begun + now - time.monotonic()))
        recording.scrapes.append(scrape(port))
        for step in due(fault, before, now):
            step(fleet)
        if fault.books_every:
            for _ in range(now // fault.books_every - before // fault.books_every):
                fleet.book()
        before = now
    return str(recording.save())


if __name__ == "__main__":
    main()
