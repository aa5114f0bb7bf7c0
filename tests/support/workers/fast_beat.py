"""A beat that ticks every two seconds, so that tests need not wait for one of five."""

from worker import app as app  # noqa: PLC0414 - Celery looks for it here
from worker.schedule import SCHEDULE, every

SCHEDULE["check-health"] = every(2.0, "tasks.incidents.check.check_health") | {"args": (2.0,)}
