"""How seldom the breaker opens on a bad day, and how soon in an outage.

A bad day of a few percent of errors must hold nobody, and a dead service must be left alone after five calls. How
seldom the one happens is exact: a chain of which every step was seen in the scripts that the fleet runs.
"""

import random
from fractions import Fraction
from heapq import heappop, heappush
from statistics import median

import pytest

from resilience.circuit_breaker.types import CallOutcome, Permit, State
from tests.support.stepped_calls import CREATE, FAILED, GONE, OPENED, SUCCESS, Calls

LEAST = {5: 1_000_000, 10: 100_000, 20: 3_000}  # calls between openings, the mean, by percent of failures
Chain = dict[tuple[int, CallOutcome], int]


@pytest.fixture
def calls(redis_url: str) -> Calls:
    """Calls through a breaker that has seen nothing yet."""
    return Calls(redis_url)


@pytest.mark.parametrize("failure", [GONE, FAILED])
def test_a_bad_day_opens_it_hardly_ever(calls: Calls, failure: CallOutcome) -> None:
    """The mean number of calls between openings: a million at 5 % of failures, 100,000 at 10 %, 3,000 at 20 %."""
    chain = chain_of(calls, failure)

    means = {percent: mean_calls(chain, failure, Fraction(percent, 100)) for percent in LEAST}

    assert {percent: float(mean) for percent, mean in means.items() if mean < LEAST[percent]} == {}
    share = Fraction(5, 100)
    assert means[5] == (1 - share**5) / ((1 - share) * share**5), "what five in a row gives, in closed form"


def test_the_next_step_depends_on_the_row_alone(calls: Calls) -> None:
    """A long walk of all kinds of calls opens what the counts foretell, at the very call: no more is remembered."""
    chance = random.Random(5)  # noqa: S311 - a known one
    service = endpoint = openings = 0
    for number in range(1200):
        calls.at += 0.01
        outcome = chance.choices((SUCCESS, GONE, FAILED), (3, 4, 3))[0]
        service = service + 1 if outcome is GONE else 0
        endpoint = 0 if outcome is SUCCESS else endpoint + 1
        recorded = calls.call(outcome)
        opened = (recorded.state is State.OPEN, recorded.endpoint_state is State.OPEN)
        assert opened == (service == 5, endpoint == 5 and service < 5), f"call {number}"
        if any(opened):
            openings += 1
            calls.at += 30
            assert calls.call(SUCCESS).closed
            service = endpoint = 0
    assert openings > 10


def test_an_outage_is_met_by_five_calls(calls: Calls) -> None:
    """Every call fails."""
    assert calls_to_open(calls, random.Random(1), share=1) == 5  # noqa: S311 - a known one


def test_when_four_of_five_calls_fail_it_opens_within_ten(calls: Calls) -> None:
    """The median of a hundred runs."""
    seen = [calls_to_open(calls, random.Random(seed), share=0.8) for seed in range(101)]  # noqa: S311 - known ones

    assert median(seen) <= 10


@pytest.mark.parametrize(("in_flight", "runs"), [(16, 20), (64, 6)])
def test_what_was_in_flight_hides_the_start_of_an_outage_only_briefly(calls: Calls, in_flight: int, runs: int) -> None:
    """Answers from before it come in among the first failures: at most five, and twice what is in flight, ever fail."""
    seen = [failed_at_the_start(calls, random.Random(seed), in_flight) for seed in range(runs)]  # noqa: S311

    assert max(seen) <= 5 + 2 * in_flight


def chain_of(calls: Calls, failure: CallOutcome) -> Chain:
    """Return what each outcome leads to from each row that can be reached, as the scripts answer."""
    endpoint = None if failure is GONE else CREATE
    chain: Chain = {}
    ways: dict[int, tuple[CallOutcome, ...]] = {0: ()}
    to_try = [0]
    while to_try:
        row = to_try.pop()
        for outcome in (failure, SUCCESS):
            calls.anew()
            calls.call(*ways[row], outcome)
            chain[row, outcome] = reached = calls.row(endpoint)
            if reached != OPENED and reached not in ways:
                ways[reached] = (*ways[row], outcome)
                to_try.append(reached)
    return chain


def mean_calls(chain: Chain, failure: CallOutcome, share: Fraction) -> Fraction:
    """Return the mean number of calls from an empty row to an opening, when this share of them fails by chance.

    From each row it is one call and the mean from where that call leads: linear equations, solved by elimination.
    """
    rows = sorted({row for row, _ in chain}, reverse=True)  # the empty row is solved last
    equations: dict[int, dict[int, Fraction]] = {}
    for row in rows:
        equations[row] = {row: Fraction(1)}
        for outcome, chance in ((failure, share), (SUCCESS, 1 - share)):
            reached = chain[row, outcome]
            if reached != OPENED:
                equations[row][reached] = equations[row].get(reached, Fraction(0)) - chance
    known = dict.fromkeys(rows, Fraction(1))
    for solved in rows:
        pivot = equations[solved].pop(solved)
        for other in rows[rows.index(solved) + 1 :]:
            factor = equations[other].pop(solved, Fraction(0)) / pivot
            known[other] -= factor * known[solved]
            for row, value in equations[solved].items():
                equations[other][row] = equations[other].get(row, Fraction(0)) - factor * value
        known[solved] /= pivot
    return known[0]


def calls_to_open(calls: Calls, chance: random.Random, *, share: float) -> int:
    """Return how many calls were made when it opened; this share of them fails."""
    calls.anew()
    made = 1
    while not calls.call(GONE if chance.random() < share else SUCCESS).opened:
        calls.at += 0.6  # a hundred a minute
        made += 1
    return made


def failed_at_the_start(calls: Calls, chance: random.Random, in_flight: int) -> int:
    """Return how many calls fail of a busy fleet from the moment at which Cal.com is gone.

    Calls take 0.1 to 3 s. What began before that moment succeeds yet; each place that is free again is used at once.
    """
    calls.anew()
    begun, failed = calls.at, 0
    ends: list[tuple[float, int, Permit, CallOutcome]] = []
    for number in range(in_flight):
        heappush(ends, (begun + chance.random() * chance.uniform(0.1, 3), number, calls.begin(), SUCCESS))
    while ends:
        calls.at, number, permit, outcome = heappop(ends)
        failed += outcome is GONE
        calls.end(permit, outcome)
        if calls.row() != OPENED:
            heappush(ends, (calls.at + chance.uniform(0.1, 3), number + in_flight, calls.begin(), GONE))
    return failed
