"""What migrations promise on every PostgreSQL that we support; a test file a server gives `url`, an empty database."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from db import revisions
from db.appointments import search
from db.engine import make_engine
from db.event_kind import EventKind
from db.lifecycle import HoldReason, Status, Strategy
from db.monitoring import counts_now
from tests.support.schema.catalogue import Described, tables
from tests.support.schema.later import ALL, release_later
from tests.support.schema.models import all_tables

# A row of every state, and of every reason to be held.
EVERY_STATE = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, hold_reason, held_for, held_at, hold_until, settle_at, claim_token,
    lease_expires_at, calcom_booking_uid
)
SELECT
    concat(status, reason), n % 2 = 0, 'hash', 'shared', concat(status, reason), 101, now() + interval '1 day',
    'Ann Example', 'ann@example.com', 'UTC', status, CASE WHEN reason = 'in_line' THEN 'throttled' ELSE reason END,
    CASE WHEN reason = 'in_line' THEN 'line' END, CASE WHEN reason IS NOT NULL THEN now() END,
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

CLOSED_SETS: dict[str, Iterable[str]] = {
    "appointments_status_known": Status,
    "appointments_hold_reason_known": set(HoldReason) - {HoldReason.IN_LINE},  # which held_for says
    "appointments_resilience_strategy_known": Strategy,
    "calcom_event_types_kind_known": EventKind,
}


class Migrating:
    """The promises; a subclass of a test file runs them on its own server."""

    @pytest.fixture
    def engine(self, url: str) -> Iterator[Engine]:
        """Connect to an empty database."""
        engine = make_engine(url)
        yield engine
        engine.dispose()

    def test_every_revision_goes_there_and_back(
        self, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After a downgrade the schema is what it was before the upgrade, to the last index; and up again."""
        release_later(tmp_path / "migrations", monkeypatch)
        seen = [self.described(engine)]
        for name in ALL:
            assert revisions.upgrade(engine, name) == [name]
            seen.append(self.described(engine))
        for place, name in reversed(list(enumerate(ALL))):
            assert revisions.migrate(engine, ALL[place - 1] if place else "base") == [name]
            assert self.described(engine) == seen[place]

        assert revisions.upgrade(engine) == ALL
        assert self.described(engine) == seen[-1]

    def test_models_have_the_columns_of_the_migrations(self, engine: Engine) -> None:
        """With type, default and whether it may be null; the constraints and indexes stand in the migrations alone."""
        revisions.upgrade(engine)

        with engine.begin() as conn:
            conn.execute(text("CREATE SCHEMA built"))
            conn.execute(text("SET LOCAL search_path TO built"))
            all_tables().create_all(conn)
            assert columns(conn, "built") == columns(conn, "public")

    @pytest.mark.parametrize(("constraint", "words"), CLOSED_SETS.items())
    def test_a_check_takes_the_words_of_the_code(self, engine: Engine, constraint: str, words: Iterable[str]) -> None:
        """These and no others: a word that the code no longer has is refused."""
        revisions.upgrade(engine)

        asked = text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
        with engine.connect() as conn:
            definition = conn.execute(asked, {"name": constraint}).scalar_one()
        assert set(re.findall(r"'([^']+)'", definition)) == set(words)

    def test_a_row_of_every_state_is_taken(self, engine: Engine) -> None:
        """No CHECK refuses a state or a reason that the code knows; each is found and counted."""
        revisions.migrate(engine)
        asked = {"states": list(Status), "reasons": list(HoldReason)}
        with engine.begin() as conn:
            conn.execute(text(EVERY_STATE), asked)
            assert len(search.find(conn, "shared", limit=50)) == len(Status) - 1 + len(HoldReason)
            held = {one.reason: one.count for one in counts_now.held(conn, lead=0)}
            assert held == dict.fromkeys(HoldReason, 1)

    def described(self, engine: Engine) -> Described:
        """Describe the database as it is now."""
        with engine.connect() as conn:
            return tables(conn)


def columns(conn: Connection, schema: str) -> Described:
    """Describe every column of a schema."""
    return {one for one in tables(conn, schema) if one[0] == "column"}
