"""One answer of Redis that comes too late is no reason to call or to be held, and not yet a Redis that is gone."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, Reason
from resilience.shared_state.answers import LATE
from resilience.shared_state.client import make_redis
from resilience.shared_state.events import SharedStateLost
from resilience.shared_state.state import SharedState, ThreadConnections
from tests.running.waiting import eventually
from tests.support.breakers import CREATE, call
from tests.support.servers.frozen import frozen, patient

if TYPE_CHECKING:
    from worker.local.embedded import Valkey

Join = Callable[..., CircuitBreaker]
EVENTS = list[object]


@pytest.fixture
def clock() -> list[float]:
    """The breakers' time in seconds: it stands until the test moves it."""
    return [1000.0]


@pytest.fixture
def events() -> EVENTS:
    """What the breakers emitted."""
    return []


@pytest.fixture
def client(redis_url: str) -> ThreadConnections:
    """Connect to Redis: patiently, but for when it is frozen."""
    return patient(redis_url)


@pytest.fixture
def join(client: ThreadConnections, events: EVENTS, clock: list[float]) -> Join:
    """Start one more process of the fleet."""

    def start(**changes: object) -> CircuitBreaker:
        settings = BreakerSettings(**{"rate_limit": 0, **changes})  # type: ignore[arg-type]
        breaker = CircuitBreaker("calcom", redis=client, settings=settings, emit=events.append, clock=lambda: clock[0])
        assert call(breaker)
        return breaker

    return start


def test_after_an_answer_that_is_late_once_the_call_asks_again(
    valkey: "Valkey", client: ThreadConnections, join: Join, events: EVENTS
) -> None:
    """Nobody is held at a limit that was not reached, and Redis is not gone."""
    breaker = join()
    events.clear()

    def thaw() -> None:
        eventually(lambda: breaker.view.redis_answers().late, what="a late answer")
        valkey.resume()

    with frozen(valkey, client, timeout=2.0):
        thawing = threading.Thread(target=thaw)
        thawing.start()
        assert call(breaker)
        thawing.join()
    assert breaker.view.redis_answers().late == 1
    assert events == []


def test_a_call_asks_thrice_while_other_threads_have_their_answers_in_time(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those keep Redis from counting as gone, and so each answer of this one may be its first late one."""
    breaker = join()
    late = [LATE, LATE]
    send = SharedState.send  # no clock deals this order
    monkeypatch.setattr(SharedState, "send", lambda *asked: late.pop if late else send(*asked))
    assert call(breaker)
    assert late == []


def test_a_released_item_whose_answer_is_late_has_no_permit(
    valkey: "Valkey", client: ThreadConnections, join: Join, events: EVENTS
) -> None:
    """Redis may have given it its place already: the next turn asks; and Redis is not gone."""
    breaker = join()
    events.clear()
    with frozen(valkey, client):
        denial = breaker.acquire(CREATE, owner="late item", item=1)
    assert isinstance(denial, Denied)
    assert (denial.reason, denial.retry_after) == (Reason.THROTTLED, breaker.settings.redis_retry)
    assert call(breaker)
    assert breaker.view.redis_gone_for() is None
    assert not [event for event in events if isinstance(event, SharedStateLost)]


def test_nothing_is_released_by_an_answer_that_is_late(valkey: "Valkey", client: ThreadConnections, join: Join) -> None:
    """The next tick asks again."""
    breaker = join()
    with frozen(valkey, client):
        released = breaker.held_work.release(CREATE, [1])
    assert (released.items, released.room, released.reason) == ((), 0, Reason.THROTTLED)


def test_what_a_late_answer_has_released_goes_at_the_next_turn(
    valkey: "Valkey", client: ThreadConnections, join: Join
) -> None:
    """Redis has given it a place that nobody was told of: that is given back, and no lease is waited for."""
    breaker = join()
    breaker.held_work.release(CREATE, ["known"])  # the script is loaded
    breaker.held_work.give_back(CREATE, "known")
    with frozen(valkey, client):
        breaker.held_work.release(CREATE, [1])

    released = [breaker.held_work.release(CREATE, [1]).items for _ in range(2)]

    assert ("1",) in released


def test_a_request_that_is_kept_waits_for_no_second_answer(
    valkey: "Valkey", client: ThreadConnections, join: Join
) -> None:
    """What was closed is taken as still closed: a worker that wants to call asks again."""
    breaker = join()
    with frozen(valkey, client):
        shut = breaker.view.is_blocking(CREATE)
    assert not shut
    assert breaker.view.redis_gone_for() is None


def test_two_late_answers_in_a_row_are_a_redis_that_is_gone(
    valkey: "Valkey", client: ThreadConnections, join: Join, events: EVENTS, clock: list[float]
) -> None:
    """Then this process goes on by itself, at the limit's pace from its first call on."""
    breaker = join(rate_limit=60, rate_burst=1, redis_retry=600)
    clock[0] += 60
    events.clear()
    with frozen(valkey, client):
        assert not call(breaker)
        assert not call(breaker)
        assert [type(event) for event in events] == [SharedStateLost]
        clock[0] += 1.1
        assert call(breaker)
        assert not call(breaker)


def test_being_alone_again_and_again_makes_nobody_quicker(valkey: "Valkey", join: Join, clock: list[float]) -> None:
    """Each absence begins with the pace, as if a call had just gone."""
    breaker = join(rate_limit=60, rate_burst=1, redis_retry=0.1)
    went = 0
    for _ in range(4):
        valkey.kill()
        for _ in range(4):
            clock[0] += 0.1
            went += call(breaker)
        valkey.restart()
        clock[0] += 0.2
        assert breaker.get_status().shared
        breaker.held_work.count_releasable(CREATE)
    assert went == 0


def test_a_success_that_is_reported_late_is_reported(valkey: "Valkey", client: ThreadConnections, join: Join) -> None:
    """Redis does what it was asked, a little later; the report is not sent twice."""
    breaker = join()
    before = breaker.calls.recent_calls().calls
    permit = breaker.acquire(CREATE, owner="one")
    assert isinstance(permit, Permit)
    with frozen(valkey, client):
        breaker.record(permit, CallOutcome.SUCCESS)
    assert breaker.calls.recent_calls().calls == before + 1


def test_a_connection_to_a_master_is_closed_when_an_answer_is_late(redis_url: str) -> None:
    """Else that answer is read as the next command's: a permit was "recorded" after a failover, and its task failed."""
    server = urlsplit(redis_url)
    client = make_redis(f"sentinel://:{server.password}@127.0.0.1:1" if server.password else "sentinel://127.0.0.1:1")
    assert isinstance(client, Redis)
    pool = client.connection_pool
    connection = pool.connection_class(**pool.connection_kwargs)
    connection.connect_to((server.hostname, server.port))
    connection.send_command("BLPOP", "nothing", 30)
    with pytest.raises(RedisTimeoutError):
        connection.read_response()
    assert not connection.is_connected
