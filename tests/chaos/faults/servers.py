"""Faults of what the product stands on: Valkey, Postgres, the network, Cal.com. Each strikes, lasts, and is healed.

Each returns whether it was met at all. Times are seconds.
"""

import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import redis

from tests.chaos.environment import APP, SIDES, ChaosEnvironment
from tests.chaos.faults.proxy import Weather

Strike = Callable[[ChaosEnvironment, random.Random], bool]

POST = {"method": "POST", "path": "/v2/bookings*"}  # bookings, cancels and moves
NEW = {"method": "POST", "path": "/v2/bookings"}
LATE = (2.2, 3.5)  # later than our deadline, sooner than the settle time
SOON = {"X-RateLimit-Remaining-Default": "0", "X-RateLimit-Reset-Default": "2"}


def emptied(environment: ChaosEnvironment, _rng: random.Random) -> bool:
    """Forget every message, breaker and window."""
    with redis.Redis.from_url(environment.valkey.url) as client:
        client.flushall()
    return True


def out_of_memory(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Refuse every write."""
    with redis.Redis.from_url(environment.valkey.url) as client:
        client.config_set("maxmemory", 1)
        try:
            environment.pause(rng.uniform(1, 4))
        finally:
            client.config_set("maxmemory", 0)
    return True


def killed(server: str, environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Kill a server, and start it again with its data."""
    one = getattr(environment, server)
    one.kill()
    try:
        environment.pause(rng.uniform(0, 3))
    finally:
        one.restart()
    return True


def frozen(server: str, environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Freeze a server: connections stay open and nothing answers."""
    one = getattr(environment, server)
    one.pause()
    try:
        environment.pause(rng.uniform(1, 5))
    finally:
        one.resume()
    return True


def connections_ended(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """End every session of the product, a few times."""
    for _ in range(rng.randint(1, 4)):
        environment.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{APP}'")  # noqa: S608 - a constant
        environment.pause(rng.uniform(0, 0.5))
    return True


def too_many_connections(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Let the product have two connections in all."""
    environment.sql(f"ALTER ROLE {APP} CONNECTION LIMIT 2")
    try:
        connections_ended(environment, rng)
        environment.pause(rng.uniform(1, 4))
    finally:
        environment.sql(f"ALTER ROLE {APP} CONNECTION LIMIT -1")
    return True


def migrated(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Migrate under load: a column comes that the workers do not know, under a lock; `booking migrate`; it goes."""
    with psycopg.connect(environment.postgres.url) as conn:
        conn.execute("SET lock_timeout = '5s'")
        try:
            conn.execute("ALTER TABLE appointments ADD COLUMN fire integer NOT NULL DEFAULT 1")
        except psycopg.errors.LockNotAvailable:
            return False
        environment.pause(rng.uniform(0, 2))
    try:
        command = [sys.executable, "-m", "worker.cli", "migrate"]
        subprocess.run(
            command,
            env=dict(environment.workers.environment("west")),
            check=True,
            capture_output=True,
            timeout=120,  # a net: others may hold the processors, or every connection
            cwd="/",
        )
        environment.pause(1)
    finally:
        environment.sql("ALTER TABLE appointments DROP COLUMN fire")
    return True


def weather(kind: Weather, server: str, environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have bad weather between a server and one side of the fleet, or both."""
    sides = rng.choice([SIDES, *((side,) for side in SIDES)])
    environment.network.become(kind, server, sides)
    try:
        environment.pause(rng.uniform(1, 5))
    finally:
        environment.network.become(Weather.FAIR, server, sides)
    return True


def calcom(order: dict[str, Any], environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have Cal.com misbehave for a while, towards all calls or some. It ends by itself."""
    seconds = rng.uniform(1, 4)
    share = {} if order["kind"] == "refuse" else {"share": rng.choice([0.3, 0.6, 1.0])}
    [made] = environment.calcom.order("POST", "/_faults", {"seconds": seconds, **share, **order})["faults"]
    environment.pause(seconds)
    if order["kind"] == "refuse":
        return True
    return any(one["id"] == made["id"] and one["hits"] for one in environment.calcom.order("GET", "/_faults")["faults"])


_BOOKED = {"kind": "commit_then_status", "match": POST}
# What a firewall, a gateway or a guard says in place of Cal.com's answer, once the booking is made.
PAGES: dict[str, dict[str, Any]] = {
    "books, then a page of 403": {**_BOOKED, "name": "forbidden_page"},
    "books, then a page of 413": {**_BOOKED, "name": "too_large"},
    "books, then a login page": {**_BOOKED, "name": "login_page"},
    "books, then a guard's 403": {**_BOOKED, "name": "forbidden_resource"},
    "books, then 202 without a booking": {**_BOOKED, "name": "no_booking"},
}
CALCOM: dict[str, dict[str, Any]] = {
    "slow": {"kind": "latency", "delay": [0.5, 1.5]},
    "books late": {"kind": "latency", "delay": LATE, "match": POST},
    "answers late": {"kind": "latency", "delay": LATE, "after": True, "match": POST},
    "refuses connections": {"kind": "refuse"},
    "resets, headers unread": {"kind": "reset", "when": "headers"},
    "resets, request read": {"kind": "reset"},
    "hangs": {"kind": "hang"},
    "drips": {"kind": "drip", "gap": 0.02},
    "drips too long": {"kind": "drip", "gap": 0.1, "part": "headers"},
    "answers in HTML": {"kind": "html"},
    "cuts its JSON": {"kind": "cut_json"},
    "hangs up in its JSON": {"kind": "cut_json", "close": True},
    "answers with nothing": {"kind": "empty"},
    "books, then hangs": {"kind": "commit_then_hang", "match": POST},
    "books, then resets": {"kind": "commit_then_reset", "match": POST},
    "books, then 500": {"kind": "commit_then_status", "name": "internal", "match": POST},
    "books, then 504": {"kind": "commit_then_status", "name": "gateway_timeout", "match": POST},
    **PAGES,
    "database error": {"kind": "status", "name": "database", "match": POST},
    "database down": {"kind": "status", "name": "database_down"},
    "500": {"kind": "status", "name": "internal"},
    "terminated": {"kind": "status", "name": "terminated"},
    "slot taken": {"kind": "status", "name": "taken", "match": NEW},
    "conflict": {"kind": "status", "name": "conflict", "match": NEW},
    "limit reached": {"kind": "status", "name": "limit", "match": NEW},
    "key refused": {"kind": "status", "name": "invalid_key"},
    "forbidden": {"kind": "status", "name": "forbidden"},
    "not found": {"kind": "status", "name": "not_found"},
    "throttled": {"kind": "status", "name": "throttled", "headers": SOON, "count": 3},
    "502": {"kind": "status", "name": "bad_gateway"},
    "503": {"kind": "status", "name": "unavailable"},
    "504": {"kind": "status", "name": "gateway_timeout"},
    "524": {"kind": "status", "name": "origin_timeout"},
}

FAULTS: dict[str, Strike] = {
    "Valkey: emptied": emptied,
    "Valkey: killed, restarted": partial(killed, "valkey"),
    "Valkey: frozen": partial(frozen, "valkey"),
    "Valkey: out of memory": out_of_memory,
    "Postgres: killed, restarted": partial(killed, "postgres"),
    "Postgres: frozen": partial(frozen, "postgres"),
    "Postgres: connections ended": connections_ended,
    "Postgres: too many connections": too_many_connections,
    "Postgres: migrated under load": migrated,
    **{
        f"network to {server}: {kind}": partial(weather, kind, server)
        for server in ("postgres", "valkey", "calcom")
        for kind in (Weather.SLOW, Weather.CUT, Weather.SWALLOWED)
    },
    **{f"Cal.com: {name}": partial(calcom, order) for name, order in CALCOM.items()},
}
