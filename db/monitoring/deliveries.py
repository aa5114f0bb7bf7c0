"""Deliveries of alerts: a row for each sink of an incident, so that one that fails is tried again alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, null, update

from db.models.resilience import alert_deliveries, alert_incidents
from db.sql import statement

_columns = alert_deliveries.c


@dataclass(frozen=True)
class Delivery:
    """One message for one sink, ours to send until the lease ends."""

    incident_id: int
    sink: str
    news: int
    message: str
    resolved: bool
    attempts: int


def claim(conn: Connection, sinks: Sequence[str], *, lease_seconds: float, limit: int) -> list[Delivery]:
    """Claim messages that these sinks have not received; a claim without `sent` or `failed` is made again later."""
    names = list(sinks)
    conn.execute(statement("plan_alerts"), {"sinks": names})
    rows = conn.execute(statement("claim_alerts"), {"sinks": names, "lease_seconds": lease_seconds, "limit": limit})
    return [Delivery(*row) for row in rows]


def sent(conn: Connection, delivery: Delivery) -> None:
    """Record that the sink received the message."""
    news = func.greatest(_columns.news, delivery.news)
    _update(conn, delivery, news=news, attempts=0, trouble=null(), sent_at=func.now(), next_attempt_at=func.now())
    conn.execute(
        update(alert_incidents)
        .where(alert_incidents.c.id == delivery.incident_id, alert_incidents.c.notified_at.is_(None))
        .values(notified_at=func.now())
    )


def failed(conn: Connection, delivery: Delivery, error: str, *, retry_in: float) -> None:
    """Record what went wrong, and when to try again, in seconds."""
    _update(conn, delivery, trouble=error, next_attempt_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, retry_in))


def _update(conn: Connection, delivery: Delivery, **values: object) -> None:
    conn.execute(
        update(alert_deliveries)
        .where(_columns.incident_id == delivery.incident_id, _columns.sink == delivery.sink)
        .values(**values)
    )
