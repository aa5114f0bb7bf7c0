"""The walk beside the rules notices each changed condition, comparison and number of the breaker's Lua.

`make breakages` runs this file.
"""

import pytest
import redis

from resilience.shared_state import scripts
from tests.breaker_model.walk import walk
from tests.mutation.searches.lua_mutants import EQUIVALENT, Mutant, mutants, sources

NEIGHBOURS = (0, 3, 20, 0, 2, 1, 0, 20, 0, 3, 2, 0, 3, 1, 20, 3, 2, 0, 2, 1, 0, 3, 20, 2, 1, 0, 3, 20, 0, 3, 20, 0, 0)
"""One walk each: how many accounts the service has; 0: one that is alone."""
STEPS = 400
EVERY_STEPS = 16  # that they are noticed is asked here, not by which step: that is test_breaker_model's
EVERY = [mutant for file in sources() for mutant in mutants(file)]
LEFT_OUT = {text for texts in EQUIVALENT.values() for text in texts}
SHARE = 20  # changes of a file that are tried by one test: no test takes much longer than another
SHARES = [
    pytest.param(some, id=f"{file} {first}")
    for file in sources()
    for first in range(0, sum(mutant.file == file for mutant in EVERY), SHARE)
    for some in [[mutant for mutant in EVERY if mutant.file == file][first : first + SHARE]]
]


def test_most_lines_with_a_condition_are_changed() -> None:
    """A change of style must not make the search for conditions find none."""
    conditions = [
        (file, number)
        for file in sources()
        for number, line in enumerate(scripts.read(file).splitlines())
        if line.lstrip().startswith(("if ", "elseif "))
    ]
    assert len(EVERY) > 350
    assert set(conditions) <= {(mutant.file, mutant.line) for mutant in EVERY}


def test_what_is_said_to_change_nothing_is_there() -> None:
    """The list of changes that no walk can notice speaks of the code as it is."""
    assert LEFT_OUT - {str(mutant) for mutant in EVERY} == set()


@pytest.mark.parametrize("some", SHARES)
def test_a_change_is_noticed(some: list[Mutant], redis_url: str) -> None:
    """Long walks with this one change come to another answer than the rules."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        suspects = [mutant for mutant in some if str(mutant) not in LEFT_OUT]
        assert [str(mutant) for mutant in suspects if not _noticed(client, mutant)] == []


def _noticed(client: redis.Redis, mutant: Mutant) -> bool:
    for seed, neighbours in enumerate(NEIGHBOURS):
        try:
            walk(client, mutant.assemble, seed=seed, steps=STEPS, every=EVERY_STEPS, neighbours=neighbours)
        except (AssertionError, redis.ResponseError):
            return True
    return False
