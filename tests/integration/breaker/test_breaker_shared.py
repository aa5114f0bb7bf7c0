"""One breaker for many processes, on a real Valkey."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.events import BreakerChanged, Event, KeyBlocked, SettingsDiffer, SharedStateBegun
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, QuotaHeaders, Reason, State
from resilience.shared_state.client import make_redis

CREATE, LIST = "bookings.create", "bookings.list"
T0 = 1_800_000_000.0


class Fleet:
    """Breakers of several processes; `events` is what all of them emitted."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.events: list[Event] = []
        self.members: list[CircuitBreaker] = []

    def join(self, *, key: str = "key", **changes: object) -> CircuitBreaker:
        """Start one more."""
        settings = BreakerSettings(**{"rate_limit": 0, **changes})  # type: ignore[arg-type]
        client = make_redis(self.url, timeout=30, connect_timeout=30)
        member = CircuitBreaker("calcom", redis=client, settings=settings, key=key, emit=self.events.append)
        self.members.append(member)
        return member

    def events_of(self, kind: type[Event]) -> list[Event]:
        """Give what was events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def fleet(redis_url: str) -> Fleet:
    """Nobody yet."""
    return Fleet(redis_url)


def fail(breaker: CircuitBreaker, times: int, at: float = 0) -> None:
    """Make calls that fail."""
    for number in range(times):
        permit = breaker.acquire(CREATE, owner=f"{id(breaker)}:{at}:{number}", now=T0 + at)
        assert isinstance(permit, Permit)
        breaker.record(permit, CallOutcome.FAILURE_SERVICE, reason="timeout", now=T0 + at, context={"worker": "w1"})


def test_failures_of_all_processes_count_together(fleet: Fleet) -> None:
    """Five workers see one failure each: that is an outage."""
    members = [fleet.join() for _ in range(5)]
    for member in members:
        fail(member, 1)
    assert [member.is_open(now=T0 + 1) for member in members] == [True] * 5


def test_of_eight_processes_one_probes(fleet: Fleet) -> None:
    """All ask in the same moment; the others are told to wait."""
    members = [fleet.join() for _ in range(8)]
    fail(members[0], 5)
    gate = threading.Barrier(8)

    def ask(number: int) -> Permit | Denied:
        gate.wait(timeout=60)
        return members[number].acquire(CREATE, owner=f"probe{number}", now=T0 + 30)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert sum(isinstance(answer, Permit) for answer in answers) == 1


def test_sixty_four_failures_at_once_open_it_once(fleet: Fleet) -> None:
    """One change, one event, whichever process was first."""
    member = fleet.join()
    permits = [member.acquire(CREATE, owner=f"o{number}") for number in range(64)]
    with ThreadPoolExecutor(16) as pool:
        recorded = list(
            pool.map(lambda permit: member.record(permit, CallOutcome.FAILURE_SERVICE, reason="timeout"), permits)
        )
    assert sum(one.opened for one in recorded) == 1
    assert [change.reason for change in member.view.transitions()] == ["begun", "timeout"]


def test_a_change_is_in_the_stream_with_its_reason_count_and_context(fleet: Fleet) -> None:
    """Written in the same step as the change itself, so no kill can lose it."""
    member = fleet.join()
    fail(member, 5)
    _, opened = member.view.transitions()
    assert (opened.old, opened.new, opened.reason, opened.failures) == (State.CLOSED, State.OPEN, "timeout", 5)
    assert (opened.context, opened.endpoint, opened.at.timestamp()) == ({"worker": "w1"}, None, T0)
    member.reset("op@example.com", "fixed")
    # By Redis's clock, which tells half-open first once that time has come.
    (reset,) = [change for change in member.view.transitions(after_id=opened.id) if change.reason == "reset"]
    assert (reset.by, reset.why, reset.epoch > opened.epoch) == ("op@example.com", "fixed", True)


def test_the_stream_is_capped(fleet: Fleet) -> None:
    """A breaker that flaps for a year costs no more memory than one that flaps for a day."""
    member = fleet.join()
    for _ in range(1300):
        member.reset("op@example.com", "again")
    assert 1000 <= len(member.view.transitions(count=5000)) <= 1100


def test_who_changes_the_state_says_so_at_once(fleet: Fleet) -> None:
    """Only the process that did it, once."""
    first, second = fleet.join(), fleet.join()
    fail(first, 5)
    assert not second.acquire(CREATE, owner="x", now=T0 + 1)
    (event,) = fleet.events_of(BreakerChanged)
    assert isinstance(event, BreakerChanged)
    assert (event.change.new, event.change.reason, event.shared) == (State.OPEN, "timeout", True)


def test_clients_with_other_settings_are_told_of_each_other_once(fleet: Fleet) -> None:
    """A worker that was forgotten in a deploy shows in the log, and does not fill it."""
    old, new = fleet.join(), fleet.join(threshold=7)
    for number in range(3):
        old.acquire(CREATE, owner=f"o{number}")
        new.acquire(CREATE, owner=f"n{number}")
    assert len(fleet.events_of(SettingsDiffer)) == 2
    assert '"threshold":7' in str(fleet.events_of(SettingsDiffer))


def test_used_without_permits_half_open_lets_the_first_to_ask_through(fleet: Fleet) -> None:
    """The others are told that it is open, until a report without a permit gives the place back, or its lease ends."""
    first, second = fleet.join(permit_lease=50), fleet.join(permit_lease=50)
    fail(first, 5)
    assert [member.is_open(now=T0 + 30) for member in (first, second, first)] == [False, True, True]
    assert [member.is_open(now=T0 + 80) for member in (second, first)] == [False, True]
    second.record_failure("timeout", now=T0 + 81)
    assert first.is_open(now=T0 + 110.9)
    assert not first.is_open(now=T0 + 111)
    first.record_success(now=T0 + 112)
    assert [member.is_open(now=T0 + 112) for member in (first, second)] == [False, False]


def test_who_reads_the_status_takes_no_place(fleet: Fleet) -> None:
    """Pages, commands and those who enqueue look as often as they like; the probe goes to a call."""
    member = fleet.join()
    fail(member, 5)
    assert {member.get_status(now=T0 + 30).state for _ in range(100)} == {State.HALF_OPEN}
    assert member.acquire(CREATE, owner="probe", now=T0 + 30)


def test_a_refused_key_is_blocked_for_all_who_use_it_and_nobody_else(fleet: Fleet) -> None:
    """No call after the first 401; a process with the new key goes on."""
    first, second, other = fleet.join(key="old"), fleet.join(key="old"), fleet.join(key="new")
    permits = [member.acquire(CREATE, owner=str(number)) for number, member in enumerate(fleet.members)]
    assert isinstance(permits[0], Permit)
    first.record(permits[0], CallOutcome.CREDENTIALS, reason="credentials")
    denial = second.acquire(CREATE, owner="again")
    assert isinstance(denial, Denied)
    assert denial.reason is Reason.CREDENTIALS
    assert other.acquire(CREATE, owner="other")
    assert fleet.events_of(KeyBlocked) == [KeyBlocked("calcom", "old", shared=True)]
    second.reset("op@example.com", "renewed")
    assert first.acquire(CREATE, owner="renewed")


def test_script_flush_is_not_noticed(fleet: Fleet) -> None:
    """EVALSHA of a forgotten script loads it again."""
    member = fleet.join()
    permit = member.acquire(CREATE, owner="a")
    for again in ("b", "c"):
        with redis.Redis.from_url(fleet.url) as client:
            client.script_flush()
        assert isinstance(permit, Permit)
        member.record(permit, CallOutcome.SUCCESS)
        permit = member.acquire(CREATE, owner=again)
    assert [type(event) for event in fleet.events] == [SharedStateBegun]


def test_an_order_reaches_the_whole_fleet_at_its_next_call(fleet: Fleet) -> None:
    """Whatever it was granted before."""
    worker, operator = fleet.join(), fleet.join()
    for number in range(3):
        assert worker.acquire(CREATE, owner=f"o{number}")
    operator.operators.force_open("op@example.com", "stop")
    assert not worker.acquire(CREATE, owner="after")


def test_a_failure_is_known_to_whoever_asks_next(fleet: Fleet) -> None:
    """Whichever process it was."""
    member, reader = fleet.join(), fleet.join()
    fail(member, 5)
    assert reader.is_open(now=T0 + 1)


def test_each_call_is_counted_at_once(fleet: Fleet) -> None:
    """With its report, whichever process made it."""
    member, reader = fleet.join(), fleet.join()
    for number in range(3):
        permit = member.acquire(CREATE, owner=str(number))
        assert isinstance(permit, Permit)
        member.record(permit, CallOutcome.SUCCESS, elapsed=0.1, quota_headers=QuotaHeaders(120, 100, 30))
    seen = reader.calls.recent_calls()
    assert (seen.calls, seen.failures, seen.average_ms, seen.longest_ms) == (3, 0, 100, 100)


def test_no_key_lives_outside_the_hash_tag_and_none_expires(fleet: Fleet) -> None:
    """A cluster keeps them in one place; no state vanishes by itself."""
    member = fleet.join(rate_limit=100)
    member.held_work.release(CREATE, [1, 2])
    fail(member, 5)
    with redis.Redis.from_url(fleet.url) as client:
        keys = client.keys()
        assert keys
        assert all(key.startswith(b"{calcom}:") and client.ttl(key) == -1 for key in keys)


def test_memory_does_not_grow_with_the_number_of_calls(fleet: Fleet) -> None:
    """Constant memory: rings, buckets and a capped stream."""
    member = fleet.join(threshold=1001, count_window=1)

    def used() -> int:
        with redis.Redis.from_url(fleet.url) as client:
            keys = client.keys()
            return sum(int(client.memory_usage(key, samples=0) or 0) for key in keys)

    def calls(since: int, number: int) -> None:
        for at in range(since, since + number):
            permit = member.acquire(CREATE, owner=f"o{at}", now=T0 + at)
            assert isinstance(permit, Permit)
            member.record(permit, (CallOutcome.SUCCESS, CallOutcome.FAILURE_ENDPOINT)[at % 2], now=T0 + at)

    calls(0, 1500)  # every window of a full round
    before = used()
    calls(1500, 3000)
    assert used() <= before * 1.05
