"""A booking searched to its end: its life, and what may end it while its outcome is unknown.

All that workers, broker, Cal.com, strangers, hosts and time can do, in any order, within what docs/promises.md says.
"""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection

from db import appointments
from db.appointments import queue
from db.engine import make_engine
from db.event_kind import EventKind
from db.lifecycle import HoldReason, Status
from tests.model import record
from tests.model.document import ALONE, PROMISES, WINDOWS, counterexample, page
from tests.model.evidence import contradictions
from tests.model.evidence.cells import all_cells, why_it_cannot_occur
from tests.model.evidence.deals import DEALS, of_kind
from tests.model.evidence.steps import Evidence
from tests.model.life import world_steps
from tests.model.life.life import Life
from tests.model.life.properties import broken, final, twice, with_operator
from tests.model.life.state import ENDS, FREEZE, LATE, LEASE, Phase, Rules, World
from tests.model.life.worker_steps import Steps
from tests.model.product import SETTLE
from tests.model.rows import CLAIMABLE, IllegalMoveError, Row, moved, tidied
from tests.model.search import search
from tests.model.without import without
from tests.mutation.evidence import RULES, Finds, Rule

TWICE = "two bookings of one request"
# A guard taken away, and the first thing that goes wrong.
UNGUARDED = {
    "a claim that does not compare": ({"claim_compares": False}, twice, TWICE),
    "a move without a token": ({"move_compares_token": False}, broken, "expired, and Cal.com may still book it"),
    "a POST without a look": ({"looks_before_post": False}, twice, TWICE),
    "a look that does not wait for the end": ({"waits_for_the_end": False}, twice, TWICE),
    "no check of the lease before the first byte": ({"checks_lease": False}, twice, TWICE),
    "a lost lease taken for not sent": ({"lost_lease_is_unknown": False}, twice, TWICE),
    "a blind key believed": ({"blind_key_holds": False}, twice, TWICE),
    "an unknown row ended": ({"ends_only_known": False}, broken, "expired, and Cal.com may still book it"),
}


@pytest.mark.parametrize("kind", EventKind)
def test_weak_evidence_ends_nothing(kind: EventKind) -> None:
    """Whatever Cal.com does and shows: no two bookings, no contradiction, no standstill; and each cell was read."""
    cells = set()
    for deal in of_kind(kind).values():
        machine = Evidence(deal)
        found = search(machine, wrong=contradictions.contradicted, live=True)
        cells |= machine.cells

        assert (found.complete, found.broken) == (True, None), found.trace()
        assert found.stuck(contradictions.over, operator=False) == []
    may_occur = {cell for cell in all_cells() if cell[1] is kind and why_it_cannot_occur(cell) is None}
    assert {cell for cell in cells if cell[1] is kind} == may_occur


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.breakage.name)
def test_each_rule_of_evidence_is_needed(rule: Rule) -> None:
    """Without it the search finds two bookings, a contradiction or a standstill: so it can."""
    wrong = contradictions.doubled if rule.finds is Finds.TWO else contradictions.contradicted
    deal = DEALS[rule.deal]
    with without(rule.breakage):
        kind = deal.of.known_type(deal.key).kind
        found = search(Evidence(deal), wrong=wrong, live=rule.finds is Finds.STANDSTILL)

    assert rule.breakage.test.endswith(f"[{kind}]")  # where `make breakages` looks
    if rule.finds is Finds.STANDSTILL:
        assert (found.complete, found.broken) == (True, None)
        assert found.stuck(contradictions.over, operator=False) != []
    else:
        assert found.broken is not None


def test_a_life_has_no_two_bookings_no_contradiction_and_no_row_that_nobody_moves_on() -> None:
    """Promises 1 and 2 in every state that can be reached; and the search has left none out."""
    found = search(Life(Rules()), wrong=broken, live=True)

    assert (found.complete, found.broken) == (True, None)
    assert len(found.states) > 90_000
    assert {state.row.status for state in found.states} == set(Status)
    # Our own limit holds as the breaker does, and wrong settings as a refused key: one of each stands for both.
    assert set(HoldReason) - {state.row.reason for state in found.states} == {
        HoldReason.THROTTLED,
        HoldReason.CONFIGURATION,
    }
    assert {worker.phase for state in found.states for worker in state.workers} == set(Phase)
    assert found.stuck(final, operator=True) == []
    assert found.stuck(with_operator, operator=False) == []


@pytest.mark.parametrize("window", WINDOWS)
def test_the_window_that_promise_2_admits_is_found_when_its_assumption_is_taken_away(window: str) -> None:
    """A look at its end cannot see the first POST's booking, so a second one leaves; nothing else was wrong."""
    found = counterexample(WINDOWS[window])
    trace = found.trace()
    first, second = (number for number, line in enumerate(trace) if line == "A sends the POST")

    assert found.broken == TWICE
    assert first < trace.index("A looks: absent, so not booked, to post") < second
    assert sum(line.startswith("Cal.com books") for line in trace) == 2
    assert any("frozen" in line for line in trace[:first]) == (WINDOWS[window].a1 is None)


def test_the_two_windows_add_up() -> None:
    """Freeze and delay, each shorter than the time until absence counts, book twice when together they are as long."""
    assert FREEZE + LATE + 1 == ENDS

    assert counterexample(ALONE._replace(a2=LATE + 1)).broken == TWICE


@pytest.mark.parametrize("guard", UNGUARDED)
def test_each_guard_is_needed(guard: str) -> None:
    """Without it the search finds what goes wrong: so the model can fail."""
    without_it, wrong, expected = UNGUARDED[guard]

    assert search(Life(Rules(operator=False, **without_it)), wrong=wrong).broken == expected


@pytest.mark.parametrize("mover", ["resends", "reclaims", "releases_settled"])
def test_each_mover_is_needed(mover: str) -> None:
    """Without it some row stands still, in a world that is well, until an operator comes."""
    found = search(Life(Rules(workers=1, operator=False, **{mover: False})), wrong=broken, live=True)

    assert (found.complete, found.broken) == (True, None)
    assert found.stuck(with_operator, operator=False) != []


def test_the_model_makes_only_moves_that_the_product_makes() -> None:
    """What db/lifecycle.py does not allow ends the search."""
    with pytest.raises(IllegalMoveError):
        moved(Row(Status.REJECTED), Status.PENDING)


def test_the_document_prints_what_the_search_finds() -> None:
    """When this fails: python -m tests.model."""
    assert PROMISES.read_text("utf-8") == page()


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
        appointments.lost_leases(conn, len(rows), settle_seconds=settle, ends_seconds=ends, suspect_after=suspect)

        company = [row for row in rows.values() if row.status == Status.BOOKING and row.lost + 1 >= suspect]
        assert len(company) > 1
        assert_moved(
            kept,
            lambda row: _after(row, "the lease has run out, in company" if row in company else "the lease has run out"),
        )

    def test_releases(self, kept: tuple[Connection, dict[int, Row]]) -> None:
        """With another key in use, all holds end but those that wait for a time to come, and suspects."""
        conn, rows = kept
        appointments.release_due(conn, key="another", settings="settings", limit=len(rows))
        queue.release_these(conn, list(rows))

        assert_moved(kept, lambda row: _after(row, "the release ends the hold"))

    def test_expire(self, kept: tuple[Connection, dict[int, Row]]) -> None:
        """No row expires whose outcome is unknown."""
        conn, rows = kept
        appointments.expire(conn, lead_seconds=2 * record.STARTS_IN, limit=len(rows))

        assert_moved(kept, lambda row: _after(row, "its slot has come too near"))

    def test_unsent(self, kept: tuple[Connection, dict[int, Row]]) -> None:
        """Exactly the rows that wait for a message are sent again."""
        conn, rows = kept
        sent = {row.id for row in appointments.unsent(conn, len(rows), queue_empty=True)}

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
