"""The model can fail: without a rule, a guard or a mover the search finds two bookings, a contradiction, a standstill.

`make breakages` runs this file. Each rule is taken away, and its own deal is searched.
"""

import pytest

from tests.model.evidence import contradictions
from tests.model.evidence.deals import DEALS
from tests.model.evidence.steps import Evidence
from tests.model.life.life import Life
from tests.model.life.properties import broken, twice, with_operator
from tests.model.life.state import Rules
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
    "an unknown row lost its time": ({"taken_only_known": False}, broken, "rejected, and Cal.com may still book it"),
    "an unknown row ended": ({"ends_only_known": False}, broken, "expired, and Cal.com may still book it"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_of_evidence_is_needed(rule: Rule) -> None:
    """Without it the search finds two bookings, a contradiction or a standstill: so it can."""
    wrong = contradictions.doubled if rule.finds is Finds.TWO else contradictions.contradicted
    deal = DEALS[rule.deal]
    with without(rule):
        found = search(Evidence(deal), wrong=wrong, live=rule.finds is Finds.STANDSTILL)

    if rule.finds is Finds.STANDSTILL:
        assert (found.complete, found.broken) == (True, None)
        assert found.stuck(contradictions.over, operator=False) != []
    else:
        assert found.broken is not None


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
