"""What is the shop's own in a process. `python watch.py NUMBER` prints it, places an order, and prints it again."""

import faulthandler

if __name__ == "__main__":
    faulthandler.dump_traceback_later(100, exit=True)  # one that hangs says where, while it imports, too

import json
import logging
import sys
import threading
import warnings
from typing import Any

from celery import _state, current_app, signals
from kombu import Connection, pools
from kombu.transport import TRANSPORT_ALIASES, get_transport_cls

# The shop's Celery is made before its guest is loaded, as by `celery -A`: the last one that is made could be current.
# isort: off
from worker import app
from tasks import send_mail
from db import place_order
# isort: on


def celery_here() -> dict[str, Any]:
    """Return what Celery is in this thread, and the queue of a task of the shop."""
    return {
        "current": current_app.main,
        "default": _state.default_app.main,
        "task": send_mail.app.main,
        "queue": send_mail.app.amqp.router.route({}, send_mail.name)["queue"].name,
        "broker": type(send_mail.app.connection().transport).__module__,
    }


def celery_in_a_thread() -> dict[str, Any]:
    """Return the same of a thread that has just begun."""
    found: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: found.append(celery_here()))
    thread.start()
    thread.join()
    return found[0]


def everything() -> dict[str, Any]:
    """Return all that is the shop's."""
    root = logging.getLogger()
    return {
        "here": celery_here(),
        "there": celery_in_a_thread(),
        "tasks": sorted(name for name in app.tasks if not name.startswith("celery.")),
        "transports": {name: str(where) for name, where in TRANSPORT_ALIASES.items()},
        "classes": [str(get_transport_cls(name)) for name in ("redis", "rediss", "sentinel", "amqps")],
        "tls": str(Connection("rediss://shop.example").ssl),
        "pools": len(pools.connections),
        "handlers": [repr(handler) for handler in root.handlers],
        "level": root.level,
        "filters": {name: len(logging.getLogger(name).filters) for name in ("kombu.connection", "celery.beat")},
        "quiet": {name: logging.getLogger(name).level for name in ("celery.app.trace", "urllib3", "kombu")},
        "warnings": warnings.showwarning.__module__,
        "setup_logging": len(signals.setup_logging.receivers),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "excepthooks": [sys.excepthook.__name__, threading.excepthook.__name__],
    }


if __name__ == "__main__":
    print(json.dumps(everything()))
    place_order(int(sys.argv[1]))
    print(json.dumps(everything()))
