"""A long random walk through the breaker's steps, the likely ones more often."""

import random
from collections.abc import Callable

from redis import Redis

from resilience.permit import OrderKind
from tests.integration.breaker_cast import JUMPS, ORDERS
from tests.integration.breaker_model import Pair

RESET = ORDERS.index(OrderKind.RESET)


def walks(client: Redis, read: Callable[[str], str], *, seeds: int, steps: int) -> None:
    """Walk from several starts; `read` gives the text of a script.

    Raises:
        AssertionError: A step came to another answer on the other side.
        ResponseError: A script broke.
    """
    for seed in range(seeds):
        _walk(Pair(client, read), random.Random(seed), steps=steps)  # noqa: S311 - the same walk every time


def _walk(pair: Pair, rng: random.Random, *, steps: int) -> None:
    pick, few, flag = rng.choice, lambda: rng.randrange(6), lambda: rng.random() < 0.7

    def client() -> int:
        return pick((0,) * 30 + (1, 2, 3, 4, 5))

    def key() -> int:
        return pick((0, 0, 0, 0, 1))

    def acquire() -> None:
        pair.acquire(client(), few(), key(), rng.randrange(12), probe_ok=flag(), told=pick((0, 0, 0, 0, few())))

    def record() -> None:
        outcome, told = pick((0, 0, 0, 1, 1, 2, 2, few(), few())), pick((0, 0, 0, few()))
        pair.record(client(), key(), pick((0, 0, 0, few())), outcome, wait=pick((0, few())), told=told)

    def forget() -> None:
        pair.forget(few(), with_orders=rng.random() < 0.3)
        pair.begin(few(), with_orders=flag())

    def release() -> None:
        pair.release(client(), few(), key(), [few() for _ in range(rng.randrange(6))])

    doings: dict[Callable[[], None], int] = {
        lambda: pair.wait(rng.randrange(len(JUMPS))): 14,
        acquire: 30,
        record: 30,
        release: 10,
        lambda: pair.speak(few(), rng.randrange(3), of_service=flag()): 6,
        lambda: pair.give_back(few()): 6,
        lambda: pair.order(rng.randrange(5), rng.randrange(5)): 3,
        lambda: pair.order(RESET, 0): 4,
        lambda: pair.startle(few(), key(), rng.randrange(6)): 3,
        lambda: pair.operate(rng.randrange(5), few()): 3,
        lambda: pair.burst(pick((0, 5)), few()): 2,
        lambda: pair.ramp(few(), pick((0, 0, 0, few()))): 8,
        lambda: pair.begin(few(), with_orders=flag()): 2,
        lambda: pair.finish(rng.randrange(len(JUMPS))): 2,
        forget: 2,
    }
    for do in rng.choices(list(doings), list(doings.values()), k=steps):
        do()
