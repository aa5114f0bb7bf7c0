"""Each rule that ends a hold, or promises nothing for a closed account, is needed: without it the search finds why.

`make breakages` runs this file. Each rule is taken away, and its own deal is searched.
"""

import pytest

from tests.model.holds.deals import DEALS
from tests.model.holds.record import opened
from tests.model.holds.steps import Holds
from tests.model.search import search
from tests.model.without import without
from tests.mutation.waiting.ends import HOLD_RULES, STANDSTILL, HoldRule


@pytest.mark.parametrize("rule", HOLD_RULES, ids=lambda rule: rule.name)
def test_each_rule_of_a_hold_is_needed(rule: HoldRule, database_url: str) -> None:
    """Without it somebody waits for ever, or is told what never comes: so the model can fail."""
    with opened(database_url) as conn, without(rule):
        machine = Holds(DEALS[rule.deal], conn)
        found = search(machine, wrong=lambda world: world.wrong, live=rule.finds == STANDSTILL)

        if rule.finds == STANDSTILL:
            assert (found.complete, found.broken) == (True, None)
            assert found.stuck(machine.over, operator=False) != []
        else:
            assert found.broken == rule.finds
