"""Whatever is held goes by itself once its cause is over, bookings and changes alike; nothing is promised in vain.

`make breakages` takes each rule of this away (mutation/searches/model_holds.py).
"""

import pytest

from db.lifecycle import HoldReason
from tests.model.holds.deals import DEALS
from tests.model.holds.record import opened
from tests.model.holds.state import World
from tests.model.holds.steps import Holds
from tests.model.search import search

# What holds each kind of row in its deals, at the least.
HELD = {
    "key": HoldReason.CREDENTIALS,
    "page": HoldReason.CONFIGURATION,
    "settings": HoldReason.CONFIGURATION,
    "hours": HoldReason.THROTTLED,
    "breaker": HoldReason.BREAKER_OPEN,
    "pause": HoldReason.PAUSED,
    "encryption key": HoldReason.CREDENTIALS,
}


def reasons(worlds: list[World]) -> set[HoldReason]:
    """Return what holds somebody in these states."""
    rows = [row for world in worlds for row in world.rows if row is not None]
    return {reason for row in rows if (reason := dict(row).get("hold_reason"))}


@pytest.mark.parametrize("name", DEALS)
def test_whatever_is_held_goes_once_its_cause_is_over(name: str, database_url: str) -> None:
    """From each state the fair steps alone lead to an end, or to an incident that names what only a person can end."""
    with opened(database_url) as conn:
        machine = Holds(DEALS[name], conn)
        found = search(machine, wrong=lambda world: world.wrong, live=True)

        assert (found.complete, found.broken) == (True, None), found.trace()
        assert found.stuck(machine.over, operator=False) == []
    cause = name.partition(", ")[2]
    assert cause not in HELD or HELD[cause] in reasons(found.states)
