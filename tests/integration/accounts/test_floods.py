"""A flood of one account waits in its rows: few of its messages are in the broker, and no other's claim is denied."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import redis

from db.accounts import Account
from db.lifecycle import Status
from resilience.circuit_breaker.types import CallOutcome, Permit, QuotaHeaders
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.calcom.reads import LIST
from tasks.claim import claim
from tasks.maintenance.turns import ReleaseTurns
from tests.integration.accounts.conftest import SLOW, add
from tests.integration.accounts.test_lines import IN_LINE, PENDING, THROTTLED, ask, open_window, own_hash, stands
from tests.support.fleet import row
from tests.support.stepping import Hand, book, state

LIMIT, AT_ONCE, PACE = 100, 5, 96 / 60  # calls a minute; messages at once; messages a second after them
MOST = 100  # messages of the flooding account in the broker
NOWHERE = "redis://127.0.0.1:1/0"
BOOKED = (Status.CONFIRMED, None)
Fleets = Callable[..., dict[str, str]]


@pytest.fixture
def flooding(fleet_of: Fleets) -> Account:
    """Add an account that may make a hundred calls a minute."""
    fleet_of()
    return add(calls_per_minute=LIMIT)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Connect to the Redis that has the breaker, the limits and the messages."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as connected:
        yield connected


def in_broker(client: redis.Redis, ids: Sequence[int]) -> int:
    """Count the messages of these bookings that no worker has taken."""
    wanted = {f"[{one}]" for one in ids}
    queued: Any = client.lrange("bookings", 0, -1)
    return sum(json.loads(one)["headers"]["argsrepr"] in wanted for one in queued)


def let_pass_in_redis(client: redis.Redis, seconds: float) -> None:
    """Let so much time pass for all that Redis has of the breaker, the limits and the release window."""
    moments = {"admitted": 1_000_000, "tat": 1_000_000, "resets_at": 1_000, "scout_at": 1_000, "used": 1_000}
    for key in client.scan_iter("{calcom}:*"):
        kind = client.type(key)
        if kind == "hash":
            for field, unit in moments.items():
                if float(client.hget(key, field) or 0) > 0:  # type: ignore[arg-type]
                    client.hincrbyfloat(key, field, -seconds * unit)
        elif kind == "zset":
            for item in client.zrange(key, 0, -1):  # type: ignore[union-attr]
                client.zincrby(key, -seconds * 1_000, item)


def take(one: int, *, released: bool = False) -> None:
    """Take a message as a worker does."""
    claimed = claim(dependencies.current(), one, released=released)
    assert claimed is not None
    book(claimed)


def take_released(ids: Sequence[int]) -> None:
    """Take what was let go, in the order of the line."""
    for one in ids:
        if row(one).status is Status.PENDING:
            take(one, released=True)


@pytest.mark.usefixtures("flooding")
@pytest.mark.parametrize("at_once", [True, False])
def test_a_flood_waits_in_its_rows(client: redis.Redis, at_once: Any) -> None:
    """Asked for at once, or one by one: what is more than its limit has no message, and each claim of others goes."""
    began = time.monotonic()

    flood = ask(range(200)) if at_once else [ask([number])[0] for number in range(200)]
    others = ask(range(300, 310), None)

    let_through = AT_ONCE + (time.monotonic() - began) * PACE + 1
    assert AT_ONCE <= in_broker(client, flood) <= min(let_through, MOST)
    assert in_broker(client, others) == len(others)
    for one in others:
        take(one)
    assert stands(others) == {BOOKED: len(others)}


@pytest.mark.usefixtures("flooding")
def test_while_no_worker_runs_only_what_the_limit_lets_through_is_sent(client: redis.Redis, redis_url: str) -> None:
    """For a minute, with a window that bounds nothing: the burst and the limit, in order; then others go at once."""
    began, clock = time.monotonic(), Hand()
    flood, turns = ask(range(300)), ReleaseTurns(clock)

    for _ in range(60):
        clock.move(1)
        let_pass_in_redis(client, 1)
        open_window(redis_url, 1_000)
        turns.release(dependencies.current())

    sent = in_broker(client, flood)
    assert 60 * PACE <= sent <= AT_ONCE + (60 + time.monotonic() - began) * PACE + 1
    assert stands(flood[:sent]) == {PENDING: sent}
    others = ask([400, 401], None)
    for one in others:
        take(one)
    assert stands(others) == {BOOKED: 2}


@pytest.mark.parametrize("at_once", [True, False])
def test_a_flood_without_redis(fleet_of: Fleets, client: redis.Redis, redis_url: str, at_once: Any) -> None:
    """Its own workers' pace holds what comes one by one, of a batch sixteen go; others are not paced by it."""
    fleet_of(REDIS_URL=NOWHERE, CELERY_BROKER_URL=redis_url)
    add(calls_per_minute=SLOW)  # however slow this machine is, the next call's time does not come meanwhile

    flood = ask(range(200)) if at_once else []
    for number in range(0 if at_once else 60):
        flood += ask([number])
        if state(row(flood[-1])) == PENDING:  # a worker takes each message at once
            take(flood[-1])
    others = ask([300, 301], None)
    for one in others:
        take(one)

    assert in_broker(client, flood) <= (16 if at_once else MOST)
    assert stands(flood)[THROTTLED if at_once else IN_LINE] >= len(flood) - 16
    assert stands(others) == {BOOKED: 2}


def test_a_limit_that_cal_com_tells_below_our_own(flooding: Account, client: redis.Redis, redis_url: str) -> None:
    """What was sent waits in its line again, not in the broker; when the window is over the first one goes."""
    deps = dependencies.current().for_account(flooding.id)
    permit = deps.breaker.acquire(CREATE, owner="o", account=deps.caller)
    assert isinstance(permit, Permit)
    deps.breaker.record(permit, CallOutcome.SUCCESS, quota_headers=QuotaHeaders(30, 0, 600))
    clock = Hand()
    turns = ReleaseTurns(clock)

    flood = ask(range(50))
    for one in flood:
        if row(one).status is Status.PENDING:
            take(one)
    open_window(redis_url, 100)

    assert stands(flood).keys() <= {THROTTLED, IN_LINE}
    assert turns.release(dependencies.current()) == 0
    others = ask([300], None)
    take(others[0])
    assert stands(others) == {BOOKED: 1}
    let_pass_in_redis(client, 601)
    clock.move(601)
    assert 1 <= turns.release(dependencies.current()) <= AT_ONCE
    take(flood[0], released=True)
    assert stands(flood[:1]) == {BOOKED: 1}


def test_looks_take_from_the_limit_and_nobody_overtakes(flooding: Account, client: redis.Redis, redis_url: str) -> None:
    """A third of the calls are looks: the key is used to nine tenths, and the line keeps its order."""
    deps, clock = dependencies.current().for_account(flooding.id), Hand()
    turns, looks = ReleaseTurns(clock), 0
    flood = ask(range(150))
    take_released(flood)

    for second in range(60):
        clock.move(1)
        let_pass_in_redis(client, 1)
        if second % 2:
            permit = deps.breaker.acquire(LIST, owner=f"look{second}", account=deps.caller)
            looks += isinstance(permit, Permit)
            if isinstance(permit, Permit):
                deps.breaker.record(permit, CallOutcome.SUCCESS)
        open_window(redis_url, 100)
        turns.release(dependencies.current())
        take_released(flood)

    booked = [number for number, one in enumerate(flood) if state(row(one)) == BOOKED]
    assert looks >= 25
    assert looks + len(booked) >= 0.9 * LIMIT
    assert booked[-1] < len(booked) + AT_ONCE, "those that were let go together may come back in another order"


def test_what_is_lost_and_a_clock_that_is_set_stop_no_line(
    flooding: Account, client: redis.Redis, redis_url: str
) -> None:
    """The next message goes when its time has come: after lost messages, an hour back, and an hour forth."""
    own, key = own_hash(redis_url, flooding.id)
    flood, clock, began = ask(range(200)), Hand(), time.monotonic()
    turns = ReleaseTurns(clock)

    def passed() -> float:
        return 1 + (time.monotonic() - began) * PACE  # messages for which this machine has had the time

    def released(seconds: float) -> int:
        clock.move(seconds)
        let_pass_in_redis(client, seconds)
        open_window(redis_url, 100)
        return turns.release(dependencies.current())

    for _ in range(30):
        released(1)
    client.delete("bookings")  # all that was sent is lost
    assert AT_ONCE <= released(60) <= AT_ONCE + passed()

    own.hincrbyfloat(key, "admitted", 3600 * 1e6)  # the server's clock is set back by an hour
    went = sum(released(1) for _ in range(10))
    assert AT_ONCE <= went <= AT_ONCE + 10 * PACE + passed(), "not an hour later"
    own.hincrbyfloat(key, "admitted", -7200 * 1e6)
    assert AT_ONCE <= released(1) <= AT_ONCE + passed()
    own.close()
    assert stands(flood)[THROTTLED] > 0, "the line is not empty"
