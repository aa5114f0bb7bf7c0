"""A Flower that waits a minute or more for Postgres, whatever it reads: one that is only slow is not gone."""

from tests.support.workers.patient_page import app as app  # noqa: PLC0414 - Celery looks for it here
from worker.page import reading, shared_overview

shared_overview.PATIENCE = 60.0
reading.EXPORT_PATIENCE = 600.0
