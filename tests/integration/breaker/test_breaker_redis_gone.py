"""Redis frozen, dead, wiped: time is lost, nothing else."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import redis

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.events import BreakerChanged, Event, OverridesUnreadable, SharedStateBegun
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, OperatorOverride, OverrideKind, Permit, Reason, State
from resilience.shared_state.client import make_redis
from resilience.shared_state.events import SharedStateBack, SharedStateLost
from tests.support.breakers import CREATE, call, wipe
from tests.support.fleet import eventually
from tests.support.timeouts import expired_timeouts

if TYPE_CHECKING:
    from worker.local.embedded import Valkey

AT_MOST = 0.2  # seconds of time-outs that a guarded call may wait out while Redis is gone
Join = Callable[..., CircuitBreaker]


@pytest.fixture
def events() -> list[Event]:
    """What the breakers emitted."""
    return []


@pytest.fixture
def clock() -> list[float]:
    """The breakers' time in seconds: it stands until the test moves it, however slow the machine is."""
    return [1000.0]


@pytest.fixture
def join(redis_url: str, events: list[Event], clock: list[float]) -> Join:
    """Start one more process of the fleet; `patient`: a busy machine is no dead Redis to it."""

    def start(
        overrides: Callable[[], list[OperatorOverride]] | None = None, *, patient: bool = True, **changes: object
    ) -> CircuitBreaker:
        settings = BreakerSettings(**{"rate_limit": 0, **changes})  # type: ignore[arg-type]
        bounds = {"timeout": 30.0, "connect_timeout": 30.0} if patient else {}
        client = make_redis(redis_url, **bounds)
        return CircuitBreaker(
            "calcom", redis=client, settings=settings, key="key", overrides=overrides,
            emit=events.append, clock=lambda: clock[0],
        )  # fmt: skip

    return start


def look(breaker: CircuitBreaker, clock: list[float]) -> None:
    """Look, as no probe, until Redis has answered in time; what the process did alone meanwhile is forgotten."""
    for _ in range(1000):
        breaker.acquire(CREATE, owner="look", probe_ok=False)
        if breaker.get_status().shared:
            return
        clock[0] += 1 + breaker.settings.redis_retry
    pytest.fail("no answer of Redis came in time")


def test_a_frozen_redis_costs_two_time_outs_and_then_nothing(
    valkey: "Valkey", join: Join, events: list[Event], clock: list[float]
) -> None:
    """The first call waits one out, asks again and makes sure; it goes, and the next hundred do not even try."""
    breaker = join(patient=False, redis_retry=60)
    look(breaker, clock)
    events.clear()
    valkey.pause()
    with expired_timeouts() as waited:
        went = [call(breaker) for _ in range(102)]
    assert all(went)
    assert len(waited) == 2
    assert max(waited) < AT_MOST / 2
    assert [type(event) for event in events] == [SharedStateLost]


@pytest.mark.parametrize(
    ("command", "lasting"),
    [(("CONFIG", "SET", "min-replicas-to-write", "1"), False), (("SET", "{calcom}:breaker", "other"), True)],
    ids=["too few replicas", "a key of another type"],
)
def test_what_passes_by_itself_is_told_apart_from_what_somebody_must_mend(
    valkey: "Valkey", join: Join, events: list[Event], command: tuple[str, ...], *, lasting: bool
) -> None:
    """Redis answers, and refuses."""
    with redis.Redis.from_url(valkey.url) as client:
        client.execute_command(*command)
        try:
            assert call(join())
        finally:
            client.config_set("min-replicas-to-write", 0)
    [lost] = [event for event in events if isinstance(event, SharedStateLost)]
    assert lost.lasting is lasting


def test_a_frozen_redis_costs_each_of_many_threads_two_time_outs(
    valkey: "Valkey", join: Join, clock: list[float]
) -> None:
    """All threads were on their way when it froze."""
    breaker = join(patient=False, redis_retry=60)
    look(breaker, clock)
    valkey.pause()
    with ThreadPoolExecutor(16) as pool, expired_timeouts() as waited:
        list(pool.map(lambda _: call(breaker), range(64)))
    assert 2 <= len(waited) <= 2 * 16


def test_a_long_call_waits_for_a_frozen_redis_twice_at_most(valkey: "Valkey", join: Join, clock: list[float]) -> None:
    """It lasted so long that both its question and its report look whether Redis is back."""
    breaker = join(patient=False)
    look(breaker, clock)
    valkey.pause()
    assert call(breaker)

    for _ in range(10):
        with expired_timeouts() as waited:
            clock[0] += 1.1
            permit = breaker.acquire(CREATE, owner="one")
            clock[0] += 1.1
            breaker.record(permit, CallOutcome.SUCCESS)  # type: ignore[arg-type]
        assert len(waited) == 2
        assert sum(waited) < AT_MOST


def test_a_dead_redis_is_looked_for_once_in_a_while_and_wins_when_it_is_back(
    valkey: "Valkey", join: Join, events: list[Event], clock: list[float]
) -> None:
    """What this process alone had decided does not count any more; events once each."""
    breaker = join()
    assert call(breaker)
    valkey.kill()
    while call(breaker, CallOutcome.FAILURE_SERVICE):
        pass
    assert breaker.is_open()
    clock[0] += 1.1
    assert not call(breaker)
    valkey.restart()
    assert not call(breaker)
    clock[0] += 1.1
    assert call(breaker)
    kinds = [type(event) for event in events]
    assert kinds == [SharedStateBegun, SharedStateLost, BreakerChanged, SharedStateBack]


def test_what_a_process_decided_alone_is_forgotten_when_redis_is_back(
    valkey: "Valkey", join: Join, clock: list[float]
) -> None:
    """The next time that Redis is gone it begins with what was shared, not with its own last outage."""
    breaker = join()
    assert call(breaker)
    valkey.kill()
    while call(breaker, CallOutcome.FAILURE_SERVICE):
        pass
    valkey.restart()
    clock[0] += 1.1
    assert call(breaker)
    valkey.kill()
    assert call(breaker)


def test_a_dead_redis_costs_hardly_anything(valkey: "Valkey", join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody retries, neither the client nor we: one connection is tried, and refused."""
    breaker, tried, connect = join(redis_retry=60), [], socket.socket.connect
    assert call(breaker)
    valkey.kill()
    monkeypatch.setattr(socket.socket, "connect", lambda sock, server: (tried.append(server), connect(sock, server)))
    with expired_timeouts() as waited:
        assert call(breaker)
    assert (len(tried), waited) == (1, [])


def test_a_blocked_key_stays_blocked_when_redis_dies(valkey: "Valkey", join: Join) -> None:
    """This process had been told."""
    breaker, other = join(redis_retry=60), join()
    other.operators.block_key("key", by="op@example.com", why="revoked")
    assert not call(breaker)
    valkey.kill()
    denial = breaker.acquire(CREATE, owner="x")
    assert not isinstance(denial, Permit)
    assert denial.reason is Reason.CREDENTIALS


def test_a_block_that_was_lifted_is_remembered_by_no_endpoint(valkey: "Valkey", join: Join) -> None:
    """A look was denied for it; a booking that then goes shows that it is over, though bookings never showed it."""
    breaker, other = join(redis_retry=60), join()
    assert call(breaker)
    other.operators.block_key("key", by="op@example.com", why="revoked")
    assert not breaker.acquire("bookings.list", owner="look")
    with redis.Redis.from_url(valkey.url) as client:
        client.hdel("{calcom}:breaker", "blocked:key")
    assert call(breaker)
    valkey.kill()
    assert call(breaker)


def test_without_redis_the_same_rules_run_in_this_process(valkey: "Valkey", join: Join) -> None:
    """Five failures open it, also where nobody else sees them; the status says that it is alone."""
    breaker = join(redis_retry=60)
    call(breaker)
    valkey.kill()
    assert [call(breaker, CallOutcome.FAILURE_SERVICE) for _ in range(6)] == [True] * 5 + [False]
    status = breaker.get_status()
    assert (status.state, status.shared) == (State.OPEN, False)
    assert breaker.view.transitions() == []


def test_an_open_breaker_stays_open_when_redis_dies(valkey: "Valkey", join: Join) -> None:
    """The rules of this process begin where the shared ones were last seen."""
    breaker = join(redis_retry=60)
    for _ in range(5):
        call(breaker, CallOutcome.FAILURE_SERVICE)
    valkey.kill()
    denial = breaker.acquire(CREATE, owner="x")
    assert not isinstance(denial, Permit)
    assert denial.retry_after == pytest.approx(30, abs=1)


def test_a_probe_begun_before_redis_died_is_counted_after(valkey: "Valkey", join: Join) -> None:
    """Its answer closes the breaker of this process."""
    breaker = join(open_for=0.001, threshold=1, redis_retry=60)
    call(breaker, CallOutcome.FAILURE_SERVICE)
    permit = eventually(lambda: breaker.acquire(CREATE, owner="probe"))
    assert permit.probe
    valkey.kill()
    assert breaker.record(permit, CallOutcome.SUCCESS).closed


def test_a_process_started_without_redis_works_alone(valkey: "Valkey", join: Join) -> None:
    """And obeys the orders that were written down."""
    valkey.kill()
    assert call(join())
    assert not call(join(overrides=lambda: [OperatorOverride(OverrideKind.OPEN, "op@example.com", "stop", None, 1)]))


def test_a_wiped_redis_is_told_what_this_process_remembers(redis_url: str, join: Join, events: list[Event]) -> None:
    """FLUSHALL in an outage does not send the fleet against the wall again."""
    breaker = join()
    for _ in range(5):
        call(breaker, CallOutcome.FAILURE_SERVICE)
    wipe(redis_url)
    assert not call(breaker)
    assert breaker.get_status().shared
    assert [event.remembered for event in events if isinstance(event, SharedStateBegun)] == [False, True]
    assert [change.reason for change in breaker.view.transitions()] == ["begun", "restored"]


def test_who_knows_more_corrects_who_was_first(redis_url: str, join: Join) -> None:
    """An idle process began again with what it knew: nothing. The one that saw the outage sets it right."""
    seer, idle = join(), join()
    assert call(idle)
    for _ in range(5):
        call(seer, CallOutcome.FAILURE_SERVICE)
    wipe(redis_url)
    assert call(idle)
    assert not call(seer)
    assert not call(idle)


@pytest.mark.parametrize("kind", [OverrideKind.OPEN, OverrideKind.BLOCK])
def test_an_order_outlives_a_wiped_redis_without_one_call_in_between(
    redis_url: str, join: Join, kind: OverrideKind
) -> None:
    """The first to notice reads the orders before anybody may call."""
    order = OperatorOverride(kind, "op@example.com", "stop", None, 3, "key")
    breaker = join(overrides=lambda: [order])
    assert not call(breaker)
    for _ in range(3):
        wipe(redis_url)
        assert not call(breaker)
        assert breaker.get_status().last_override == 3


def test_off_outlives_it_too(redis_url: str, join: Join) -> None:
    """Relief stays relief, in a process that remembers an outage."""
    orders: list[OperatorOverride] = []
    breaker = join(overrides=lambda: orders)
    for _ in range(5):
        call(breaker, CallOutcome.FAILURE_SERVICE)
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    orders.append(OperatorOverride(OverrideKind.OFF, "op@example.com", "false alarm", in_an_hour, 9))
    breaker.operators.apply(orders[0])
    wipe(redis_url)
    assert call(breaker)
    assert breaker.get_status().state is State.OFF


def test_an_order_that_nobody_keeps_is_remembered_by_the_processes(redis_url: str, join: Join) -> None:
    """Without a store of orders the last view has to do."""
    breaker = join()
    breaker.operators.force_open("op@example.com", "stop")
    wipe(redis_url)
    assert not call(breaker)
    assert breaker.get_status().state is State.FORCED_OPEN


def test_orders_that_cannot_be_read_begin_nothing(redis_url: str, join: Join, events: list[Event]) -> None:
    """Redis has forgotten and the database is gone: this process goes on by what it knows, Redis stays as it is."""

    def broken() -> list[OperatorOverride]:
        raise OSError("no database")

    breaker = join(overrides=broken)
    assert call(breaker)
    assert OverridesUnreadable in {type(event) for event in events}
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


def test_a_restarted_redis_that_kept_its_data_knows_the_state(valkey: "Valkey", join: Join, clock: list[float]) -> None:
    """The breaker is open, and its process does not have to tell."""
    breaker = join()
    for _ in range(5):
        call(breaker, CallOutcome.FAILURE_SERVICE)
    valkey.kill()
    valkey.restart()
    clock[0] += 1.1
    call(breaker)
    clock[0] += 1.1
    denial = breaker.acquire(CREATE, owner="x")
    assert not isinstance(denial, Permit)
    assert (denial.reason, breaker.get_status().shared) == (Reason.BREAKER_OPEN, True)


def test_an_answer_that_redis_never_gave_harms_nobody(valkey: "Valkey", join: Join, clock: list[float]) -> None:
    """Frozen for a while, it then does what was asked long ago; nothing stays shut for it."""
    breaker = join(patient=False)
    look(breaker, clock)
    valkey.pause()
    assert call(breaker)
    assert call(breaker, CallOutcome.FAILURE_SERVICE)
    valkey.resume()
    look(breaker, clock)
    assert call(breaker)
    assert breaker.get_status().state is State.CLOSED


def test_a_probe_that_a_thawed_redis_gave_nobody_comes_back(valkey: "Valkey", join: Join, clock: list[float]) -> None:
    """It was asked for while Redis was frozen, by somebody who has gone another way: the line is not shut for it."""
    breaker, other = join(patient=False, threshold=1, open_for=0.001), join(threshold=1, open_for=0.001)
    call(other, CallOutcome.FAILURE_SERVICE)
    look(breaker, clock)
    clock[0] += 1.1  # half-open by its own reckoning, too
    valkey.pause()
    assert not breaker.acquire(CREATE, owner="the first, while it was frozen")
    alone = breaker.acquire(CREATE, owner="while it was frozen")
    assert isinstance(alone, Permit)
    breaker.record(alone, CallOutcome.IGNORED)
    valkey.resume()
    clock[0] += 1.1
    breaker.get_status()
    look(breaker, clock)
    assert other.acquire(CREATE, owner="next")
