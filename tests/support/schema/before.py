"""A database as the ten migrations before 0.1.0 left it, with one booking that waits."""

from pathlib import Path

from sqlalchemy import Engine

LAST = "0010_line"
_DUMP = Path(__file__).parents[2] / "fixtures" / "schema" / f"{LAST}.sql"
_BOOKING = """
INSERT INTO public.appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at,
    attendee_name, attendee_email, attendee_time_zone
)
VALUES ('k', false, 'h', 'c', 't', 110, '2030-03-01T09:00:00Z', 'Pat Example', 'pat@example.com', 'Europe/Berlin')
"""


def make_as_before(engine: Engine, *, at: str = LAST) -> None:
    """Make the tables in an empty database, and say that it stands at `at`."""
    with engine.begin() as conn:
        conn.exec_driver_sql(_DUMP.read_text("utf-8"))
        conn.exec_driver_sql("INSERT INTO public.alembic_version VALUES (%(at)s)", {"at": at})
        conn.exec_driver_sql(_BOOKING)
