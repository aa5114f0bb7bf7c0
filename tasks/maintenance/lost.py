"""Let the sweeper tell what it found lost; the next health check makes an incident of it."""

from collections.abc import Iterable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.appointments.appointment import Appointment
from db.lifecycle import Status
from db.monitoring import incidents
from tasks import dependencies
from tasks.health.incident_rules import IncidentKind

log = structlog.get_logger(__name__)


def tell_lost(sent_again: Iterable[Appointment]) -> None:
    """Count bookings whose message was gone and has been sent again; trouble with that never stops a sweep.

    Retries are not counted: those that wait long are left to the sweeper on purpose.
    """
    count = sum(row.status is Status.PENDING for row in sent_again)
    if not count:
        return
    try:
        with dependencies.current().engine.begin() as conn:
            incidents.add_occurrences(conn, IncidentKind.MESSAGES_LOST, None, count)
    except SQLAlchemyError as exc:
        log.warning("lost_messages_not_told", count=count, error=type(exc).__name__)
