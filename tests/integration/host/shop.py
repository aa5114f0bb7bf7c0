"""A host application with a Celery of its own: it writes down what is its own, before it books with us and after.

`python shop.py FILE`: two JSON lines go to FILE. Nothing here may go to standard output.
"""

import json
import logging
import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

from celery import Celery, current_app, shared_task, signals
from celery._state import get_current_app
from kombu import Connection, pools
from kombu.transport import TRANSPORT_ALIASES, get_transport_cls

os.environ.setdefault("CELERY_BROKER_URL", "memory://")  # noqa: TID251 - a host has its own settings
shop = Celery("shop")
shop.conf.task_default_queue = "shop"
shop.set_default()
logging.basicConfig(stream=sys.stderr, format="SHOP %(name)s %(levelname)s %(message)s", level=logging.INFO)

REQUEST = {
    "event_type_id": 101,
    "start": "2030-03-01T09:00:00Z",
    "attendee": {"name": "Ann Sample", "email": "ann@example.com", "time_zone": "Europe/Berlin"},
}


@shared_task(name="shop.send_mail")
def send_mail(address: str) -> None:
    """Stand for any task of the host."""


def elsewhere() -> dict[str, Any]:
    """Return what Celery is in this thread, and where a message of the host's goes."""
    sent = []
    shop.amqp.send_task_message = lambda *_arguments, **options: sent.append(options["queue"].name)
    send_mail.delay("somebody")
    return {
        "current": get_current_app().main,
        "broker": current_app.conf.broker_url,
        "task": send_mail.app.main,
        "queue": sent,
    }


def in_another_thread() -> dict[str, Any]:
    """Return the same of a thread that has just begun."""
    found: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: found.append(elsewhere()))
    thread.start()
    thread.join()
    return found[0]


def everything() -> dict[str, Any]:
    """Return all that is the host's."""
    root = logging.getLogger()
    pooled = pools.connections[Connection("memory://")]
    return {
        "here": elsewhere(),
        "there": in_another_thread(),
        "tasks": sorted(name for name in shop.tasks if not name.startswith("celery.")),
        "transports": {name: str(where) for name, where in TRANSPORT_ALIASES.items()},
        "classes": [str(get_transport_cls(name)) for name in ("redis", "rediss", "sentinel", "amqps")],
        "connection": str(Connection("rediss://shop.example").ssl),
        "pool": id(pooled),
        "handlers": [repr(handler) for handler in root.handlers],
        "level": root.level,
        "filters": {name: len(logging.getLogger(name).filters) for name in ("kombu.connection", "celery.beat")},
        "quiet": {name: logging.getLogger(name).level for name in ("celery.app.trace", "urllib3", "kombu")},
        "warnings": [warnings.showwarning.__module__, len(warnings.filters)],
        "setup_logging": len(signals.setup_logging.receivers),
        "threads": sorted(thread.name for thread in threading.enumerate()),
    }


def main(file: Path, *, in_code: bool) -> None:
    """Book, and write down what was before and after."""
    before = everything()
    from worker import BookingRequest, Settings, configure, enqueue_booking  # noqa: PLC0415 - what is under test

    imported = everything()
    if in_code:
        configure(Settings.load(hold_lead=7))
    enqueue_booking(BookingRequest.model_validate(REQUEST))
    booked = everything()
    file.write_text("\n".join(map(json.dumps, (before, imported, booked))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), in_code=bool(sys.argv[2:]))
