"""Workers whose minute between two harmless calls lasts six seconds: `celery -A short_minute worker`."""

from functools import partial

import tasks.life
import tasks.recovery
import worker.breaker
from worker import app as app  # noqa: PLC0414 - Celery looks for it here

SECONDS = 6.0

worker.breaker.BreakerSettings = partial(  # type: ignore[assignment,misc]
    worker.breaker.BreakerSettings, trial_every=SECONDS
)
tasks.life.TRY_AGAIN = tasks.recovery.TRY_AGAIN = SECONDS
