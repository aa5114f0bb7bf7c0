"""A Flower whose lists wait a minute for Postgres, so that a test can look at what goes on meanwhile."""

from worker import app as app  # noqa: PLC0414 - Celery looks for it here
from worker.page import reading

reading.PATIENCE = 60.0
