"""What migrations promise on every PostgreSQL that we support; a test file a server gives `url`, an empty database."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, insert, inspect, literal_column, select, text

from db import appointments, revisions
from db.appointments import NewAppointment, search
from db.engine import make_engine
from db.lifecycle import HoldReason, Status, Strategy
from db.monitoring import booking_minutes, overview
from db.schema import appointments as table
from db.schema import metadata
from tests.support.schema.catalogue import Described, tables

START = "2031-03-01T09:00:00Z"


def asking(**changes: Any) -> NewAppointment:
    """Make a request."""
    values: dict[str, Any] = {
        "payload_hash": "h",
        "correlation_id": "c",
        "event_type_id": 101,
        "start_at": datetime.fromisoformat(START),
        "attendee_name": "Ann Example",
        "attendee_email": "ann@example.com",
        "attendee_time_zone": "Europe/Berlin",
    }
    return NewAppointment(**{**values, **changes})


def derived(slug: str, team: str) -> str:
    """Derive the key of such a request by the rule of before, with slugs as they are given."""
    parts = json.dumps([None, None, team, None, slug, START, "ann@example.com"], separators=(",", ":"))
    return f"auto1-{hashlib.sha256(parts.encode()).hexdigest()[:40]}"


# A row of every state, and of every reason to be held; a window of calls.
EVERY_STATE = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, hold_reason, held_at, hold_until, settle_at, claim_token,
    lease_expires_at, calcom_booking_uid
)
SELECT
    concat(status, reason), n % 2 = 0, 'hash', 'shared', concat(status, reason), 101, now() + interval '1 day',
    'Ann Example', 'ann@example.com', 'UTC', status, reason, CASE WHEN reason IS NOT NULL THEN now() END,
    CASE WHEN reason = 'settling' THEN now() END, CASE WHEN reason = 'settling' THEN now() END,
    CASE WHEN status = 'booking' THEN gen_random_uuid() END, CASE WHEN status = 'booking' THEN now() END,
    CASE WHEN status = 'confirmed' THEN 'uid' END
FROM (
    SELECT status, NULL AS reason, n
    FROM unnest(CAST(:states AS text[])) WITH ORDINALITY AS one (status, n) WHERE status <> 'held'
    UNION ALL
    SELECT 'held', reason, n FROM unnest(CAST(:reasons AS text[])) WITH ORDINALITY AS one (reason, n)
) AS state
"""
A_WINDOW = """
INSERT INTO failure_metrics (service, error_type, window_start, window_end)
VALUES ('calcom', 'timeout', now() - interval '1 minute', now())
"""


class Migrating:
    """The promises; a subclass of a test file runs them on its own server."""

    @pytest.fixture
    def engine(self, url: str) -> Iterator[Engine]:
        """Connect to an empty database."""
        engine = make_engine(url)
        yield engine
        engine.dispose()

    def test_every_revision_goes_there_and_back(self, engine: Engine) -> None:
        """After a downgrade the schema is what it was before the upgrade, to the last index; and up again."""
        seen = [self.described(engine)]
        names = [revision.id for revision in revisions.status(engine)]
        for name in names:
            assert revisions.upgrade(engine, name) == [name]
            seen.append(self.described(engine))
        for place, name in reversed(list(enumerate(names))):
            assert revisions.downgrade(engine, 1) == [name]
            assert self.described(engine) == seen[place]

        assert revisions.upgrade(engine) == names
        assert self.described(engine) == seen[-1]

    def test_models_equal_migrations(self, engine: Engine) -> None:
        """Alembic finds nothing to do."""
        revisions.upgrade(engine)

        with engine.connect() as conn:
            context = MigrationContext.configure(conn, opts={"compare_server_default": True})
            assert compare_metadata(context, metadata) == []

    def test_models_equal_migrations_in_the_catalogue(self, engine: Engine) -> None:
        """Alembic does not compare CHECKs, or the WHERE of an index: PostgreSQL's own catalogue does."""
        revisions.upgrade(engine)

        with engine.begin() as conn:
            conn.execute(text("CREATE SCHEMA built"))
            conn.execute(text("SET LOCAL search_path TO built"))
            metadata.create_all(conn)
            assert tables(conn, "built") == tables(conn)

    def test_rolling_back_keeps_the_bookings(self, engine: Engine) -> None:
        """`booking migrate --to 0001_appointments` loses the three columns and no row; forward again they are new."""
        revisions.upgrade(engine)
        asked = asking(idempotency_key="k", key_derived=False, resilience_strategy=Strategy.IMMEDIATE_RETRY)
        with engine.begin() as conn:
            [kept] = appointments.insert(conn, [asked])

        revisions.migrate(engine, "0001_appointments")
        with engine.connect() as conn:
            columns = {column["name"] for column in inspect(conn).get_columns("appointments")}
        revisions.migrate(engine)

        assert columns.isdisjoint({"retry_count", "circuit_breaker_open_at_booking", "resilience_strategy"})
        with engine.connect() as conn:
            row = appointments.get(conn, kept.appointment.id)
        assert row is not None
        assert (row.uuid, row.retry_count, row.resilience_strategy) == (asked.uuid, 0, None)

    def test_rows_of_every_state_go_there_and_back(self, engine: Engine) -> None:
        """The page's tables and indexes come to a database that is in use, go, and come again; no row is changed."""
        revisions.migrate(engine, "0006_keys")
        asked = {"states": list(Status), "reasons": list(HoldReason)}
        with engine.begin() as conn:
            conn.execute(text(EVERY_STATE), asked)
            conn.execute(text(A_WINDOW))
        before = self.rows(engine)

        revisions.migrate(engine)
        with engine.begin() as conn:
            assert len(search.find(conn, "shared", limit=50)) == len(before) == len(Status) - 1 + len(HoldReason)
            held = {one.reason: one.count for one in overview.held(conn, lead=0)}
            assert held == dict.fromkeys(HoldReason, 1)
            conn.execute(text("UPDATE failure_metrics SET response_time_buckets = '{1,0,0,0,0,0,0,0,0,0,0,0,0}'"))
        for _ in range(4):
            with engine.begin() as conn:
                booking_minutes.count_on(conn)
        revisions.migrate(engine, "0006_keys")
        assert self.rows(engine) == before

        revisions.migrate(engine)
        assert self.rows(engine, before[0]) == before
        with engine.begin() as conn:
            assert conn.execute(text("SELECT response_time_buckets FROM failure_metrics")).scalar_one() is None
            assert not booking_minutes.count_on(conn)

    def rows(self, engine: Engine, columns: Iterable[str] = ("*",)) -> list[dict[str, Any]]:
        """Return all bookings, whole or with the columns that an older version reads."""
        with engine.connect() as conn:
            wanted = select(*map(literal_column, columns)).select_from(text("appointments")).order_by(text("id"))
            return [dict(row) for row in conn.execute(wanted).mappings()]

    def test_keys_of_before_are_known_again(self, engine: Engine) -> None:
        """The same request meets its row after the upgrade: given keys in NFC, derived ones of slugs in lower case."""
        revisions.migrate(engine, "0005_evidence")
        slugs = [("Visit", "Clinic"), ("visit", "clinic"), ("Other", "Clinic")]
        old = [derived(slug, team) for slug, team in slugs]
        given = ["cafe\u0301", "th\u00e9", "the\u0301", "plain"]
        asked = [asking(idempotency_key=key, key_derived=False) for key in given]
        asked += [
            asking(idempotency_key=key, key_derived=True, event_type_id=None, event_type_slug=slug, team_slug=team)
            for key, (slug, team) in zip(old, slugs, strict=True)
        ]
        with engine.begin() as conn:
            ids = [self.as_of_old(conn, one) for one in asked]

        revisions.migrate(engine)
        # The second of two that would now have one key keeps its own: both are bookings.
        now = ["caf\u00e9", "th\u00e9", "the\u0301", "plain", old[0], old[1], derived("other", "clinic")]
        assert self.keys(engine, ids) == now

        revisions.migrate(engine, "0005_evidence")
        assert self.keys(engine, ids) == [*now[:4], *old]

    def as_of_old(self, conn: Connection, asked: NewAppointment) -> int:
        """Insert a row as a caller of an older version does: with the columns that it knows."""
        known = {name: value for name, value in vars(asked).items() if value is not None}
        return conn.execute(insert(table).values(known).returning(table.c.id)).scalar_one()

    def keys(self, engine: Engine, ids: list[int]) -> list[str]:
        """Return the keys of these rows."""
        with engine.connect() as conn:
            found = dict(conn.execute(text("SELECT id, idempotency_key FROM appointments")).all())
        return [found[one] for one in ids]

    def described(self, engine: Engine) -> Described:
        """Describe the database as it is now."""
        with engine.connect() as conn:
            return tables(conn)
