"""A cancel and a reschedule searched to their end: what their callers are told is so, and nothing stands still.

`make breakages` searches the deals with the most states as well (mutation/searches/model_changes.py).
"""

from functools import partial

import pytest

from tests.model.changes import promises
from tests.model.changes.deals import DEALS, MANY_STATES
from tests.model.changes.rows import settled
from tests.model.changes.steps import Changes
from tests.model.search import search


@pytest.mark.parametrize("name", [name for name in DEALS if name not in MANY_STATES])
def test_what_is_told_of_a_change_is_so(name: str) -> None:
    """No two live bookings, no two calls on one uid, no contradiction; the fair steps alone lead to an end."""
    found = search(Changes(DEALS[name]), wrong=partial(promises.broken, DEALS[name]), live=True)

    assert (found.complete, found.broken) == (True, None), found.trace()
    assert found.stuck(settled, operator=False) == []
