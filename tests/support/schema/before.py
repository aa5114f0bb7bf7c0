"""A database as the commit before 0.2.0 left it, with one booking that waits."""

from sqlalchemy import Engine, text

from db import revisions
from db.migrating import before
from db.namespace import VERSION_TABLE
from tests.support.schema.later import FIRST

LAST = before.LAST
_BOOKING = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at,
    attendee_name, attendee_email, attendee_time_zone
)
VALUES ('k', false, 'h', 'c', 't', 110, '2030-03-01T09:00:00Z', 'Pat Example', 'pat@example.com', 'Europe/Berlin')
"""


def make_as_before(engine: Engine, *, at: str = LAST) -> None:
    """Make the tables in an empty database, and say that it stands at `at`."""
    revisions.migrate(engine, FIRST)
    with engine.begin() as conn:
        conn.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = :at"), {"at": at})  # noqa: S608 - our own words
        conn.exec_driver_sql(_BOOKING)


def make_as_0_1_0(engine: Engine) -> None:
    """Make the tables in an empty database, and say where 0.1.0 said it that it stands at 0.1.0's."""
    make_as_before(engine)
    with engine.begin() as conn:
        conn.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")
        conn.exec_driver_sql("CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32) PRIMARY KEY)")
        conn.exec_driver_sql("INSERT INTO alembic_version VALUES ('0001_initial')")
