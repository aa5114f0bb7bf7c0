"""What a guarded call asks of Redis: two short scripts while the breaker is closed, the long ones when it is not."""

from typing import Any

import pytest
import redis

from resilience.circuit_breaker.types import CallOutcome, QuotaHeaders
from resilience.shared_state.state import Beginning, SharedState
from tests.support.breakers import CREATE, Make, call, fail, trip

SHORT = ["acquire_closed", "record_closed"]


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


def test_a_guarded_call_is_two_scripts(make: Make, asked: list[str], redis_url: str) -> None:
    """Ask and report, and nothing else is sent, whatever is told of the call."""
    breaker = make(rate_limit=10_000)
    for _ in range(2):
        call(breaker)  # the first knows nothing yet; of each script the first finds that it must be loaded
    asked.clear()
    with redis.Redis.from_url(redis_url) as client:
        client.config_resetstat()
        for number in range(10):
            permit = breaker.acquire(CREATE, owner=f"o{number}")
            headers = QuotaHeaders(10_000, 9_990 - number, 60)
            breaker.record(permit, CallOutcome.SUCCESS, context={"worker": "w"}, quota_headers=headers)  # type: ignore[arg-type]
        sent: Any = client.info("commandstats")

    assert asked == SHORT * 10
    assert sent["cmdstat_evalsha"]["calls"] == 20
    assert sum(of["calls"] for of in sent.values()) == 20 + 12 * 10 + 1, "time, hmget, hget, hset"


def test_a_denied_call_is_one_script(make: Make, asked: list[str]) -> None:
    """Who has heard that it is open asks once, as it did."""
    breaker = trip(make())
    assert not call(breaker, at=0)
    asked.clear()

    assert not call(breaker, at=0)

    assert asked == ["acquire"]


def test_who_has_not_heard_that_it_opened_asks_twice_once(make: Make, asked: list[str]) -> None:
    """The short script says that it is no longer so."""
    breaker, other = make(), make()
    call(breaker, at=0)
    trip(other)
    asked.clear()

    assert [call(breaker, at=0), call(breaker, at=0)] == [False, False]

    assert asked == ["acquire_closed", "acquire", "acquire"]


def test_a_success_after_a_failure_is_reported_in_full_once(make: Make, asked: list[str]) -> None:
    """It starts the count at zero; after that there is nothing to forget."""
    breaker = make()
    fail(breaker, 0)
    asked.clear()

    assert call(breaker, at=0)
    assert call(breaker, at=0)

    assert asked == [*SHORT, "record", *SHORT]


def test_a_key_that_another_found_refused_goes_no_more(make: Make, asked: list[str]) -> None:
    """Also where the breaker is closed, and was when this process last asked."""
    breaker, other = make(key="key"), make(key="key")
    call(breaker)
    other.operators.block_key("key", by="op@example.com", why="revoked")

    assert not call(breaker)
    assert asked[-2:] == ["acquire_closed", "acquire"]


def test_who_only_keeps_a_request_looks_shortly_while_closed(make: Make, asked: list[str], redis_url: str) -> None:
    """And hears at once that another process has opened it, or that Redis has forgotten."""
    breaker, other = make(), make()
    seen = [breaker.view.is_blocking(CREATE), breaker.view.is_blocking(CREATE)]
    shortly = asked[-1:]
    other.operators.force_open("operator", "a test")
    seen += [breaker.view.is_blocking(CREATE), breaker.view.is_blocking(CREATE)]
    other.reset("operator", "a test")
    seen += [breaker.view.is_blocking(CREATE), breaker.view.is_blocking(CREATE)]
    again = asked[-1:]
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    seen += [breaker.view.is_blocking(CREATE)]

    assert seen == [False, False, True, True, False, False, False]
    assert (shortly, again) == (["still_closed"], ["still_closed"])
    assert asked[-1] == "status"


def test_an_answer_that_nobody_took_is_not_the_next_ones(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when what is done meanwhile fails: also where the answer comes after the next question was asked."""
    breaker, other = make(), make()
    call(breaker)
    assert not breaker.view.is_blocking(CREATE)  # the server has the script by now
    monkeypatch.setattr("resilience.shared_state.state._stale", lambda _: False)  # it has not come yet
    breaker.view.begin_is_blocking(CREATE)
    other.operators.force_open("operator", "a test")

    assert breaker.view.is_blocking(CREATE)
