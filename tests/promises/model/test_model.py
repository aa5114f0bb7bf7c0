"""A booking searched to its end: its life, and what may end it while its outcome is unknown.

All that workers, broker, Cal.com and time can do, in any order, within what docs/promises.md says. `make breakages`
adds strangers and hosts (mutation/searches/model_evidence.py), and shows that the searches find what goes wrong
without a guard (model_guards.py).
"""

import pytest

from db.event_kind import EventKind
from db.lifecycle import HoldReason, Status
from tests.model.evidence import contradictions
from tests.model.evidence.deals import of_kind
from tests.model.evidence.steps import Evidence
from tests.model.life.life import Life
from tests.model.life.properties import broken, final, with_operator
from tests.model.life.state import Phase, Rules
from tests.model.rows import IllegalMoveError, Row, moved
from tests.model.search import search


@pytest.mark.variants(first=2)
@pytest.mark.parametrize("kind", EventKind)
def test_weak_evidence_ends_nothing_while_nobody_interferes(kind: EventKind) -> None:
    """Whatever Cal.com answers and shows: no two bookings, no contradiction, no standstill."""
    for deal in dict.fromkeys(deal._replace(fates=0, may=0) for deal in of_kind(kind).values()):
        found = search(Evidence(deal), wrong=contradictions.contradicted, live=True)

        assert (found.complete, found.broken) == (True, None), found.trace()
        assert found.stuck(contradictions.over, operator=False) == []


@pytest.mark.long
def test_a_life_has_no_two_bookings_no_contradiction_and_no_row_that_nobody_moves_on() -> None:
    """Promises 1 and 2 in every state that can be reached; and the search has left none out."""
    found = search(Life(Rules()), wrong=broken, live=True)

    assert (found.complete, found.broken) == (True, None)
    assert len(found.states) > 90_000
    assert {state.row.status for state in found.states} == set(Status)
    # Our own limit holds as the breaker does, and wrong settings as a refused key: one of each stands for both.
    # A paused account is called for nothing, and goes on as after a refused key. What is in line has the reason of
    # those before it, and a mark beside it.
    assert set(HoldReason) - {state.row.reason for state in found.states} == {
        HoldReason.THROTTLED,
        HoldReason.IN_LINE,
        HoldReason.CONFIGURATION,
        HoldReason.PAUSED,
    }
    assert {worker.phase for state in found.states for worker in state.workers} == set(Phase)
    assert found.stuck(final, operator=True) == []
    assert found.stuck(with_operator, operator=False) == []


def test_the_model_makes_only_moves_that_the_product_makes() -> None:
    """What db/lifecycle.py does not allow ends the search."""
    with pytest.raises(IllegalMoveError):
        moved(Row(Status.REJECTED), Status.PENDING)
