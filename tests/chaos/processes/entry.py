"""The product as the fire suite runs it: the same, with places where it can be hurt.

The product knows nothing of this file. It is told by its environment: FIRE_FOLDER is where the orders of steps
lie, FIRE_CLOCK by how many seconds this process's clock is wrong, FIRE_MARGIN the seconds that a lease outlives a call,
FIRE_MINUTE the seconds between two harmless calls, FIRE_CALLBACKS that callbacks are tried again, and bookings of a
hint looked at, after seconds.
"""

import importlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import worker.breaker
import worker.settings.model
import worker.wiring
from db import callbacks
from tasks.calcom_webhooks import looks
from tasks.callbacks import sending
from tasks.work.publish import TASK
from tests.chaos.faults import clock, steps
from tests.support.workers.minute import shorten
from worker import app

__all__ = ["app"]

ENVIRONMENT = os.environ  # noqa: TID251 - settings of the suite, which the product does not know
FOLDER = Path(ENVIRONMENT["FIRE_FOLDER"])


def hook(places: Mapping[str, tuple[str, str, str]]) -> None:
    """Put every step into its place; a name that is no longer there is an error, not a step that never comes."""
    for step, (module, name, where) in places.items():
        here = partial(steps.reach, FOLDER, step)
        owner: Any = importlib.import_module(module)
        if where == "signal":
            _keep.append(receiver := partial(_if_booking, here))
            getattr(owner, name).connect(receiver)
            continue
        *path, last = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        call = getattr(owner, last)
        sides: dict[str, Callable[[], None] | None] = {"before": None, "after": None, where: here}
        setattr(owner, last, steps.around(call, before=sides["before"], after=sides["after"]))


def _if_booking(here: Callable[[], None], sender: Any = None, **_: Any) -> None:
    """Come to a step that Celery's signal tells of, if it is a booking's task and not a periodic one."""
    if getattr(sender, "name", None) == TASK:
        here()


_keep: list[Callable[..., None]] = []  # Celery's signals hold their receivers weakly
worker.wiring.MARGIN = worker.breaker.MARGIN = worker.settings.model.MARGIN = float(ENVIRONMENT["FIRE_MARGIN"])
hook(steps.STEPS)
if minute := ENVIRONMENT.get("FIRE_MINUTE"):
    shorten(float(minute))
if "FIRE_CALLBACKS" in ENVIRONMENT:  # and never given up: a receiver is away for seconds, and not for days
    sending.DELAYS = (0.5, 0.5, 1.0, *[2.0] * 500)
    callbacks.REST = 2.0
    looks.AFTER = (2.0, 5.0, 10.0)
if wrong := float(ENVIRONMENT.get("FIRE_CLOCK", "0")):
    clock.be_wrong_by(wrong)
