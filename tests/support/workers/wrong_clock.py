"""A Celery application whose host's clock is wrong by WRONG_CLOCK seconds."""

import importlib
import os

from tests.chaos.faults import clock
from worker import app as app  # noqa: PLC0414 - Celery looks for it here

# What compares times must be there before the clock is moved.
_COMPARE = ("celery.worker.request", "celery.worker.strategy", "celery.utils.time", "celery.app.trace", "celery.beat")

app.loader.import_default_modules()
for name in _COMPARE:
    importlib.import_module(name)
clock.be_wrong_by(float(os.environ["WRONG_CLOCK"]))  # noqa: TID251 - this process's own
