"""What the breaker of a process promises while Redis is gone. Times are ms; nothing waits."""

from datetime import UTC, datetime
from itertools import count

import pytest

from resilience.circuit_breaker.local.breaker import LocalBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.snapshot import BreakerSnapshot
from resilience.circuit_breaker.types import (
    CallOutcome,
    Change,
    Denied,
    OperatorOverride,
    OverrideKind,
    Permit,
    Reason,
    Recorded,
    State,
)
from resilience.circuit_breaker.wire import BreakerState, OutcomeReport, ScopeState

CREATE, LIST = "bookings.create", "bookings.list"
T0 = 1_800_000_000_000
GOOD, SERVICE, ENDPOINT = CallOutcome.SUCCESS, CallOutcome.FAILURE_SERVICE, CallOutcome.FAILURE_ENDPOINT
KEY = "ours"


class Process:
    """A process whose Redis is gone; `seen` is what it saw of it last. Moments are seconds since then."""

    def __init__(self, seen: BreakerState | None = None, **settings: float) -> None:
        snapshot = BreakerSnapshot(clock=lambda: 0.0, wall=lambda: 0.0)
        if seen is not None:
            snapshot.update(seen, CREATE, T0, KEY)
        limits = BreakerSettings(**{"rate_limit": 0, **settings}).limits  # type: ignore[arg-type]
        self.local = LocalBreaker(limits, snapshot, T0, KEY)
        self.changes: list[Change] = []
        self.owners = (f"o{number}" for number in count())

    def ask(
        self, at: float, endpoint: str = CREATE, *, probe_ok: bool = True, item: str = "", trial: bool = False
    ) -> Permit | Denied:
        """Ask for a call."""
        owner = next(self.owners)
        found, self.changes = self.local.acquire(
            endpoint, _ms(at), owner=owner, probe_ok=probe_ok, item=item, trial=trial
        )
        return found

    def send(self, at: float, endpoint: str = CREATE, **how: bool | str) -> Permit:
        """Ask for a call that may go."""
        permit = self.ask(at, endpoint, **how)  # type: ignore[arg-type]
        assert isinstance(permit, Permit), permit
        return permit

    def denied(self, at: float, endpoint: str = CREATE, **how: bool | str) -> Denied:
        """Ask for a call that may not go."""
        denial = self.ask(at, endpoint, **how)  # type: ignore[arg-type]
        assert isinstance(denial, Denied), denial
        return denial

    def report(self, permit: Permit, outcome: CallOutcome, at: float, retry_after: float = 0) -> Recorded:
        """Report a call."""
        report = OutcomeReport(
            outcome, permit.owner, permit.item, int(permit.trial), permit.service_epoch, permit.endpoint_epoch,
            granted_at=permit.granted_at, reason="timeout", retry_after=round(retry_after * 1000),
        )  # fmt: skip
        recorded, self.changes = self.local.record(permit.endpoint, _ms(at), report)
        return recorded

    def fail(self, *times: float, outcome: CallOutcome = SERVICE, endpoint: str = CREATE) -> None:
        """Make calls that fail."""
        for at in times:
            self.report(self.send(at, endpoint), outcome, at)

    def release(self, at: float, items: range = range(100)) -> list[str]:
        """Release what may go of a held line."""
        released, _ = self.local.release(CREATE, _ms(at), [str(item) for item in items])
        return list(released.items)

    def order(self, kind: OverrideKind, at: float, until: float | None = None, fingerprint: str = "") -> None:
        """Give an order."""
        ends = None if until is None else datetime.fromtimestamp(_ms(until) / 1000, tz=UTC)
        self.local.apply_overrides([OperatorOverride(kind, "op@example.com", "why", ends, 0, fingerprint)], _ms(at))


def _ms(at: float) -> int:
    return T0 + round(at * 1000)


def seen(*, service: State = State.CLOSED, ends: float = 0, blocked: bool = False, wrong: bool = False) -> BreakerState:
    """Describe what a process saw of the shared breaker."""
    scope = ScopeState(service, T0 - 5000, _ms(ends) if ends else 0, 1)
    return BreakerState(T0 - 9000, "", blocked, wrong, scope, ScopeState(State.CLOSED, T0 - 9000, 0, 0), ())


def outage(**settings: float) -> Process:
    """Open the service's breaker at second 0, for 30 s."""
    process = Process(**settings)
    process.fail(0, 0, 0, 0, 0)
    return process


# -- When it opens


def test_five_failures_in_a_row_within_a_minute_open_it() -> None:
    """Four do not; the first may be a minute old."""
    process = Process()
    process.fail(0, 10, 20, 30)
    process.fail(60)
    assert process.denied(60).reason is Reason.BREAKER_OPEN


def test_a_failure_older_than_a_minute_counts_no_more() -> None:
    """The four others and a new one do."""
    process = Process()
    process.fail(0, 10, 20, 30, 60.001)
    process.fail(60.002)
    process.denied(60.003)


def test_a_success_starts_the_count_anew() -> None:
    """A bad day is no outage."""
    process = Process()
    for at in range(9):
        process.fail(at, at, at, at)
        process.report(process.send(at), GOOD, at)
    process.send(9)


def test_a_threshold_above_a_thousand_never_trips() -> None:
    """It only counts."""
    process = Process(threshold=1001)
    process.fail(*(0,) * 1200)
    process.send(1)


def test_what_says_nothing_of_the_service_counts_as_nothing() -> None:
    """Neither for it nor against it."""
    process = Process()
    process.fail(0, 0, 0, 0)
    process.report(process.send(0), CallOutcome.IGNORED, 0)
    process.fail(0)
    process.denied(1)


def test_an_endpoint_that_fails_shuts_itself_alone() -> None:
    """The service lives."""
    process = Process()
    process.fail(0, 0, 0, 0, 0, outcome=ENDPOINT)
    denial = process.denied(1)
    assert (denial.state, denial.endpoint_state) == (State.CLOSED, State.OPEN)
    process.send(1, LIST)


def test_healthy_reads_do_not_hide_a_dead_post() -> None:
    """Each read shows that the service lives, and none that POST does."""
    process = Process()
    for at in range(5):
        process.fail(at)
        process.report(process.send(at, LIST), GOOD, at)
    assert process.denied(5).endpoint_state is State.OPEN


def test_when_both_would_open_only_the_service_does() -> None:
    """And the endpoint begins again."""
    process = outage()
    assert process.denied(1).endpoint_state is State.CLOSED
    process.report(process.send(30), GOOD, 31)
    process.fail(31, 31, 31, 31)
    process.send(31)


def test_open_lasts_as_long_as_retry_after_asks_up_to_the_cap() -> None:
    """At least our own time."""
    process = Process(threshold=1)
    process.report(process.send(0), SERVICE, 0, retry_after=120)
    assert process.denied(0).retry_after == 120
    process.report(process.send(120), SERVICE, 120, retry_after=9999)
    assert process.denied(120).retry_after == 600


def test_a_success_between_failures_makes_open_a_tenth_of_its_length() -> None:
    """A part of the service works, and a probe tells soon; a success that is older than OPEN says nothing."""
    process = Process()
    process.fail(0)
    process.report(process.send(1), GOOD, 1)
    process.fail(*(2 for _ in range(5)))
    assert process.denied(2).retry_after == 3
    process.fail(5)
    assert process.denied(5).retry_after == 3
    process.fail(8, 11, 14, 17, 20, 23, 26, 29)
    process.fail(32)
    assert process.denied(32).retry_after == 30


# -- Half-open


def test_after_thirty_seconds_one_call_goes_at_a_time() -> None:
    """Also of another endpoint."""
    process = outage()
    assert process.denied(29.999).retry_after == pytest.approx(0.001)
    assert process.send(30).probe
    process.denied(30)
    process.denied(30, LIST)


def test_a_look_is_never_the_probe() -> None:
    """That reading works does not say that booking does."""
    process = outage()
    process.denied(30, probe_ok=False)
    process.send(30)


def test_a_probe_that_succeeds_closes_it_and_one_that_fails_opens_it() -> None:
    """For another OPEN."""
    process = outage()
    assert process.report(process.send(30), SERVICE, 31).opened
    process.denied(60.999)
    assert process.report(process.send(61), GOOD, 62).closed
    process.send(62)
    process.send(62)


def test_a_probe_that_says_nothing_gives_the_place_back() -> None:
    """The next may go at once."""
    process = outage()
    process.report(process.send(30), CallOutcome.IGNORED, 30)
    process.send(30)


def test_a_probe_that_is_never_reported_frees_the_place_with_its_lease() -> None:
    """And decides nothing any more, however it ended."""
    process = outage(permit_lease=50)
    lost = process.send(30)
    process.denied(79.999)
    process.send(80)
    assert process.report(lost, GOOD, 81).state is State.HALF_OPEN


def test_an_endpoints_probe_that_meets_a_dead_service_gives_its_place_back_when_that_opens() -> None:
    """Both were half-open: only the service opens again, and the endpoint waits for the next probe."""
    process = Process(threshold=1)
    process.fail(0, outcome=ENDPOINT)
    process.fail(0, endpoint=LIST)
    recorded = process.report(process.send(30), SERVICE, 31)
    assert (recorded.state, recorded.endpoint_state) == (State.OPEN, State.HALF_OPEN)
    assert process.send(61).probe


def test_a_probe_that_redis_let_go_decides_here() -> None:
    """Redis went while it was on its way."""
    process = Process(seen(service=State.HALF_OPEN))
    probe = Permit(CREATE, "theirs", "", T0 - 5000, T0 - 9000, 0, T0, State.HALF_OPEN, probe=True)
    assert process.report(probe, GOOD, 1).closed


def test_the_first_to_ask_whether_it_is_open_has_the_place() -> None:
    """As the sign-off uses it; a report without a permit gives the place back."""
    process = outage()
    assert [process.local.is_open(CREATE, _ms(30))[0] for _ in range(3)] == [False, True, True]
    process.local.record(CREATE, _ms(31), OutcomeReport(GOOD))
    assert [process.local.is_open(CREATE, _ms(31))[0] for _ in range(3)] == [False, False, False]


# -- What was seen of the shared breaker, and what operators order


def test_what_is_open_in_redis_stays_open() -> None:
    """Until it would have ended there."""
    process = Process(seen(service=State.OPEN, ends=10))
    process.denied(9.999)
    assert process.send(10).probe


def test_what_a_clock_that_was_set_back_has_left_ends_with_the_longest_open() -> None:
    """This process saw the breaker open before Redis's clock was set back by an hour."""
    process = Process(seen(service=State.OPEN, ends=3600), open_max=600)
    process.denied(599.999)
    assert process.send(600).probe


def test_a_call_begun_before_a_change_changes_nothing_after_it() -> None:
    """Neither a late success nor a late failure."""
    process = Process()
    early, late = process.send(0), process.send(0)
    process.fail(0, 0, 0, 0, 0)
    process.denied(29)
    assert process.report(early, GOOD, 30).state is State.HALF_OPEN
    process.report(process.send(30), GOOD, 30)
    assert not [process.report(late, SERVICE, 31).opened for _ in range(5)].count(True)


def test_operators_are_obeyed() -> None:
    """Shut until a moment, then one probe; off until a moment; auto ends either; reset closes everything."""
    process = Process()
    process.order(OverrideKind.OPEN, 0, until=100)
    assert process.denied(99).state is State.FORCED_OPEN
    assert process.send(100).probe
    process.order(OverrideKind.OPEN, 100)
    assert process.denied(9999).retry_after is None
    process.order(OverrideKind.AUTO, 9999)
    assert process.send(9999).probe
    process.order(OverrideKind.OFF, 9999, until=10_020)
    process.fail(*(10_000,) * 20)
    assert process.send(10_020, LIST).state is State.CLOSED
    assert process.denied(10_020).endpoint_state is State.OPEN
    process.order(OverrideKind.RESET, 10_020)
    process.fail(10_021, 10_021, 10_021, 10_021)
    process.send(10_022)


# -- A refused key, something else that answers


@pytest.mark.parametrize(
    ("shown", "reason"),
    [(seen(blocked=True), Reason.CREDENTIALS), (seen(wrong=True), Reason.CONFIGURATION)],
    ids=["a refused key", "wrong settings"],
)
def test_what_is_blocked_in_redis_lets_one_call_go_a_minute_here(shown: BreakerState, reason: Reason) -> None:
    """Nobody can be told here that it is lifted: a call finds out, and its success lifts it."""
    process = Process(shown, trial_every=60)
    assert (process.denied(59.999).reason, process.denied(59.999).retry_after) == (reason, pytest.approx(0.001))
    process.report(process.send(60), ENDPOINT, 61)
    assert process.denied(119.999).reason is reason
    process.report(process.send(120), GOOD, 121)
    process.send(121)
    process.send(121)


def test_the_call_that_is_to_find_out_goes_at_once_and_once_a_minute() -> None:
    """It is let through a block."""
    process = Process(seen(wrong=True), trial_every=60)
    trial = process.send(0, LIST, trial=True)
    assert process.denied(59.999, LIST, trial=True).reason is Reason.CONFIGURATION
    process.report(trial, CallOutcome.CONFIGURATION, 1)
    assert process.denied(60.999).reason is Reason.CONFIGURATION
    process.report(process.send(60, LIST, trial=True), GOOD, 60.5)
    process.send(60.5)


def test_a_refused_key_is_blocked_here() -> None:
    """And what was on its way with it lifts nothing."""
    process = Process(trial_every=60)
    early = process.send(0)
    process.report(process.send(0), CallOutcome.CREDENTIALS, 1)
    process.report(early, GOOD, 2)
    assert process.denied(2).reason is Reason.CREDENTIALS


def test_an_order_blocks_the_key_it_names() -> None:
    """Another process's key is no business of this one."""
    process = Process()
    process.order(OverrideKind.BLOCK, 0, fingerprint="theirs")
    process.send(0)
    process.order(OverrideKind.BLOCK, 0, fingerprint=KEY)
    assert process.denied(0).reason is Reason.CREDENTIALS
    process.order(OverrideKind.RESET, 1)
    process.send(1)


# -- The limit


def test_calls_go_at_an_even_pace() -> None:
    """What is a burst of three in a fleet is none here, however long nothing went."""
    process = Process(rate_limit=62, rate_burst=3)
    for at in (100, 101, 102):
        process.send(at)
        denial = process.denied(at + 0.999)
        assert (denial.reason, denial.retry_after) == (Reason.THROTTLED, pytest.approx(0.001))


def test_without_a_limit_so_many_are_in_flight_as_are_released() -> None:
    """A report, or the end of a lease, makes room for the next."""
    process = Process(release_max=3, permit_lease=50)
    first, *_ = [process.send(0) for _ in range(3)]
    assert process.denied(1).reason is Reason.THROTTLED
    process.report(first, GOOD, 1)
    process.send(1)
    process.denied(49.999)
    process.send(50)
    process.send(50)
    process.denied(50)


def test_a_second_of_the_limit_is_released_a_second() -> None:
    """However long the line was not asked for; where it is no whole number, rounded up."""
    process, quicker = (Process(rate_limit=limit, rate_burst=1) for limit in (60, 90))
    assert [len(process.release(at)) for at in (0, 1, 2, 60, 61)] == [1] * 5
    assert [len(quicker.release(at)) for at in (0, 1, 2, 3, 4)] == [2, 1, 2, 1, 2]


def test_without_a_limit_so_many_are_released_a_second() -> None:
    """And none of them twice."""
    process = Process(release_max=3)
    assert process.release(0) == ["0", "1", "2"]
    assert process.release(0.999) == []
    assert process.release(1, range(3, 9)) == ["3", "4", "5"]


def test_what_others_have_left_bounds_what_is_released() -> None:
    """By the record of all processes, for one account and then for the next."""
    items, process = [str(item) for item in range(9)], Process(release_max=8)
    first, _ = process.local.release(CREATE, T0, items[:2], None, 3)
    then, _ = process.local.release(CREATE, T0, items[2:], None, first.places)
    none, _ = process.local.release(CREATE, T0 + 1000, items, None, then.places)
    assert [(one.items, one.places) for one in (first, then, none)] == [(("0", "1"), 1), (("2",), 0), ((), 0)]
    assert none.reason is Reason.IN_FLIGHT


def test_an_item_is_not_released_twice() -> None:
    """Two threads picked the same."""
    process = Process(release_max=3)
    assert process.release(0, range(2)) == ["0", "1"]
    assert process.release(0) == ["2"]


def test_what_is_released_is_paced_once() -> None:
    """Its own call goes at once, also in another process than the one that released it."""
    process = Process(rate_limit=60, rate_burst=1)
    process.send(0)
    assert process.send(0, item="7").released_at


def test_nothing_is_released_while_nothing_may_go() -> None:
    """One in half-open, and none while it is open."""
    process = outage()
    assert process.local.release(CREATE, _ms(29), ["1"])[0].reason is Reason.BREAKER_OPEN
    assert process.release(30) == ["0"]
    assert process.release(30, range(1, 9)) == []


@pytest.mark.parametrize(("asked", "waits"), [(0, 1), (7, 7), (60, 60), (100_000, 60)])
def test_a_429_lets_nothing_go_for_as_long_as_it_says(asked: float, waits: float) -> None:
    """For a second at least, a minute at most."""
    process = Process()
    process.report(process.send(0), CallOutcome.THROTTLED, 0, retry_after=asked)
    denial = process.denied(waits - 0.001)
    assert denial.reason is Reason.THROTTLED
    assert process.local.release(CREATE, _ms(waits - 0.001), ["1"])[0].reason is Reason.THROTTLED
    process.send(waits)


def test_after_a_429_that_asks_for_a_day_one_call_a_minute_finds_out() -> None:
    """The harmless call does not go sooner either; what is answered well ends it, what is not keeps it."""
    process = Process()
    process.report(process.send(0), CallOutcome.THROTTLED, 0, retry_after=86_400)
    assert process.denied(59.999, LIST, trial=True).reason is Reason.THROTTLED
    process.report(process.send(60), CallOutcome.THROTTLED, 61, retry_after=86_400)
    assert process.denied(120.999).reason is Reason.THROTTLED
    trial = process.send(121)
    assert process.denied(121).reason is Reason.THROTTLED
    process.report(trial, GOOD, 122)
    process.send(122)
    process.send(122)


@pytest.mark.parametrize("kind", [OverrideKind.RESET, OverrideKind.OFF])
@pytest.mark.parametrize("asked", [30, 86_400])
def test_an_operator_ends_what_a_429_asked_for(kind: OverrideKind, asked: float) -> None:
    """He may know that Cal.com is well."""
    process = Process()
    process.report(process.send(0), CallOutcome.THROTTLED, 0, retry_after=asked)
    process.order(kind, 1)
    process.send(1)


def test_a_step_returns_its_changes() -> None:
    """A listener is given each once."""
    process = Process(threshold=1)
    process.fail(0)
    assert [(change.endpoint, change.new) for change in process.changes] == [(None, State.OPEN)]
    process.send(30)
    assert [(change.endpoint, change.new) for change in process.changes] == [(None, State.HALF_OPEN)]
