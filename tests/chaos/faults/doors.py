"""Faults of what stands before Cal.com and is not it, and of a Cal.com that is well for some and not for others.

A proxy with a clock of its own, its pages when the booking is made, a Retry-After of a day, a base URL that is wrong
for a while, one event type that is broken, one call in two that fails, a Redis whose answers are late now and then.
"""

import random
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

from simulator.instants import Clock
from simulator.server import Server
from simulator.state.event_types import EventType
from simulator.state.settings import Settings
from simulator.state.users import STRANGER
from simulator.state.world import World
from tests.chaos.environment import SIDES, ChaosEnvironment
from tests.chaos.faults.proxy import HOST, Weather
from tests.chaos.faults.servers import PAGES, POST, Strike, calcom

DAY = 86_400
LONG = (8.0, 14.0)  # seconds: for what is worth a look only when it lasts
LAG = 4.0  # of a replica, later than what an answered POST settles in
BROKEN = 20.0  # seconds that a type is at the most
CLOCKS = (-30.0, -3.0, 3.0, 30.0)  # seconds that a proxy's is off


def ordered(orders: tuple[dict[str, Any], ...], environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have Cal.com answer so for long; say whether any call met it."""
    seconds = rng.uniform(*LONG)
    made = environment.calcom.order("POST", "/_faults", [{"seconds": seconds, **order} for order in orders])["faults"]
    environment.pause(seconds)
    ids = {one["id"] for one in made}
    return any(one["id"] in ids and one["hits"] for one in environment.calcom.order("GET", "/_faults")["faults"])


def another_clock(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have a proxy before a late replica whose clock is its own, while half of the answers to POSTs are lost."""
    clock = {"kind": "date", "by": rng.choice(CLOCKS)}
    environment.calcom.order("POST", "/_settings", {"replica_lags": [LAG]})
    try:
        return ordered((clock, {"kind": "commit_then_reset", "match": POST, "share": 0.5}), environment, rng)
    finally:
        environment.calcom.order("POST", "/_settings", {"replica_lags": environment.part.lags})


def one_broken_type(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have one event type's POSTs fail inside, one that is asked for now, while all others succeed."""
    found = environment.sql("SELECT event_type_id FROM appointments ORDER BY id DESC LIMIT 30")
    if not found:
        return False
    [broken] = rng.choice(found)
    order = {"kind": "status", "name": "internal", "seconds": BROKEN, "match": {**POST, "event_type_id": broken}}
    [made] = environment.calcom.order("POST", "/_faults", order)["faults"]
    environment.until(lambda: _hits(environment, made["id"]) >= rng.randint(1, 5), BROKEN)
    return _hits(environment, made["id"]) > 0


def _hits(environment: ChaosEnvironment, number: int) -> int:
    faults = environment.calcom.order("GET", "/_faults")["faults"]
    return sum(one["hits"] for one in faults if one["id"] == number)


def wrong_url(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have the base URL lead to another Cal.com, where the key is good and nothing of ours is known."""
    port = environment.network.run(_open_another(environment.part.key))
    environment.network.lead(SIDES, "calcom", (HOST, port))
    try:
        environment.pause(rng.uniform(*LONG))
    finally:
        environment.network.lead(SIDES, "calcom", None)
    return True


async def _open_another(key: str) -> int:
    settings = Settings(rate_limit=0, keys={key: STRANGER})
    clock = Clock(time.monotonic, lambda: datetime.now(UTC))
    rng = random.Random(key)  # noqa: S311 - chance for faults
    world = World(settings, clock, rng, (EventType(1, "theirs", hosts=("somebody",)),))
    port, _ = await Server(world).open(HOST, 0)
    return port


def late_redis(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have some answers of Redis come late."""
    environment.network.become(Weather.LATE, "valkey", SIDES)
    try:
        environment.pause(rng.uniform(*LONG))
    finally:
        environment.network.become(Weather.FAIR, "valkey", SIDES)
    return True


_ASKS: dict[str, Any] = {"kind": "status", "retry_after": DAY, "count": 2}
FAULTS: dict[str, Strike] = {
    **{f"Cal.com: {name}": partial(calcom, order) for name, order in PAGES.items()},
    "Cal.com: behind a proxy with a clock of its own": another_clock,
    "Cal.com: 429, asks for a day": partial(ordered, ({**_ASKS, "name": "throttled"},)),
    "Cal.com: 503, asks for a day": partial(ordered, ({**_ASKS, "name": "unavailable"},)),
    "Cal.com: another one, the base URL is wrong": wrong_url,
    "Cal.com: one event type is broken": one_broken_type,
    "Cal.com: every second call fails": partial(ordered, ({"kind": "status", "name": "unavailable", "share": 0.5},)),
    "Valkey: now and then late": late_redis,
}
