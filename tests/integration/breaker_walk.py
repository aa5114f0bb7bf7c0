"""A long random walk through the breaker's steps, the likely ones more often."""

import random

from tests.integration.breaker_model import Pair


def walk(pair: Pair, rng: random.Random, *, steps: int) -> None:
    """Take steps until one differs or all are taken."""
    for _ in range(steps):
        client = rng.choice((0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5))
        key = rng.choice((0, 0, 0, 0, 1))
        few = rng.randrange(6)
        kind = rng.choices(
            ("wait", "acquire", "record", "speak", "release", "give_back", "order", "begin", "forget", "burst", "ramp"),
            (14, 30, 30, 6, 10, 2, 3, 1, 1, 1, 8),
        )[0]
        if kind == "wait":
            pair.wait(rng.randrange(18))
        elif kind == "acquire":
            pair.acquire(client, few, key, rng.randrange(12), probe_ok=rng.random() < 0.8, told=rng.choice((0, 0, few)))
        elif kind == "record":
            outcome = rng.choice((0, 0, 0, 1, 1, 2, 2, few))
            pair.record(client, key, rng.choice((0, 0, 0, few)), outcome, wait=rng.choice((0, 0, few)), told=few)
        elif kind == "speak":
            pair.speak(few, rng.randrange(3), of_service=rng.random() < 0.5)
        elif kind == "release":
            pair.release(client, few, key, [rng.randrange(6) for _ in range(rng.randrange(6))])
        elif kind == "give_back":
            pair.give_back(few)
        elif kind == "order":
            pair.order(rng.randrange(5), rng.randrange(5))
        elif kind == "burst":
            pair.burst(rng.choice((0, 5)), few)
        elif kind == "ramp":
            pair.ramp(few, rng.choice((0, 0, 0, few)))
        elif kind == "begin":
            pair.begin(few, with_orders=rng.random() < 0.3)
        else:
            pair.forget(few, with_orders=rng.random() < 0.5)
