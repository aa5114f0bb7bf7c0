"""Processes of one fleet with other settings, as in a deploy, leave each other's promises whole."""

from resilience.circuit_breaker.types import CallOutcome, OperatorOverride, OverrideKind, QuotaHeaders, Reason
from tests.support.breakers import CREATE, ENDPOINT, LIST, T0, Make, ask, denied, fail, make


def test_each_opens_after_so_many_failures_as_its_own_setting_says(make: Make) -> None:
    """What one counts with a short memory is not lost to another."""
    short, nine = make(threshold=5, window=1), make(threshold=9, window=60)
    fail(nine, 0, 2, 4, 6, 8, 10)
    fail(short, 12)
    fail(nine, 14)
    ask(nine, 15)
    fail(nine, 16)
    denied(nine, 17)


def test_who_has_no_limit_of_its_own_takes_nothing_from_those_who_have(make: Make) -> None:
    """The others' pace goes on."""
    paced, free = make(rate_limit=10, rate_burst=1), make(rate_limit=0)
    ask(paced, 0)
    ask(free, 1)
    assert denied(paced, 2).reason is Reason.THROTTLED


def test_a_failing_list_does_not_slow_the_bookings_down(make: Make) -> None:
    """The pace of held work is that of the endpoint whose work is held."""
    breaker = make()
    for rounds in range(3):
        for item in breaker.held_work.release(CREATE, range(rounds * 10, rounds * 10 + 10), now=T0).items:
            permit = breaker.acquire(CREATE, owner=f"sends {item}", item=item, now=T0)
            breaker.record(permit, CallOutcome.SUCCESS, now=T0)  # type: ignore[arg-type]
    before = breaker.get_status().window
    fail(breaker, 0, 0, outcome=ENDPOINT, endpoint=LIST)
    assert breaker.get_status().window == before > 3


def test_429s_are_in_a_row_only_without_a_success_between_them(make: Make) -> None:
    """Also at a service that tells nothing of its limit: the next one is waited for as the first was."""
    breaker, at, waits = make(), 0.0, []
    for _ in range(4):
        breaker.record(ask(breaker, at), CallOutcome.THROTTLED, retry_after=0, now=T0 + at)
        waits.append(denied(breaker, at).retry_after)
        at += 60
        breaker.record(ask(breaker, at), CallOutcome.SUCCESS, now=T0 + at)
    assert waits == [waits[0]] * 4


def test_a_success_from_before_a_429_ends_no_row(make: Make) -> None:
    """Sixteen were in flight: each of their successes would make the next wait short again."""
    breaker, at, waits = make(), 0.0, []
    early = [ask(breaker, 0, f"early {number}") for number in range(3)]
    for late in early:
        breaker.record(ask(breaker, at), CallOutcome.THROTTLED, retry_after=0, now=T0 + at)
        waits.append(denied(breaker, at).retry_after or 0)
        breaker.record(late, CallOutcome.SUCCESS, quota_headers=QuotaHeaders(60, 59, 60), now=T0 + at)
        at += max(waits[-1], denied(breaker, at).retry_after or 0)
    assert waits == sorted(set(waits))


def test_what_is_ordered_together_is_obeyed_in_its_order(redis_url: str) -> None:
    """A key was blocked and then everything was reset: a Redis that has forgotten is told both at once."""
    overrides = [
        OperatorOverride(OverrideKind.BLOCK, "op@example.com", "refused", None, 1, "key"),
        OperatorOverride(OverrideKind.RESET, "op@example.com", "repaired", None, 2),
    ]
    breaker = make(redis_url, key="key", overrides=lambda: overrides)
    assert ask(breaker, 0)
    assert breaker.get_status().blocked_keys == ()
