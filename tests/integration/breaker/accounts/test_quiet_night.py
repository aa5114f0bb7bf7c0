"""How seldom broken accounts open the breaker for the others, and that accounts which are idle hide no outage.

A quiet night: two hundred accounts ask for a booking an hour each, by chance. Each booking of thirty of them is
answered 500, and is tried again after 1, 2 and 4 s. docs/breaker.md has the figures.
"""

import random
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import pytest
import redis

from resilience.circuit_breaker.types import CallOutcome, Permit, State
from tests.integration.breaker.accounts.test_accounts import BAD, CLOSED, GONE, GOOD, Accounts, accounts_of

ACCOUNTS, BROKEN = 200, 30
DAY, EVERY = 86_400.0, 3_600.0  # seconds, also of the mean time between two bookings of an account
RETRIES = (1.0, 2.0, 4.0)
OPEN, TEN_MINUTES = 30.0, 600.0
MOST, SHARE = 34, 0.013  # openings for all in a day; of the healthy bookings


class Night(NamedTuple):
    """What the others noticed of the broken ones."""

    openings: int
    """For all accounts."""
    waited: float
    """The share of the healthy accounts' bookings that waited."""


def night(accounts: Accounts, chance: random.Random) -> Night:
    """Let a day of quiet hours pass."""
    asked = []
    for which in range(1, ACCOUNTS + 1):
        at = 0.0
        while (at := at + chance.expovariate(1 / EVERY)) < DAY:
            asked.append((at, len(asked), which, which <= BROKEN, 0))
    healthy = sum(which > BROKEN for _, _, which, _, _ in asked)
    openings, waited = 0, set()
    heapify(asked)
    while asked:
        accounts.at, number, which, fails, tries = heappop(asked)
        permit = accounts.ask(which)
        if not isinstance(permit, Permit):
            if which > BROKEN:  # its own breaker never opens: it waits for the others
                waited.add(number)
            heappush(asked, (accounts.at + (permit.retry_after or 0) + chance.random(), number, which, fails, tries))
            continue
        recorded = accounts.end(permit, BAD if fails else GOOD, "http_500")
        openings += sum(change.new is State.OPEN and change.account is None for change in recorded.changes)
        if fails and tries < len(RETRIES):
            again = accounts.at + RETRIES[tries] * chance.uniform(0.9, 1.1)
            heappush(asked, (again, number, which, fails, tries + 1))
    return Night(openings, len(waited) / healthy)


@pytest.mark.variants(first=2)
@pytest.mark.parametrize(("seed", "shared"), [(0, False), (1, False), (2, False), (0, True)])
def test_broken_accounts_hold_hardly_any_of_the_others(redis_url: str, seed: int, *, shared: bool) -> None:
    """In a day they open the breaker for all 34 times at most, and 1.3 % of the others' bookings wait."""
    seen = night(accounts_of(redis_url if shared else None, ACCOUNTS), random.Random(seed))  # noqa: S311 - known ones

    assert seen.openings <= MOST
    assert seen.waited <= SHARE


def test_accounts_that_are_known_as_broken_open_nothing_for_those_that_are_idle(url: str | None) -> None:
    """One breaks each two minutes, and each is tried again for an hour; of the 170 others none calls meanwhile."""
    accounts = accounts_of(url, ACCOUNTS)
    for which in range(1, BROKEN + 1):
        accounts.at += 2 * 60
        accounts.fail(which)
    for _ in range(120):
        accounts.at += OPEN
        for which in range(1, BROKEN + 1):
            accounts.fail(which, 1)

    assert [accounts.states(which)[2] for which in range(1, BROKEN + 1)] == [State.OPEN] * BROKEN
    assert [accounts.states(which) for which in range(BROKEN + 1, ACCOUNTS + 1)] == [CLOSED] * (ACCOUNTS - BROKEN)
    assert all(accounts.ask(which) for which in range(BROKEN + 1, ACCOUNTS + 1))


@pytest.mark.parametrize(("outcome", "reason", "place"), [(BAD, "http_500", 1), (GONE, "timeout", 0)])
def test_an_idle_account_hides_no_outage(url: str | None, outcome: CallOutcome, reason: str, place: int) -> None:
    """Three have called; ten minutes later only two do, and all of their calls fail."""
    accounts = accounts_of(url, 3)
    for which in (3, 1, 2):
        accounts.call(which, GOOD)
    accounts.at += TEN_MINUTES
    for which in (1, 2, 1, 2, 1):
        assert accounts.states() == CLOSED
        accounts.call(which, outcome, reason)

    assert accounts.states()[place] is State.OPEN
    assert not accounts.ask(3)
    accounts.at += OPEN
    assert accounts.call(3, GOOD).closed, "the first call of the idle one is the probe"


def test_an_account_that_called_within_ten_minutes_counts(url: str | None) -> None:
    """Then two that fail open only themselves."""
    accounts = accounts_of(url, 3)
    accounts.call(3, GOOD)
    accounts.at += TEN_MINUTES - 1
    for which in (1, 2, 1, 2, 1, 2, 1, 2, 1, 2):
        accounts.fail(which, 1)

    assert accounts.states(3) == CLOSED
    assert [accounts.states(which)[2] for which in (1, 2)] == [State.OPEN, State.OPEN]


def test_an_account_that_is_broken_hides_no_outage(url: str | None) -> None:
    """Its own breaker is open: its probes are no calls of an account that is well."""
    accounts = accounts_of(url, 3)
    accounts.fail(3)
    accounts.at += TEN_MINUTES
    accounts.fail(3, 1)
    accounts.fail(1, 3)
    accounts.fail(2, 2)

    assert accounts.states()[1] is State.OPEN


def test_one_account_alone_opens_only_itself_however_idle_the_others_are(url: str | None) -> None:
    """It may be the cause."""
    accounts = accounts_of(url, 3)
    accounts.at += 2 * TEN_MINUTES
    accounts.fail(1)

    assert accounts.states(1) == (State.CLOSED, State.CLOSED, State.OPEN)
    assert accounts.ask(2)


def test_who_calls_is_written_once_a_minute(redis_url: str) -> None:
    """Three accounts are enough to know, whatever number calls."""
    accounts = accounts_of(redis_url)
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        for which in (1, 2, 3):
            accounts.call(which, GOOD)
        known = client.hget("{calcom}:breaker", "callers")
        for which in range(1, 21):
            accounts.at += 1
            accounts.call(which, GOOD)
        assert client.hget("{calcom}:breaker", "callers") == known

        accounts.at += 60
        accounts.call(9, GOOD)
        assert str(client.hget("{calcom}:breaker", "callers")).startswith("key-9=")
