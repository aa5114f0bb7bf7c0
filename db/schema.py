"""The tables as Core sees them: statements are built from these, rows are never mapped to objects of a session."""

from typing import TYPE_CHECKING, cast

from db.models.bookings import AppointmentEvents, Appointments, Base
from db.models.calcom import CalcomEventTypes, CalcomVisibility
from db.models.resilience import (
    AlertDeliveries,
    AlertIncidents,
    BreakerOverrides,
    CircuitBreakerEvents,
    FailureMetrics,
    Heartbeats,
)

if TYPE_CHECKING:
    from sqlalchemy import Table

metadata = Base.metadata
appointments = cast("Table", Appointments.__table__)
appointment_events = cast("Table", AppointmentEvents.__table__)
calcom_event_types = cast("Table", CalcomEventTypes.__table__)
calcom_visibility = cast("Table", CalcomVisibility.__table__)
breaker_overrides = cast("Table", BreakerOverrides.__table__)
circuit_breaker_events = cast("Table", CircuitBreakerEvents.__table__)
alert_incidents = cast("Table", AlertIncidents.__table__)
alert_deliveries = cast("Table", AlertDeliveries.__table__)
heartbeats = cast("Table", Heartbeats.__table__)
failure_metrics = cast("Table", FailureMetrics.__table__)
