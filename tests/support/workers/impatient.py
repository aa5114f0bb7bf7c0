"""A worker that calls Redis gone after one second, so that tests need not wait for 30."""

from tasks.health import observations
from worker import app as app  # noqa: PLC0414 - Celery looks for it here

observations.GONE_FOR = 1.0
