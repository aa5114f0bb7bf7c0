"""Workers whose minute between two harmless calls lasts three seconds."""

from functools import partial

import tasks.decisions
import tasks.maintenance.recovery
import worker.breaker
from worker import app as app  # noqa: PLC0414 - Celery looks for it here

SECONDS = 3.0

worker.breaker.BreakerSettings = partial(  # type: ignore[assignment,misc]
    worker.breaker.BreakerSettings, trial_every=SECONDS
)
tasks.decisions.TRY_AGAIN = tasks.maintenance.recovery.TRY_AGAIN = SECONDS
