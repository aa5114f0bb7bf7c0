"""Workers whose minute between two harmless calls lasts three seconds."""

from tests.support.workers.minute import shorten
from worker import app as app  # noqa: PLC0414 - Celery looks for it here

shorten(3.0)
