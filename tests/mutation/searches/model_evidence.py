"""What may end a booking whose outcome is unknown, searched to its end with all that strangers, hosts and time may do.

`make breakages` runs this file. `make test` searches without those.
"""

import pytest

from db.event_kind import EventKind
from tests.model.evidence import contradictions
from tests.model.evidence.cells import all_cells, why_it_cannot_occur
from tests.model.evidence.deals import of_kind
from tests.model.evidence.steps import Evidence
from tests.model.search import search


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
