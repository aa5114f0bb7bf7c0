"""A flood of one account waits in its rows: few of its messages are in the broker, and no other's claim is denied."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest
import redis
from sqlalchemy import text

from db.accounts import Account
from db.lifecycle import Status
from resilience.circuit_breaker.types import CallOutcome, Permit, QuotaHeaders
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.calcom.reads import LIST
from tasks.maintenance.turns import ReleaseTurns
from tasks.work.claim import claim
from tests.integration.accounts.conftest import SLOW, add
from tests.integration.accounts.test_lines import IN_LINE, PENDING, THROTTLED, ask, open_window, own_hash, stands
from tests.sizes import Counted, sizes
from tests.support.fleet import row
from tests.support.stepping import Hand, book, let_pass_in_redis, state


class Flood(NamedTuple):
    """Hold how much one account asks for, beside how many others; and how many of its messages are lost."""

    bookings: int
    others: int
    lost: int = 0


LIMIT, AT_ONCE, PACE = 100, 5, 96 / 60  # calls a minute; messages at once; messages a second after them
ONE_BY_ONE = 2_000  # bookings at most
WIDE = 2_000  # places of a release window that bounds nothing
FULL = Flood(20_000, 19, lost=1_000)
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


@pytest.fixture
def beside(simulator: Any, client: redis.Redis, size: Flood) -> Callable[[], None]:
    """Return what shows that others feel nothing: each of them asks, has its message, and its claim goes through."""
    keys = [f"cal_test_beside_{number}" for number in range(1, size.others)]

    def book_others() -> None:
        simulator.settings(keys=dict.fromkeys(keys, "host10"))
        names = [None, *(add(key.replace("_", "-"), key, first=False).name for key in keys)]
        ids = [one for number, name in enumerate(names) for one in ask([size.bookings + number], name)]
        assert in_broker(client, ids) == size.others
        for one in ids:
            take(one)
        assert stands(ids) == {BOOKED: size.others}

    return book_others


def in_broker(client: redis.Redis, ids: Sequence[int]) -> int:
    """Count the messages of these bookings that no worker has taken."""
    wanted = {f"[{one}]" for one in ids}
    queued: Any = client.lrange("bookings", 0, -1)
    return sum(json.loads(one)["headers"]["argsrepr"] in wanted for one in queued)


def of(ids: Sequence[int], status: Status) -> list[int]:
    """Return those of these bookings that have a status, in the order in which they were asked for."""
    found = text("SELECT id FROM appointments WHERE id = ANY (:ids) AND status = :status ORDER BY id")
    with dependencies.current().engine.connect() as conn:
        return list(conn.execute(found, {"ids": list(ids), "status": status}).scalars())


def take(one: int, *, released: bool = False) -> None:
    """Take a message as a worker does."""
    claimed = claim(dependencies.current(), one, released=released)
    assert claimed is not None
    book(claimed)


def take_all(ids: Sequence[int], *, released: bool = False) -> None:
    """Take what has a message, in the order of the line."""
    for one in of(ids, Status.PENDING):
        take(one, released=released)


@pytest.mark.usefixtures("flooding")
@pytest.mark.parametrize("at_once", [True, False])
@sizes(Flood(200, 10), many=FULL)
def test_a_flood_waits_in_its_rows(
    client: redis.Redis, at_once: Any, size: Flood, beside: Callable[[], None], counted: Counted
) -> None:
    """Asked for at once, or one by one: what is more than its limit has no message, and each claim of others goes."""
    began, numbers = time.monotonic(), range(size.bookings if at_once else min(size.bookings, ONE_BY_ONE))

    flood = ask(numbers) if at_once else [ask([number])[0] for number in numbers]

    seconds = time.monotonic() - began
    messages = in_broker(client, flood)
    counted("messages", messages)
    counted("limit and burst allow", int(AT_ONCE + seconds * PACE + 1))
    assert AT_ONCE <= messages <= AT_ONCE + seconds * PACE + 1
    beside()


@pytest.mark.long
@pytest.mark.usefixtures("flooding")
@sizes(Flood(300, 2), many=FULL)
def test_while_no_worker_runs_only_what_the_limit_lets_through_is_sent(
    client: redis.Redis, redis_url: str, size: Flood, beside: Callable[[], None], counted: Counted
) -> None:
    """For a minute, with a window that bounds nothing: the burst and the limit, in order; then others go at once."""
    began, clock = time.monotonic(), Hand()
    flood, turns = ask(range(size.bookings)), ReleaseTurns(clock)

    for _ in range(60):
        clock.move(1)
        let_pass_in_redis(client, 1)
        open_window(redis_url, WIDE)
        turns.release(dependencies.current())

    most = AT_ONCE + (60 + time.monotonic() - began) * PACE + 1
    sent = in_broker(client, flood)
    counted("messages", sent)
    counted("limit and burst allow", int(most))
    assert 60 * PACE <= sent <= most
    assert stands(flood[:sent]) == {PENDING: sent}
    beside()


@pytest.mark.parametrize("at_once", [True, False])
@sizes(Flood(200, 2), many=FULL)
def test_a_flood_without_redis(
    fleet_of: Fleets,
    client: redis.Redis,
    redis_url: str,
    at_once: Any,
    size: Flood,
    beside: Callable[[], None],
    counted: Counted,
) -> None:
    """Its own workers' pace holds what comes one by one, of a batch sixteen go; others are not paced by it."""
    fleet_of(REDIS_URL=NOWHERE, CELERY_BROKER_URL=redis_url)
    add(calls_per_minute=SLOW)  # however slow this machine is, the next call's time does not come meanwhile

    flood = ask(range(size.bookings)) if at_once else []
    for number in range(0 if at_once else 60):
        flood += ask([number])
        if state(row(flood[-1])) == PENDING:  # a worker takes each message at once
            take(flood[-1])

    messages, held = in_broker(client, flood), stands(flood)
    counted("messages", messages)
    assert messages <= (16 if at_once else 60)
    assert held[THROTTLED] + held[IN_LINE] >= len(flood) - 16
    beside()


@sizes(Flood(50, 1), many=FULL)
def test_a_limit_that_cal_com_tells_below_our_own(
    flooding: Account,
    client: redis.Redis,
    redis_url: str,
    size: Flood,
    beside: Callable[[], None],
    counted: Counted,
) -> None:
    """What was sent waits in its line again, not in the broker; when the window is over the first one goes."""
    deps = dependencies.current().for_account(flooding.id)
    permit = deps.breaker.acquire(CREATE, owner="o", account=deps.caller)
    assert isinstance(permit, Permit)
    deps.breaker.record(permit, CallOutcome.SUCCESS, quota_headers=QuotaHeaders(30, 0, 600))
    clock, began = Hand(), time.monotonic()
    turns = ReleaseTurns(clock)

    flood = ask(range(size.bookings))
    counted("messages", in_broker(client, flood))
    assert in_broker(client, flood) <= AT_ONCE + (time.monotonic() - began) * PACE + 1
    take_all(flood)
    open_window(redis_url, WIDE)

    assert stands(flood).keys() <= {THROTTLED, IN_LINE}
    assert turns.release(dependencies.current()) == 0
    beside()
    let_pass_in_redis(client, 601)
    clock.move(601)
    assert 1 <= turns.release(dependencies.current()) <= AT_ONCE
    take(flood[0], released=True)
    assert stands(flood[:1]) == {BOOKED: 1}


@pytest.mark.long
@sizes(Flood(150, 1), many=FULL)
def test_looks_take_from_the_limit_and_nobody_overtakes(
    flooding: Account,
    client: redis.Redis,
    redis_url: str,
    size: Flood,
    beside: Callable[[], None],
    counted: Counted,
) -> None:
    """A third of the calls are looks: the key is used to nine tenths, and the line keeps its order."""
    deps, clock = dependencies.current().for_account(flooding.id), Hand()
    turns, looks, waiting = ReleaseTurns(clock), 0, 0
    flood = ask(range(size.bookings))
    take_all(flood, released=True)

    for second in range(60):
        clock.move(1)
        let_pass_in_redis(client, 1)
        if second % 2:
            permit = deps.breaker.acquire(LIST, owner=f"look{second}", account=deps.caller)
            looks += isinstance(permit, Permit)
            if isinstance(permit, Permit):
                deps.breaker.record(permit, CallOutcome.SUCCESS)
        open_window(redis_url, WIDE)
        turns.release(dependencies.current())
        waiting = max(waiting, len(of(flood, Status.PENDING)))
        take_all(flood, released=True)

    booked = [flood.index(one) for one in of(flood, Status.CONFIRMED)]
    counted("looks", looks)
    counted("booked", len(booked))
    counted("messages of a second at most", waiting)
    assert looks >= 25
    assert looks + len(booked) >= 0.9 * LIMIT
    assert booked[-1] < len(booked) + AT_ONCE, "those that were let go together may come back in another order"
    beside()


@sizes(Flood(200, 1, lost=30), many=FULL)
def test_what_is_lost_and_a_clock_that_is_set_stop_no_line(
    flooding: Account,
    client: redis.Redis,
    redis_url: str,
    size: Flood,
    beside: Callable[[], None],
    counted: Counted,
) -> None:
    """The next message goes when its time has come: after lost messages, an hour back, and an hour forth."""
    own, key = own_hash(redis_url, flooding.id)
    flood, clock = ask(range(size.bookings)), Hand()
    turns = ReleaseTurns(clock)

    def passed() -> float:
        return 1 + (time.monotonic() - began) * PACE  # messages for which this machine has had the time

    def released(seconds: float) -> int:
        clock.move(seconds)
        let_pass_in_redis(client, seconds)
        open_window(redis_url, WIDE)
        return turns.release(dependencies.current())

    for _ in range(size.lost):  # seconds at most: more than one message goes in each
        if in_broker(client, flood) >= size.lost:
            break
        released(1)
    counted("lost", in_broker(client, flood))
    assert in_broker(client, flood) >= size.lost
    began = time.monotonic()
    client.delete("bookings")  # all that was sent is lost
    assert AT_ONCE <= released(60) <= AT_ONCE + passed()

    own.hincrbyfloat(key, "admitted", 3600 * 1e6)  # the server's clock is set back by an hour
    went = sum(released(1) for _ in range(10))
    counted("went in ten seconds after the clock", went)
    assert AT_ONCE <= went <= AT_ONCE + 10 * PACE + passed(), "not an hour later"
    own.hincrbyfloat(key, "admitted", -7200 * 1e6)
    assert AT_ONCE <= released(1) <= AT_ONCE + passed()
    own.close()
    held = stands(flood)
    assert held[THROTTLED] + held[IN_LINE] > 0, "the line is not empty"
    beside()
