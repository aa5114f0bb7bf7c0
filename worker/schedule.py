"""The beat schedule. Every task is idempotent, so that any number of beats may run."""

from typing import Any


def _every(seconds: float, task: str) -> dict[str, Any]:
    # A tick that waited longer than a few intervals is worth nothing: the next one does its work.
    options = {"queue": "maintenance", "expires": max(10.0, 3 * seconds)}
    return {"task": task, "schedule": seconds, "options": options}


def schedule(aggregate_seconds: float) -> dict[str, dict[str, Any]]:
    """Return what beat sends; `aggregate_seconds` is METRICS_AGGREGATE_SECONDS."""
    aggregate = _every(aggregate_seconds, "tasks.failure_metrics.aggregate_failure_metrics")
    return {**SCHEDULE, "aggregate-failure-metrics": aggregate}


SCHEDULE: dict[str, dict[str, Any]] = {
    "release-held": _every(1.0, "tasks.holds.release_held"),
    "record-transitions": _every(1.0, "tasks.transitions.record_transitions"),
    "rescue-stranded": _every(2.0, "tasks.sweeper.rescue_stranded"),
    "look-again": _every(20.0, "tasks.lookouts.look_again"),
    "expire-held": _every(10.0, "tasks.sweeper.expire_held"),
    "check-health": _every(5.0, "tasks.health.check_health"),
    "send-alerts": _every(5.0, "tasks.alerts.send_alerts"),
    "prune": _every(600.0, "tasks.prune.prune"),
}
