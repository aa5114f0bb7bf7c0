"""Faults of Cal.com as it is inside: killed at a step of its work, or working on when its answer has been given.

For event types that refuse a second booking of a time, as Cal.com's do; today's trap, where every POST books, would
be booked twice by a 502 of a plain type, which Cal.com never was (45 of 45).
"""

import random
from functools import partial
from typing import Any

from tests.chaos.environment import ChaosEnvironment
from tests.chaos.faults.servers import LATE, POST, Strike

Orders = tuple[dict[str, Any], ...]

FOR = (1.5, 4.0)  # seconds that a fault lasts
EARLY = 0.1  # seconds after a request its answer is given, while the work goes on


def inside(orders: Orders, environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have a share of the POSTs go wrong inside for a while."""
    seconds, share = rng.uniform(*FOR), rng.choice([0.3, 0.6, 1.0])
    made = environment.calcom.order(
        "POST", "/_faults", [{"seconds": seconds, "share": share, "match": POST, **order} for order in orders]
    )["faults"]
    environment.pause(seconds)
    ids = {one["id"] for one in made}
    return any(one["id"] in ids and one["hits"] for one in environment.calcom.order("GET", "/_faults")["faults"])


def crashed(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Kill Cal.com with all that it is at work on, and start it again with its books."""
    seconds = rng.uniform(0.3, 3.0)
    environment.calcom.order("POST", "/_faults", {"kind": "crash", "seconds": seconds})
    environment.pause(seconds)
    return True


def reads_late(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have each POST read what it has booked from a replica: 500 after the booking, until that has caught up."""
    environment.calcom.order("POST", "/_settings", {"lag_breaks_posts": True})
    try:
        environment.pause(rng.uniform(*FOR))
    finally:
        environment.calcom.order("POST", "/_settings", {"lag_breaks_posts": False})
    return True


_SLOW: dict[str, Any] = {"kind": "latency", "delay": LATE}
INSIDE: dict[str, Orders] = {
    "dies before it writes": ({"kind": "kill", "step": "insert"},),
    "dies before it answers": ({"kind": "kill", "step": "answer"},),
    "dies before it gives a seat": ({"kind": "kill", "step": "seat"},),
    "dies in the third week": ({"kind": "kill", "step": "insert", "week": 3},),
    "stalls before it looks for a double": ({"kind": "stall", "step": "dedupe", "delay": LATE},),
    "stalls before it writes": ({"kind": "stall", "step": "insert", "delay": LATE},),
    "splits its transactions": ({"kind": "split"},),
    "splits its transactions, and resets": ({"kind": "split", "close": True},),
    "502 while it works": (_SLOW, {"kind": "answer_early", "name": "bad_gateway", "early": EARLY}),
    "504 while it works": (_SLOW, {"kind": "answer_early", "name": "gateway_timeout", "early": EARLY}),
    "resets while it works": (_SLOW, {"kind": "answer_early", "early": EARLY}),
}

FAULTS: dict[str, Strike] = {
    "Cal.com: killed, restarted": crashed,
    "Cal.com: reads late": reads_late,
    **{f"Cal.com: {name}": partial(inside, orders) for name, orders in INSIDE.items()},
}
