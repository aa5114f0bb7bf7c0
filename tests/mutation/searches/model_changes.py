"""Cancel and reschedule, searched to their end in every deal; and each of their rules is needed.

`make breakages` runs this file. Each rule is taken away, and its own deal is searched.
"""

from functools import partial

import pytest

from tests.model.changes import promises
from tests.model.changes.cells import Cell, all_cells, why_it_cannot_occur
from tests.model.changes.deals import DEALS, MANY_STATES
from tests.model.changes.rows import settled
from tests.model.changes.steps import Changes
from tests.model.search import search
from tests.model.without import without
from tests.mutation.changes import CHANGE_RULES, STANDSTILL, ChangeRule


@pytest.mark.parametrize("name", sorted(MANY_STATES))
def test_what_is_told_of_a_change_is_so(name: str) -> None:
    """In the deals that `make test` leaves out."""
    found = search(Changes(DEALS[name]), wrong=partial(promises.broken, DEALS[name]), live=True)

    assert (found.complete, found.broken) == (True, None), found.trace()
    assert found.stuck(settled, operator=False) == []


def test_each_cell_of_the_rule_was_read_or_cannot_occur() -> None:
    """What is read of answers and lookups, and what follows, as the tables of docs/evidence.md have it."""
    read: set[Cell] = set()
    for name in DEALS.keys() - MANY_STATES:
        machine = Changes(DEALS[name])
        search(machine, wrong=partial(promises.broken, DEALS[name]))
        read |= machine.cells

    assert read == {cell for cell in all_cells() if why_it_cannot_occur(cell) is None}


@pytest.mark.parametrize("rule", CHANGE_RULES, ids=lambda rule: rule.name)
def test_each_rule_of_a_change_is_needed(rule: ChangeRule) -> None:
    """Without it the search finds what goes wrong: so the model can fail."""
    deal = DEALS[rule.deal]
    with without(rule):
        found = search(Changes(deal), wrong=partial(promises.broken, deal), live=rule.finds == STANDSTILL)

    if rule.finds == STANDSTILL:
        assert (found.complete, found.broken) == (True, None)
        assert found.stuck(settled, operator=False) != []
    else:
        assert found.broken == rule.finds
