"""The beat schedule. Every task is idempotent, so that any number of beats may run."""

from typing import Any

from tasks.host.periodic import TICK

COUNT_WINDOW = 60.0  # seconds that one row of `failure_metrics` covers
IN_ANY_CASE = 60.0  # seconds after which a task runs that nothing was found for


def every(seconds: float, task: str, **arguments: Any) -> dict[str, Any]:
    """Return an entry of the schedule; by its header a worker drops ticks that have piled up (host/periodic.py)."""
    options = {"queue": "maintenance", "headers": {TICK: seconds}}
    return {"task": task, "schedule": seconds, "kwargs": arguments, "options": options}


def schedule(audit_hour: int | None, *, count_window: float = COUNT_WINDOW) -> dict[str, dict[str, Any]]:
    """Return beat's schedule; `audit_hour` None: no audit at night; `count_window` is in seconds."""
    aggregate = every(count_window, "tasks.maintenance.failure_metrics.aggregate_failure_metrics")
    entries = {**SCHEDULE, "aggregate-failure-metrics": aggregate}
    if audit_hour is not None:
        entries["audit-at-night"] = every(60.0, "tasks.audit.nightly.audit_at_night", hour=audit_hour)
    return entries


SCHEDULE: dict[str, dict[str, Any]] = {
    "start-due": every(1.0, "tasks.ticks.due.start_due"),
    # What it starts as soon as there is something to do runs once a minute in any case.
    **{
        name: every(IN_ANY_CASE, task)
        for name, task in {
            "release-held": "tasks.maintenance.release.release_held",
            "record-transitions": "tasks.maintenance.breaker_transitions.record_transitions",
            "rescue-stranded": "tasks.maintenance.sweeper.rescue_stranded",
            "send-callbacks": "tasks.callbacks.due.send_due",
            "look-at-hints": "tasks.calcom_webhooks.looks.look_at_hints",
            "ask-again": "tasks.maintenance.recovery.ask_again",
            "expire-held": "tasks.maintenance.sweeper.expire_held",
            "count-held": "tasks.maintenance.held.count_held",
            "count-minutes": "tasks.maintenance.booking_minutes.count_minutes",
            "send-alerts": "tasks.incidents.delivery.send_alerts",
        }.items()
    },
    "look-again": every(20.0, "tasks.maintenance.late_lookups.look_again"),
    "look-at-changes": every(20.0, "tasks.changes.late_lookups.look_at_changes"),
    "check-health": every(5.0, "tasks.incidents.check.check_health"),
    "prune": every(600.0, "tasks.maintenance.prune.prune"),
}
