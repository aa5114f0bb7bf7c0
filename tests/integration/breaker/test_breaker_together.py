"""Successes that are recorded together count as if each had been recorded by itself, and in one call."""

from functools import partial
from typing import Any

import pytest

from resilience.circuit_breaker.account import CallingAccount
from resilience.circuit_breaker.breaker import CircuitBreaker, is_plain
from resilience.circuit_breaker.successes import KeptSuccess, record_together
from resilience.circuit_breaker.types import CallOutcome, Permit, PlainSuccess, QuotaHeaders, Recorded, State
from resilience.shared_state.state import Beginning, SharedState
from tests.support.breakers import CREATE, LIST, Make, call, fail, wipe


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the names of the scripts that are asked for."""
    names: list[str] = []
    run = SharedState.send

    def noted(shared: SharedState, begin: Beginning, *rest: Any) -> Any:
        names.append(begin.script)
        return run(shared, begin, *rest)

    monkeypatch.setattr(SharedState, "send", noted)
    return names


def keep(breaker: CircuitBreaker, elapsed: float, **how: Any) -> KeptSuccess:
    """Make a call that is a success, and is still to be recorded."""
    permit = breaker.acquire(how.pop("endpoint", CREATE), owner=f"o{elapsed}", **how)
    assert isinstance(permit, Permit)
    headers = QuotaHeaders(1_000, 1_000 - round(10 * elapsed), 60)
    record = partial(breaker.record, permit, CallOutcome.SUCCESS, elapsed=elapsed, quota_headers=headers)
    return KeptSuccess(PlainSuccess(permit, elapsed, headers), breaker, record)


def figures(breaker: CircuitBreaker) -> Any:
    """Return what is counted of the calls."""
    return breaker.calls.recent_calls(CREATE)


def test_together_is_as_each_by_itself_and_one_call(make: Make, asked: list[str]) -> None:
    """The count, the times, and what the answers tell of the service's limit."""
    breaker = make(rate_limit=10_000)
    call(breaker)
    kept = [keep(breaker, seconds) for seconds in (0.1, 0.4, 0.2)]
    asked.clear()

    recorded = record_together(kept)

    assert asked == ["record_closed"]
    assert recorded == [Recorded(State.CLOSED, kept[0].call.permit.service_epoch, State.CLOSED)] * 3
    seen = figures(breaker)
    assert (seen.calls, seen.failures) == (4, 0)
    assert breaker.get_status().limit_told == 1_000


def test_after_a_failure_each_is_recorded_in_full(make: Make, asked: list[str]) -> None:
    """The failures before it are forgotten by a success, which only the long script does."""
    breaker = make()
    call(breaker, at=None)
    kept = [keep(breaker, seconds) for seconds in (0.1, 0.2)]
    fail(breaker, 0)
    asked.clear()

    record_together(kept)

    assert asked == ["record_closed", "record_closed", "record", "record_closed"]
    assert breaker.get_status().breaker.failures == 0


def test_only_what_is_alike_goes_in_one_call(make: Make, asked: list[str]) -> None:
    """Another endpoint, another account: each has its own counts."""
    breaker = make()
    other = CallingAccount(id=2, key="second", configuration="here", alone=False, neighbours=2)
    for endpoint, account in ((CREATE, None), (LIST, None), (CREATE, other)):
        permit = breaker.acquire(endpoint, owner=f"first {endpoint} {account}", account=account)
        assert isinstance(permit, Permit)
        breaker.record(permit, CallOutcome.SUCCESS)
    kept = [
        keep(breaker, 0.1), keep(breaker, 0.2, endpoint=LIST), keep(breaker, 0.3, account=other), keep(breaker, 0.4),
        keep(breaker, 0.5, account=other),
    ]  # fmt: skip
    asked.clear()

    record_together(kept)

    assert asked == ["record_closed"] * 3
    assert figures(breaker).calls == 2 + 4


def test_where_redis_is_another_by_now_each_is_recorded_by_itself(make: Make, redis_url: str) -> None:
    """Nothing is lost of a process's own figures, and nobody gets an error."""
    breaker = make()
    call(breaker)
    kept = [keep(breaker, seconds) for seconds in (0.1, 0.2)]
    wipe(redis_url)

    assert [one.state for one in record_together(kept)] == [State.CLOSED] * 2


@pytest.mark.parametrize(
    "how", [{"probe": True}, {"item": "7"}, {"trial": True}, {"shared": False}, {"state": State.HALF_OPEN}]
)
def test_what_decides_something_never_waits(make: Make, how: dict[str, Any]) -> None:
    """A probe, a released booking, a trial, a permit without Redis: the breaker hears of it at once."""
    breaker = make()
    permit = breaker.acquire(CREATE, owner="o")
    assert isinstance(permit, Permit)
    assert is_plain(permit)
    assert not is_plain(permit._replace(**how))
