"""The tables: statements are built from these, rows are never mapped to objects of a session."""

from db.models.audits import nightly_audits, restored_bookings
from db.models.bookings import appointment_events, appointments, metadata
from db.models.calcom import calcom_event_types
from db.models.overview import booking_minutes, counted_bookings, held_now, metric_totals, operator_actions
from db.models.resilience import (
    alert_deliveries,
    alert_incidents,
    breaker_overrides,
    circuit_breaker_events,
    failure_metrics,
    heartbeats,
)

__all__ = [
    "alert_deliveries",
    "alert_incidents",
    "appointment_events",
    "appointments",
    "booking_minutes",
    "breaker_overrides",
    "calcom_event_types",
    "circuit_breaker_events",
    "counted_bookings",
    "failure_metrics",
    "heartbeats",
    "held_now",
    "metadata",
    "metric_totals",
    "nightly_audits",
    "operator_actions",
    "restored_bookings",
]
