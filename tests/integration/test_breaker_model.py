"""The Lua and the rules in this process are one breaker."""

# ruff: noqa: D102 - each rule is the step of the same name in breaker_model.py

import hypothesis.strategies as st
import redis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from resilience import scripts
from tests.integration.breaker_model import Pair
from tests.integration.breaker_walk import walks

clients = st.sampled_from((0, 0, 0, 1, 2, 3, 4, 5))
few = st.integers(0, 5)
flags = st.booleans()


class Steps(RuleBasedStateMachine):
    """What can be done with a breaker; `client` is given by the test."""

    client: redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair(self.client)

    @rule(jump=st.integers(0, 18))
    def wait(self, jump: int) -> None:
        self.pair.wait(jump)

    @rule(client=clients, endpoint=few, key=st.sampled_from((0, 0, 1)), item=st.integers(0, 11), ok=flags, told=few)
    def acquire(self, client: int, endpoint: int, key: int, item: int, ok: bool, told: int) -> None:  # noqa: FBT001
        self.pair.acquire(client, endpoint, key, item, probe_ok=ok, told=told)

    @rule(client=clients, key=st.sampled_from((0, 0, 1)), which=few, outcome=few, wait=few, told=few)
    def record(self, client: int, key: int, which: int, outcome: int, wait: int, told: int) -> None:
        self.pair.record(client, key, which, outcome, wait=wait, told=told)

    @rule(endpoint=few, outcome=few, of_service=flags)
    def speak(self, endpoint: int, outcome: int, of_service: bool) -> None:  # noqa: FBT001
        self.pair.speak(endpoint, outcome, of_service=of_service)

    @rule(client=clients, endpoint=few, key=st.sampled_from((0, 0, 1)), items=st.lists(few, max_size=6))
    def release(self, client: int, endpoint: int, key: int, items: list[int]) -> None:
        self.pair.release(client, endpoint, key, items)

    @rule(client=clients, endpoint=few)
    def burst(self, client: int, endpoint: int) -> None:
        self.pair.burst(client, endpoint)

    @rule(endpoint=few, outcome=few)
    def ramp(self, endpoint: int, outcome: int) -> None:
        self.pair.ramp(endpoint, outcome)

    @rule(item=few)
    def give_back(self, item: int) -> None:
        self.pair.give_back(item)

    @rule(endpoint=few, key=few, outcome=few)
    def startle(self, endpoint: int, key: int, outcome: int) -> None:
        self.pair.startle(endpoint, key, outcome)

    @rule(ago=st.integers(0, 18))
    def finish(self, ago: int) -> None:
        self.pair.finish(ago)

    @rule(kind=st.integers(0, 4), jump=few)
    def operate(self, kind: int, jump: int) -> None:
        self.pair.operate(kind, jump)

    @rule(kind=st.integers(0, 4), number=st.integers(0, 4))
    def order(self, kind: int, number: int) -> None:
        self.pair.order(kind, number)

    @rule(seen=st.integers(0, 5), with_orders=flags)
    def begin(self, seen: int, with_orders: bool) -> None:  # noqa: FBT001
        self.pair.begin(seen, with_orders=with_orders)

    @rule(seen=st.integers(0, 5), with_orders=flags)
    def forget(self, seen: int, with_orders: bool) -> None:  # noqa: FBT001
        self.pair.forget(seen, with_orders=with_orders)


def test_lua_and_python_give_the_same_answers(redis_url: str) -> None:
    """Whatever is done, in whatever order, the shared breaker and this process's say and keep the same."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    bounds = settings(max_examples=80, stateful_step_count=50, deadline=None, suppress_health_check=slow, database=None)
    with redis.Redis.from_url(redis_url) as client:
        run_state_machine_as_test(type("Both", (Steps,), {"client": client}), settings=bounds)


def test_long_walks_give_the_same_answers(redis_url: str) -> None:
    """Thousands of steps in a row, where hypothesis takes dozens: rings wrap, epochs grow, windows reach their end."""
    with redis.Redis.from_url(redis_url) as client:
        walks(client, scripts.assemble, seeds=3, steps=1000)
