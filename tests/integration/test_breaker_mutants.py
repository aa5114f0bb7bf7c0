"""The model test would notice any condition that is the wrong way round."""

import pytest
import redis

from tests.integration.breaker_mutants import Mutant, mutants
from tests.integration.breaker_walk import walks

SEEDS = 4
STEPS = 700


def test_there_is_a_mutant_for_every_file_with_a_condition() -> None:
    """A change of style must not make the search for conditions find none."""
    assert {mutant.file for mutant in mutants()} >= {"acquire", "record", "release", "begin", "pass", "tell", "clock"}
    assert len(list(mutants())) > 100


@pytest.mark.parametrize("mutant", list(mutants()), ids=str)
def test_a_negated_condition_is_noticed(mutant: Mutant, redis_url: str) -> None:
    """Long walks with this one condition negated come to another answer than the rules in this process."""
    with redis.Redis.from_url(redis_url) as client, pytest.raises((AssertionError, redis.ResponseError)):
        walks(client, mutant.reader(), seeds=SEEDS, steps=STEPS)
