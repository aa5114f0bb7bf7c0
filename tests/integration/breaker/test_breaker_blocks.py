"""A refused key, and settings that lead to something else than Cal.com: nothing goes, until one call finds it well."""

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.types import CallOutcome, Reason, Recorded
from tests.support.breakers import CREATE, ENDPOINT, LIST, T0, Make, ask, call, denied, make, trip

REFUSED, PAGE, GOOD = CallOutcome.CREDENTIALS, CallOutcome.CONFIGURATION, CallOutcome.SUCCESS


def report(
    breaker: CircuitBreaker, at: float, outcome: CallOutcome, endpoint: str = CREATE, *, trial: bool = False
) -> Recorded:
    """Make a call that ends so."""
    return breaker.record(ask(breaker, at, f"{at}", endpoint, trial=trial), outcome, now=T0 + at)


def test_a_key_that_is_taken_again_is_blocked_no_more(make: Make) -> None:
    """Nobody has to say so: one call is let through and finds out."""
    breaker = make(key="old")
    report(breaker, 0, REFUSED)
    assert denied(breaker, 1).reason is Reason.CREDENTIALS
    report(breaker, 2, GOOD, LIST, trial=True)
    assert ask(breaker, 3)
    assert breaker.get_status().blocked_keys == ()


def test_a_key_that_is_still_refused_stays_blocked(make: Make) -> None:
    """An error of Cal.com does not say that it is good, either."""
    breaker = make(key="old")
    report(breaker, 0, REFUSED)
    for at, outcome in enumerate((REFUSED, ENDPOINT, CallOutcome.IGNORED), 1):
        report(breaker, at * 60, outcome, LIST, trial=True)
        assert denied(breaker, at * 60).reason is Reason.CREDENTIALS


def test_one_call_a_minute_finds_out_in_the_whole_fleet(make: Make) -> None:
    """The next worker that asks is told when the next call may go."""
    one, other = make(key="old"), make(key="old")
    report(one, 0, REFUSED)
    assert ask(one, 10, "first", LIST, trial=True).trial
    refusal = denied(other, 11, LIST, trial=True)
    assert (refusal.reason, refusal.retry_after) == (Reason.CREDENTIALS, 59)
    assert ask(other, 70, "second", LIST, trial=True)


def test_the_call_that_finds_out_goes_through_no_open_breaker(make: Make) -> None:
    """A block opens nothing; and what was not sent costs no minute."""
    breaker = trip(make(key="old"))
    assert denied(breaker, 29, LIST, trial=True).reason is Reason.BREAKER_OPEN
    assert ask(breaker, 30, "probe", LIST, trial=True).probe


def test_a_refusal_that_was_on_its_way_blocks_a_repaired_key_no_more(make: Make) -> None:
    """Sixteen calls were in flight when the key was made good."""
    breaker = make(key="old")
    late = ask(breaker, 0, "late")
    report(breaker, 1, REFUSED)
    report(breaker, 2, GOOD, LIST, trial=True)
    breaker.record(late, REFUSED, now=T0 + 3)
    assert ask(breaker, 3)


def test_a_refusal_that_was_on_its_way_at_a_reset_blocks_no_more(make: Make) -> None:
    """The operator's word is the younger one."""
    breaker = make(key="old")
    late = breaker.acquire(CREATE, owner="late")
    call(breaker, REFUSED)
    breaker.reset("op@example.com", "a new key")
    breaker.record(late, REFUSED)  # type: ignore[arg-type]
    assert call(breaker)


def test_a_key_that_is_refused_after_it_was_repaired_is_blocked_again(make: Make) -> None:
    """Once is not for ever."""
    breaker = make(key="old")
    report(breaker, 0, REFUSED)
    report(breaker, 1, GOOD, LIST, trial=True)
    report(breaker, 2, REFUSED)
    denied(breaker, 3)


def test_a_page_that_meets_a_post_holds_nobody_else(make: Make) -> None:
    """It is remembered until Cal.com has answered a POST."""
    breaker = make()
    report(breaker, 0, PAGE)
    assert breaker.get_status().paged_settings == ("here",)
    report(breaker, 1, GOOD, LIST)
    report(breaker, 1, CallOutcome.FAILURE_ENDPOINT, LIST)  # which the next one forgets: it goes the long way
    report(breaker, 1, GOOD, LIST)
    assert breaker.get_status().paged_settings == ("here",)
    report(breaker, 2, GOOD)
    assert breaker.get_status().paged_settings == ()


def test_a_page_that_meets_the_call_that_finds_out_holds_everybody(make: Make) -> None:
    """With these settings; until that call is answered by Cal.com. The page stays known until a POST is."""
    breaker, elsewhere = make(), make(configuration="there")
    report(breaker, 0, PAGE)
    report(breaker, 1, PAGE, LIST, trial=True)
    assert denied(breaker, 2).reason is Reason.CONFIGURATION
    assert breaker.get_status().wrong_settings == ("here",)
    assert ask(elsewhere, 2)
    report(breaker, 61, GOOD, LIST, trial=True)
    status = breaker.get_status()
    assert (status.wrong_settings, status.paged_settings) == ((), ("here",))
    assert ask(breaker, 62)


def test_a_reset_lifts_every_block(make: Make) -> None:
    """Keys, settings and pages, at once and for all."""
    breaker, elsewhere = make(key="old"), make(key="other", configuration="there")
    report(breaker, 0, REFUSED)
    report(elsewhere, 0, PAGE)
    report(elsewhere, 1, PAGE, LIST, trial=True)
    breaker.reset("op@example.com", "repaired")
    status = breaker.get_status()
    assert (status.blocked_keys, status.wrong_settings, status.paged_settings) == ((), (), ())
    assert ask(breaker, 2)
    assert ask(elsewhere, 2)


def test_without_redis_one_call_a_minute_finds_out_too() -> None:
    """In each process by itself."""
    breaker = make(key="old", trial_every=60)
    call(breaker, REFUSED)
    assert not call(breaker)
    assert breaker.acquire(LIST, owner="finds out", trial=True)
    assert not breaker.acquire(LIST, owner="another", trial=True)
