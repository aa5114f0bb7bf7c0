"""A worker that calls Redis gone after one second, so that tests need not wait for 30."""

from tasks.incidents import observations
from worker import app as app  # noqa: PLC0414 - Celery looks for it here

observations.REDIS_UNAVAILABLE_AFTER = 1.0
