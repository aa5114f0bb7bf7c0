"""What the model says of a statement is what the statement does to each row that can be reached."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection

from db import appointments
from db.engine import make_engine
from db.lifecycle import Status
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS
from tests.model import record
from tests.model.life import world_steps
from tests.model.life.life import Life
from tests.model.life.properties import broken
from tests.model.life.state import ENDS, LEASE, Rules, World
from tests.model.life.worker_steps import Steps
from tests.model.product import SETTLE
from tests.model.rows import CLAIMABLE, Row, tidied
from tests.model.search import search


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Reach every row that one worker can leave behind, and have those of unknown outcome wait for long as well."""
    reached = {state.row for state in search(Life(Rules(workers=1, operator=False)), wrong=broken).states}
    return sorted(reached | {row._replace(waited=True) for row in reached if row.unknown})


@pytest.fixture
def kept(database_url: str, rows: list[Row]) -> Iterator[tuple[Connection, dict[int, Row]]]:
    """Keep these rows in Postgres."""
    engine = make_engine(database_url)
    with engine.begin() as conn:
        kept = record.keep(conn, rows)
        assert {number: tidied(row) for number, row in record.read(conn).items()} == kept
    with engine.begin() as conn:
        yield conn, kept
    engine.dispose()


@pytest.mark.long
class TestStatements:
    """What the model says of a statement is what the statement does."""

    def test_claim(self, kept: tuple[Connection, dict[int, Row]]) -> None:
        """Of all rows, the pending and the retrying ones are claimed."""
        conn, rows = kept
        for number in rows:
            appointments.claim(conn, number, lease_seconds=LEASE * record.TICK)

        assert_moved(kept, lambda row: _claimed(row) if row.status in CLAIMABLE else row)

    def test_lost_leases(self, kept: tuple[Connection, dict[int, Row]]) -> None:
        """A lease that ran out leaves a row unknown, its moments counted from its end; the last one, alone, suspect."""
        conn, rows = kept
        settle, ends, suspect = SETTLE * record.TICK, ENDS * record.TICK, world_steps.SUSPECT_AFTER
        queue_sweeps.lost_leases(
            conn, BOOKINGS, len(rows), settle_seconds=settle, ends_seconds=ends, suspect_after=suspect
        )

        company = [row for row in rows.values() if row.status == Status.BOOKING and row.lost + 1 >= suspect]
        assert len(company) > 1
        assert_moved(
            kept,
            lambda row: _after(row, "the lease has run out, in company" if row in company else "the lease has run out"),
        )

    def test_releases(self, kept: tuple[Connection, dict[int, Row]]) -> None:
        """With another key in use, all holds end but those that wait for a time to come, and suspects."""
        conn, rows = kept
        queue_sweeps.release_due(conn, BOOKINGS, key="another", settings="settings", limit=len(rows))
        queue_sweeps.release_these(conn, BOOKINGS, list(rows))

        assert_moved(kept, lambda row: _after(row, "the release ends the hold"))

    def test_expire(self, kept: tuple[Connection, dict[int, Row]]) -> None:
        """No row expires whose outcome is unknown."""
        conn, rows = kept
        appointments.expire(conn, lead_seconds=2 * record.STARTS_IN, limit=len(rows))

        assert_moved(kept, lambda row: _after(row, "its slot has come too near"))

    def test_unsent(self, kept: tuple[Connection, dict[int, Row]]) -> None:
        """Exactly the rows that wait for a message are sent again."""
        conn, rows = kept
        sent = {row.id for row in queue_sweeps.unsent(conn, BOOKINGS, len(rows), queue_empty=True)}

        assert sent == {number for number, row in rows.items() if _step(row, "the sweeper sends it again")}


def assert_moved(kept: tuple[Connection, dict[int, Row]], model: Callable[[Row], Row]) -> None:
    """Hold every row against the model's; some must have changed."""
    conn, rows = kept
    there = {rows[number]: tidied(row) for number, row in record.read(conn).items()}
    expected = {row: tidied(model(row)) for row in rows.values()}

    assert {row: there[row] for row in expected if there[row] != expected[row]} == {}
    assert any(before != after for before, after in there.items())


def _claimed(row: Row) -> Row:
    return next(Steps(World(row, message=True), 0, Rules()).all()).world.row


def _after(row: Row, text: str) -> Row:
    return next(iter(_step(row, text)), row)


def _step(row: Row, text: str) -> list[Row]:
    steps = world_steps.steps(World(row), Rules())
    return [step.world.row for step in steps if step.text.startswith(text)]
