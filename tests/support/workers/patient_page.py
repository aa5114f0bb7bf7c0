"""A Flower whose lists and actions wait a minute for Postgres, so that a test can look at what goes on meanwhile."""

from worker import app as app  # noqa: PLC0414 - Celery looks for it here
from worker.page import actions, reading

reading.PATIENCE = actions.PATIENCE = 60.0
