"""The breaker's Lua keeps the rules of tests/breaker_model, whatever is done with it and in whatever order."""

import pytest
import redis

from resilience.shared_state import scripts
from tests.breaker_model.walk import walk


@pytest.mark.variants
@pytest.mark.parametrize("seed", range(6))
def test_the_scripts_keep_the_rules(redis_url: str, seed: int) -> None:
    """Outcomes, orders, refusals, told limits, late reports, clocks set back, a server that forgets."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        walk(client, scripts.assemble, seed=seed, steps=500)


@pytest.mark.variants
@pytest.mark.parametrize(("seed", "neighbours"), [(0, 2), (1, 3), (2, 20), (3, 1), (4, 3), (5, 20)])
def test_the_scripts_keep_the_rules_of_several_accounts(redis_url: str, seed: int, neighbours: int) -> None:
    """Each with its own limit, blocks and breaker beside those of the service."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        walk(client, scripts.assemble, seed=seed, steps=500, neighbours=neighbours)
