"""When the breaker opens, probes and closes; by the rules of this process, which the model test holds to the Lua."""

import random
from datetime import UTC, datetime

import pytest

from resilience.circuit_breaker.types import CallOutcome, Permit, Reason, State
from tests.support.breakers import CREATE, ENDPOINT, LIST, SERVICE, T0, Make, ask, denied, fail, trip


def test_five_failures_within_a_minute_open_it(make: Make) -> None:
    """The fifth one opens it; four never do."""
    breaker = make()
    fail(breaker, 0, 10, 20, 59.998)
    assert not breaker.is_open(now=T0 + 59.998)
    fail(breaker, 59.999)
    assert denied(breaker, 60).reason is Reason.BREAKER_OPEN


def test_a_failure_a_whole_window_old_counts_no_more(make: Make) -> None:
    """Of five failures the first is a millisecond too old: they are four."""
    breaker = make()
    fail(breaker, 0, 15, 30, 45, 60.001, 75.001)
    assert ask(breaker, 75.001)
    fail(breaker, 90)
    denied(breaker, 91)


def test_a_success_starts_the_count_anew(make: Make) -> None:
    """A bad day of a few percent is no outage: only failures in a row are one."""
    breaker = make()
    for at in range(5):
        fail(breaker, at, at, at, at)
        breaker.record(ask(breaker, at), CallOutcome.SUCCESS, now=T0 + at)
    fail(breaker, 5, 5, 5, 5)
    assert ask(breaker, 5)


def test_a_threshold_above_a_thousand_never_trips(make: Make) -> None:
    """It only counts."""
    breaker = make(threshold=1001)
    fail(breaker, *(0 for _ in range(1500)))
    assert ask(breaker, 1)


def test_open_lasts_thirty_seconds_then_one_probe_goes(make: Make) -> None:
    """Nothing before, one at a time after."""
    breaker = trip(make())
    assert denied(breaker, 29.999).retry_after == pytest.approx(0.001)
    probe = ask(breaker, 30, "first")
    assert probe.probe
    assert probe.state is State.HALF_OPEN
    assert denied(breaker, 30).state is State.HALF_OPEN


def test_a_probe_that_succeeds_closes_it(make: Make) -> None:
    """All may go again."""
    breaker = trip(make())
    recorded = breaker.record(ask(breaker, 30), CallOutcome.SUCCESS, now=T0 + 31)
    assert recorded.closed
    assert [ask(breaker, 31).probe, ask(breaker, 31).probe] == [False, False]


def test_a_probe_that_fails_opens_it_again(make: Make) -> None:
    """One failure is enough, and OPEN begins again."""
    breaker = trip(make())
    recorded = breaker.record(ask(breaker, 30), SERVICE, reason="http_503", now=T0 + 31)
    assert recorded.opened
    denied(breaker, 60.999)
    assert ask(breaker, 61).probe


def test_a_probe_that_says_nothing_frees_the_place(make: Make) -> None:
    """Nothing was sent, or the answer tells nothing: the next may try at once."""
    breaker = trip(make())
    breaker.record(ask(breaker, 30), CallOutcome.IGNORED, now=T0 + 30)
    assert ask(breaker, 30.001, "second").probe


def test_a_prober_that_dies_frees_the_place_when_its_lease_ends(make: Make) -> None:
    """A worker killed with the probe in its hands keeps the line shut for the lease, not for ever."""
    breaker = trip(make(permit_lease=50))
    ask(breaker, 30, "killed")
    denied(breaker, 79.999)
    assert ask(breaker, 80, "next").probe


def test_a_prober_that_was_given_up_decides_nothing(make: Make) -> None:
    """Its late answer must not close what another is probing now."""
    breaker = trip(make(permit_lease=50))
    late = ask(breaker, 30, "slow")
    current = ask(breaker, 80, "next")
    assert breaker.record(late, CallOutcome.SUCCESS, now=T0 + 81).state is State.HALF_OPEN
    assert breaker.record(current, SERVICE, now=T0 + 82).opened


@pytest.mark.parametrize("owner", ["", "another"])
def test_a_place_is_given_back_by_its_holder_alone(make: Make, owner: str) -> None:
    """What came to nothing elsewhere frees nobody's place: one probe is in flight, not two."""
    breaker = trip(make())
    ask(breaker, 30, "probe")
    nothing = Permit(CREATE, owner, "", 0, 0, 0, 0, State.HALF_OPEN)
    breaker.record(nothing, CallOutcome.IGNORED, now=T0 + 30)
    denied(breaker, 31)


def test_a_look_is_never_a_probe(make: Make) -> None:
    """That reading works does not say that booking does."""
    breaker = trip(make())
    assert denied(breaker, 31, LIST, probe_ok=False).retry_after == 1
    assert ask(breaker, 31).probe


@pytest.mark.parametrize("outcome", [CallOutcome.SUCCESS, SERVICE])
def test_a_call_begun_before_a_change_changes_nothing_after_it(make: Make, outcome: CallOutcome) -> None:
    """An answer that was 40 s on its way is about another time."""
    breaker = make()
    old = ask(breaker, 0)
    fail(breaker, 0, 0, 0, 0, 0)
    probe = ask(breaker, 30, "probe")
    assert breaker.record(old, outcome, now=T0 + 31).state is State.HALF_OPEN
    assert breaker.record(probe, CallOutcome.SUCCESS, now=T0 + 32).closed
    assert [breaker.record(old, SERVICE, now=T0 + 33).opened for _ in range(9)] == [False] * 9


def test_open_grows_when_probes_keep_failing_and_is_capped(make: Make) -> None:
    """30, 60, 100, 100 seconds; and 30 again after a success."""
    breaker, at, lengths = trip(make(open_growth=2, open_max=100)), 0.0, []
    for _ in range(4):
        wait = denied(breaker, at).retry_after or 0
        lengths.append(wait)
        at += wait
        breaker.record(ask(breaker, at), SERVICE, now=T0 + at)
    assert lengths == [30, 60, 100, 100]
    at += 100
    breaker.record(ask(breaker, at), CallOutcome.SUCCESS, now=T0 + at)
    fail(breaker, *(at for _ in range(5)))
    assert denied(breaker, at).retry_after == 30


@pytest.mark.parametrize(("asked", "waits"), [(10, 30), (120, 120), (9999, 600)])
def test_open_lasts_as_long_as_retry_after_asks(make: Make, asked: float, waits: float) -> None:
    """At least our own time, at most the cap."""
    breaker = make(threshold=1)
    breaker.record(ask(breaker, 0), SERVICE, retry_after=asked, now=T0)
    assert denied(breaker, 0).retry_after == waits


def test_jitter_makes_open_longer_by_its_share_at_most(make: Make) -> None:
    """Of ten fleets not all come back in the same second; chance is an argument."""
    breaker = make(threshold=1, open_jitter=0.5, rng=random.Random(7))  # noqa: S311 - a known one
    breaker.record(ask(breaker, 0), SERVICE, now=T0)
    expected = 30 * (1 + 0.5 * random.Random(7).random())  # noqa: S311 - the same one
    assert denied(breaker, 0).retry_after == pytest.approx(expected, abs=0.001)


def test_an_endpoint_that_fails_shuts_itself_and_nothing_else(make: Make) -> None:
    """A 500 is about what was asked; the service lives."""
    breaker = make()
    fail(breaker, 0, 0, 0, 0, 0, outcome=ENDPOINT)
    denial = denied(breaker, 1)
    assert (denial.state, denial.endpoint_state) == (State.CLOSED, State.OPEN)
    assert ask(breaker, 1, endpoint=LIST)


def test_healthy_reads_do_not_hide_a_dead_post(make: Make) -> None:
    """What says that the service is gone counts for its endpoint, too; each read shows that the service lives."""
    breaker = make()
    for at in range(5):
        fail(breaker, at)
        breaker.record(ask(breaker, at, endpoint=LIST), CallOutcome.SUCCESS, now=T0 + at)
    denial = denied(breaker, 5)
    assert (denial.state, denial.endpoint_state) == (State.CLOSED, State.OPEN)


def test_calls_in_flight_when_their_endpoint_opened_do_not_open_the_service(make: Make) -> None:
    """POST is dead and reads are well: the looks of those whose POSTs still time out must go."""
    breaker = make()
    flying = [ask(breaker, 0, f"post{number}") for number in range(16)]
    breaker.record(ask(breaker, 0, endpoint=LIST), CallOutcome.SUCCESS, now=T0)
    fail(breaker, 1, 1)
    breaker.record(ask(breaker, 2, endpoint=LIST), CallOutcome.SUCCESS, now=T0 + 2)
    states = [breaker.record(permit, SERVICE, reason="timeout", now=T0 + 3) for permit in flying]
    assert (states[-1].endpoint_state, states[-1].state) == (State.OPEN, State.CLOSED)
    assert ask(breaker, 3, endpoint=LIST)


def test_when_both_would_open_only_the_service_does(make: Make) -> None:
    """And its endpoint begins again: one probe that comes through ends it."""
    breaker = trip(make())
    denial = denied(breaker, 1)
    assert (denial.state, denial.endpoint_state) == (State.OPEN, State.CLOSED)
    breaker.record(ask(breaker, 30), CallOutcome.SUCCESS, now=T0 + 31)
    fail(breaker, 31, 31, 31, 31)
    assert ask(breaker, 31)


def test_a_time_out_of_an_endpoints_probe_opens_it_again(make: Make) -> None:
    """The service lives, as reads show; the next probe must not go at once."""
    breaker = make()
    fail(breaker, 0, 0, 0, 0, 0, outcome=ENDPOINT)
    breaker.record(ask(breaker, 30), SERVICE, reason="timeout", now=T0 + 31)
    assert denied(breaker, 60.999).endpoint_state is State.OPEN
    assert ask(breaker, 61).probe


def test_a_probe_that_the_service_answers_with_500_closes_the_service(make: Make) -> None:
    """One poisonous booking does not keep the line shut: somebody answered."""
    breaker = trip(make())
    recorded = breaker.record(ask(breaker, 30), ENDPOINT, reason="http_500", now=T0 + 31)
    assert recorded.closed
    assert recorded.endpoint_state is State.CLOSED


def test_reports_without_a_permit_speak_of_now(make: Make) -> None:
    """As operators know it: five `record_failure` open it, one `record_success` closes it."""
    breaker = make()
    for _ in range(5):
        breaker.record_failure("http_503", now=T0)
    denied(breaker, 1)
    assert breaker.record_success(now=T0 + 29).state is State.OPEN
    assert breaker.record_success(now=T0 + 30).closed


def test_an_open_whose_time_is_over_shows_as_half_open(make: Make) -> None:
    """Nobody asked: it waits for traffic and says so."""
    breaker = trip(make())
    status = breaker.get_status(now=T0 + 31)
    assert (status.state, status.breaker.probing, status.breaker.opens) == (State.HALF_OPEN, False, 1)
    assert breaker.get_status(now=T0 + 29).as_dict()["breaker"]["retry_after"] == 1
    assert status.breaker.since == (T0 + 30) * 1000
    assert breaker.get_status(now=T0 + 29).breaker.since == status.breaker.epoch


def test_the_calls_of_the_last_minutes_are_counted(make: Make) -> None:
    """Calls, failures and times, for a human and the failure detector."""
    breaker = make()
    breaker.record(ask(breaker, 0), CallOutcome.SUCCESS, elapsed=0.3, now=T0)
    breaker.record(ask(breaker, 50), SERVICE, reason="timeout", elapsed=30, now=T0 + 50)
    seen = breaker.calls.recent_calls(now=T0 + 109)
    assert (seen.calls, seen.failures, seen.recent, seen.average_ms, seen.longest_ms) == (2, 1, 1, 15150, 30000)
    assert breaker.calls.recent_calls(now=T0 + 110).recent == 0
    assert breaker.calls.recent_calls(now=T0 + 300).calls == 1


def test_the_newest_call_and_each_endpoint_are_told(make: Make) -> None:
    """In one look; of calls in the same second, their mean."""
    breaker = make()
    for endpoint, elapsed, at in (("slots", 9, 0), ("slots", 0.3, 50.2), ("bookings.list", 0.5, 50.9)):
        permit = breaker.acquire(endpoint, owner=f"{endpoint} {at}", now=T0 + at)
        assert isinstance(permit, Permit)
        breaker.record(permit, CallOutcome.SUCCESS, elapsed=elapsed, now=T0 + at)
    seen = breaker.calls.recent_by_endpoint(now=T0 + 60)
    assert {name: one.calls for name, one in seen.items()} == {None: 3, "bookings.list": 1, "slots": 2}
    newest = datetime.fromtimestamp(T0 + 50, tz=UTC)
    assert {(one.last_call_at, one.last_average_ms) for one in seen.values()} == {
        (newest, 400.0), (newest, 500.0), (newest, 300.0)
    }  # fmt: skip
    assert breaker.calls.recent_calls(now=T0 + 351).last_call_at is None


def test_forced_open_sends_nothing_until_its_end_and_then_one_probe(make: Make) -> None:
    """Maintenance until ten: at ten nobody rushes in."""
    breaker = make()
    breaker.operators.force_open("op@example.com", "maintenance", datetime.fromtimestamp(T0 + 600, tz=UTC))
    assert denied(breaker, 599).state is State.FORCED_OPEN
    assert ask(breaker, 600).probe


def test_forced_open_without_an_end_waits_for_somebody(make: Make) -> None:
    """There is no moment after which to ask again."""
    breaker = make()
    breaker.operators.force_open("op@example.com", "looking into it")
    assert denied(breaker, 9_999_999).retry_after is None
    breaker.operators.auto("op@example.com", "done")
    assert ask(breaker, 9_999_999).probe


def test_off_lets_everything_through_and_counts_nothing_against_it(make: Make) -> None:
    """Relief at once: open endpoints, failures and all."""
    breaker = trip(make())
    breaker.operators.off("op@example.com", "false alarm", datetime.fromtimestamp(T0 + 100, tz=UTC))
    fail(breaker, *range(1, 20))
    assert not breaker.is_open(now=T0 + 20)
    assert breaker.get_status(now=T0 + 100).state is State.CLOSED


def test_reset_closes_everything_and_forgets_the_failures(make: Make) -> None:
    """Service, endpoints and refused keys; the next four failures open nothing."""
    breaker = make()
    fail(breaker, 0, 0, 0, 0, 0, outcome=ENDPOINT)
    fail(breaker, 0, 0, 0, 0, endpoint=LIST)
    breaker.operators.block_key("")
    assert breaker.reset("op@example.com", "fixed")
    fail(breaker, 1, 1, 1, 1)
    assert ask(breaker, 2)
    assert ask(breaker, 2, endpoint=LIST)


def test_each_order_has_who_and_why_and_its_own_epoch(make: Make) -> None:
    """The audit needs a name; a call begun before the order is about another time."""
    breaker = make()
    epochs = [ask(breaker, 0).service_epoch]
    for order in (breaker.operators.off, breaker.operators.force_open, breaker.operators.auto, breaker.operators.reset):
        order("op@example.com", "because")
        epochs.append(breaker.get_status().breaker.epoch)
    assert epochs == sorted(set(epochs))


def test_a_numbered_order_is_obeyed_once(make: Make) -> None:
    """Given again by a beat every few seconds, it does not undo what came after it."""
    breaker = make()
    assert breaker.operators.force_open("op@example.com", "a", number=7)
    assert breaker.operators.auto("op@example.com", "b", number=8)
    assert not breaker.operators.force_open("op@example.com", "a", number=7)
    assert breaker.get_status().state is State.HALF_OPEN


def test_after_a_401_nothing_goes_with_that_key(make: Make) -> None:
    """Until a reset; another key may go."""
    breaker = make(key="old")
    breaker.record(ask(breaker, 0), CallOutcome.CREDENTIALS, reason="credentials", now=T0)
    refusal = denied(breaker, 9_999)
    assert (refusal.reason, refusal.retry_after) == (Reason.CREDENTIALS, None)
    assert breaker.held_work.release(CREATE, [1], now=T0 + 9_999).reason is Reason.CREDENTIALS
    breaker.reset("op@example.com", "new key")
    assert ask(breaker, 9_999)


def test_a_429_holds_everybody_for_as_long_as_it_says(make: Make) -> None:
    """And for a whole window when it does not say."""
    breaker = make()
    breaker.record(ask(breaker, 0), CallOutcome.THROTTLED, retry_after=7, now=T0)
    assert denied(breaker, 6).reason is Reason.THROTTLED
    breaker.record(ask(breaker, 7.3), CallOutcome.THROTTLED, now=T0 + 8)
    assert denied(breaker, 67.599).reason is Reason.THROTTLED
    assert ask(breaker, 67.6)
