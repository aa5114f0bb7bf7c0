"""The trip rule, as the fleet's scripts have it: five failures in a row within a minute, in each scope by itself."""

import pytest

from resilience.circuit_breaker.types import CallOutcome, State
from tests.support.stepped_calls import CREATE, FAILED, GONE, LIST, OPENED, SUCCESS, T0, Calls

SILENT = (CallOutcome.IGNORED, CallOutcome.THROTTLED, CallOutcome.CREDENTIALS)


@pytest.fixture
def calls(redis_url: str) -> Calls:
    """Calls through a breaker that has seen nothing yet."""
    return Calls(redis_url)


def test_a_success_starts_the_count_anew(calls: Calls) -> None:
    """Four failures, a success, four failures: a bad day. The fifth in a row is an outage."""
    calls.call(*[GONE] * 4, SUCCESS)
    after_a_success = (calls.row(), calls.row(CREATE))

    opened = [calls.call(GONE).opened for _ in range(5)]

    assert after_a_success == (0, 0)
    assert opened == [False, False, False, False, True]


@pytest.mark.parametrize("outcome", SILENT)
def test_what_says_nothing_of_the_service_neither_counts_nor_clears(calls: Calls, outcome: CallOutcome) -> None:
    """Nothing was sent, we were too many, or our key was refused: the row stands as it stood."""
    silent, last = [calls.begin() for _ in range(9)], calls.begin()
    calls.call(*[GONE] * 4)
    for permit in silent:
        calls.end(permit, outcome)
    before = (calls.row(), calls.row(CREATE))

    opened = calls.end(last, GONE).opened

    assert before == (4, 4)
    assert opened


def test_the_first_of_the_row_may_be_as_old_as_the_window(redis_url: str) -> None:
    """Five failures in a row from the first second of a minute to its last are an outage."""
    calls = Calls(redis_url, window=60)
    opened = []
    for calls.at in (0, 15, 30, 45, 60):
        opened.append(calls.call(GONE).opened)

    assert opened == [False, False, False, False, True]


def test_a_row_that_is_longer_than_the_window_opens_nothing(redis_url: str) -> None:
    """Only the last five count, and they must lie close together: failures far apart are no outage."""
    calls = Calls(redis_url, window=60)
    opened = []
    for calls.at in (0, 15.001, 30.002, 45.003, 60.004, 75.005, 90):
        opened.append(calls.call(GONE).opened)

    assert opened == [False, False, False, False, False, False, True], "from 30.002 to 90 it is a minute"


def test_a_threshold_above_a_thousand_means_never(redis_url: str) -> None:
    """It only counts calls; a thousand is the largest that opens."""
    never, last = Calls(redis_url, threshold=1001), None
    for _ in range(1001):
        last = never.call(GONE)
    assert last is not None
    assert (last.opened, never.row(), never.row(CREATE)) == (False, 0, 0)

    largest = Calls(redis_url, threshold=1000)
    assert not largest.call(*[GONE] * 999).opened
    assert largest.call(GONE).opened


def test_healthy_reads_do_not_hide_a_dead_post(calls: Calls) -> None:
    """Each POST that is not answered is looked for, and each look is answered: the service lives, its POST does not."""
    for _ in range(4):
        calls.call(GONE)
        calls.call(SUCCESS, SUCCESS, endpoint=LIST)

    last = calls.call(GONE)

    assert (last.state, last.endpoint_state) == (State.CLOSED, State.OPEN)
    assert calls.call(SUCCESS, endpoint=LIST).state is State.CLOSED


def test_an_error_of_one_endpoint_shows_that_the_service_lives(calls: Calls) -> None:
    """A 500 is an answer: the service's row ends there, the endpoint's goes on."""
    calls.call(*[GONE] * 4)

    last = calls.call(FAILED)

    assert (last.state, last.endpoint_state) == (State.CLOSED, State.OPEN)
    assert (calls.row(), calls.row(CREATE)) == (0, OPENED)


def test_each_endpoint_has_a_row_of_its_own(calls: Calls) -> None:
    """Four failures of one and four of another open neither; nor does a success of one clear the other."""
    calls.call(*[FAILED] * 4)
    calls.call(*[FAILED] * 4, SUCCESS, endpoint=LIST)

    assert (calls.row(), calls.row(CREATE), calls.row(LIST)) == (0, 4, 0)
    assert calls.call(FAILED).endpoint_state is State.OPEN


def test_when_both_would_open_only_the_service_does(calls: Calls) -> None:
    """One outage is one change, one probe and one line of the record."""
    last = calls.call(*[GONE] * 5)

    assert (last.state, last.endpoint_state) == (State.OPEN, State.CLOSED)
    changes = [(one.endpoint, one.new) for one in calls.breaker.view.transitions() if one.new is not State.CLOSED]
    assert changes == [(None, State.OPEN)]


def test_an_endpoints_probe_that_is_not_answered_opens_it_again(calls: Calls) -> None:
    """It is one probe an open window for an endpoint as well, whatever became of the probe."""
    calls.call(*[FAILED] * 5)
    calls.at = 30
    recorded = calls.call(GONE)
    refused = [calls.breaker.acquire(CREATE, owner=f"next{at}", now=T0 + at) for at in (30.1, 59.9)]

    assert (recorded.state, recorded.endpoint_state) == (State.CLOSED, State.OPEN)
    assert not any(refused)
    assert calls.breaker.acquire(CREATE, owner="later", now=T0 + 60)
