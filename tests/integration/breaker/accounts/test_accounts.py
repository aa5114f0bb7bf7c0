"""Whose failures open the breaker for whom: those of one account for itself, those of three or of all for everybody."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
import redis

from resilience.circuit_breaker.account import CallingAccount
from resilience.circuit_breaker.breaker import CalcomCircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, Recorded, State
from resilience.shared_state.client import make_redis
from tests.support.breakers import CREATE, LIST, T0

GOOD, GONE, BAD = CallOutcome.SUCCESS, CallOutcome.FAILURE_SERVICE, CallOutcome.FAILURE_ENDPOINT
REFUSED, PAGE, THROTTLED = CallOutcome.CREDENTIALS, CallOutcome.CONFIGURATION, CallOutcome.THROTTLED
NEIGHBOURS = (2, 3, 20)
OF_ONE = [(BAD, "http_500"), (GONE, "timeout"), (GONE, "reset"), (REFUSED, "credentials"), (THROTTLED, "throttled")]
"""Failures that an account can cause."""


@dataclass
class Accounts:
    """Calls of several accounts of one service through one breaker, at times that a test sets."""

    breaker: CalcomCircuitBreaker
    number: int
    at: float = 0.0
    made: int = 0

    def account(self, which: int) -> CallingAccount:
        """Return one of them; 1 is the first."""
        return CallingAccount(which, f"key-{which}", "here", alone=False, neighbours=self.number)

    def ask(
        self, which: int, endpoint: str = CREATE, *, account: CallingAccount | None = None, trial: bool = False
    ) -> Permit | Denied:
        """Ask for a call of an account."""
        self.made += 1
        caller = account or self.account(which)
        owner = f"o{self.made}"
        return self.breaker.acquire(endpoint, owner=owner, account=caller, trial=trial, now=T0 + self.at)

    def begin(self, which: int, endpoint: str = CREATE) -> Permit:
        """Ask for a call that must be granted."""
        permit = self.ask(which, endpoint)
        assert isinstance(permit, Permit), permit
        return permit

    def end(self, permit: Permit, outcome: CallOutcome, reason: str = "other") -> Recorded:
        """Report a call."""
        return self.breaker.record(permit, outcome, reason=reason, retry_after=1, now=T0 + self.at)

    def call(self, which: int, outcome: CallOutcome, reason: str = "other", endpoint: str = CREATE) -> Recorded:
        """Make a call."""
        return self.end(self.begin(which, endpoint), outcome, reason)

    def fail(self, which: int, times: int = 5, outcome: CallOutcome = BAD, reason: str = "http_500") -> None:
        """Let the calls of one account fail, as long as they may go."""
        for _ in range(times):
            permit = self.ask(which)
            if isinstance(permit, Permit):
                self.end(permit, outcome, reason)

    def states(self, which: int = 1) -> tuple[State, State, State]:
        """Return the state of the service, of the endpoint and of an account's breaker."""
        status = self.breaker.view.status(account=self.account(which), now=T0 + self.at)
        found = (of.get(CREATE) for of in (status.endpoints, status.account_endpoints))
        return (status.state, *(State.CLOSED if scope is None else scope.state for scope in found))  # type: ignore[return-value]


CLOSED = (State.CLOSED, State.CLOSED, State.CLOSED)


def accounts_of(redis_url: str | None, number: int = 20) -> Accounts:
    """Build a breaker that so many accounts share; without a URL, of this process alone."""
    shared = make_redis(redis_url, timeout=30, connect_timeout=30) if redis_url else None
    settings = BreakerSettings(rate_limit=0)
    return Accounts(CalcomCircuitBreaker("calcom", redis=shared, settings=settings), number)


@pytest.mark.parametrize("number", NEIGHBOURS)
@pytest.mark.parametrize(("outcome", "reason"), OF_ONE)
def test_one_accounts_failures_stop_no_other(url: str | None, number: int, outcome: CallOutcome, reason: str) -> None:
    """Its 500s, its time-outs and its refused key: a second account goes on, at its own pace."""
    accounts = accounts_of(url, number)
    accounts.fail(1, 9, outcome, reason)

    assert not accounts.ask(1), "it has found out about itself"
    permits = [accounts.ask(2) for _ in range(5)]
    assert all(permits)
    assert accounts.states(2) == CLOSED


@pytest.mark.parametrize("number", NEIGHBOURS)
@pytest.mark.parametrize(("outcome", "reason"), [(BAD, "http_500"), (GONE, "timeout"), (GONE, "connect")])
def test_an_outage_opens_for_all(url: str | None, number: int, outcome: CallOutcome, reason: str) -> None:
    """Five calls in a row of three accounts, or of the two that the service has."""
    accounts = accounts_of(url, number)
    for call in range(5):
        accounts.call(1 + call % min(3, number), outcome, reason)

    assert not accounts.ask(number), "an account that has not called yet"
    service, endpoint, _ = accounts.states(number)
    assert (service, endpoint) == ((State.CLOSED, State.OPEN) if outcome is BAD else (State.OPEN, State.CLOSED))


def test_what_was_never_sent_opens_for_all_whoever_called(url: str | None) -> None:
    """No account can cause that there is no connection."""
    accounts = accounts_of(url)
    accounts.fail(1, 5, GONE, "dns")

    assert accounts.states() == (State.OPEN, State.CLOSED, State.CLOSED)
    assert not accounts.ask(2)


def test_two_accounts_of_twenty_open_only_themselves(url: str | None) -> None:
    """However often they fail, as long as a third one calls at times."""
    accounts = accounts_of(url)
    accounts.call(3, GOOD)
    for _ in range(5):
        accounts.fail(1, 1)
        accounts.fail(2, 1)

    assert accounts.states(3) == CLOSED
    assert [accounts.states(which)[2] for which in (1, 2)] == [State.OPEN, State.OPEN]


def test_the_last_five_must_be_of_three_accounts(url: str | None) -> None:
    """One that failed before them does not count: only what is still in the row."""
    accounts = accounts_of(url)
    for which in (8, 9, 1, 2, 1, 2):
        accounts.fail(which, 1)
        if which == 9:  # this success ends the row of the first two
            accounts.call(3, GOOD)
    accounts.fail(1, 1)
    assert accounts.states(3) == CLOSED

    accounts.fail(4, 1)
    assert accounts.states(3)[1] is State.OPEN


def test_while_its_own_breaker_is_not_closed_an_account_counts_for_itself_only(url: str | None) -> None:
    """Its probes, and what was on its way when it opened, are no evidence about the others."""
    accounts = accounts_of(url)
    late = [accounts.begin(1) for _ in range(3)]
    accounts.fail(1, 5)
    accounts.call(2, GOOD)
    accounts.fail(2, 2)
    accounts.fail(3, 2)  # four in a row of two accounts

    accounts.end(late[0], BAD, "http_500")
    accounts.at += 30
    accounts.fail(1, 1)  # its probe
    assert accounts.states(4) == CLOSED
    assert accounts.states(1)[2] is State.OPEN

    accounts.at += 1
    accounts.fail(4, 1)
    assert accounts.states(4)[1] is State.OPEN


def test_anybodys_success_ends_the_row_of_all(url: str | None) -> None:
    """Nineteen accounts fail, one is booked."""
    accounts = accounts_of(url)
    for which in range(2, 6):
        accounts.fail(which, 1)
    accounts.call(1, GOOD)
    for which in range(6, 10):
        accounts.fail(which, 1)

    assert accounts.states() == CLOSED


def test_an_account_is_probed_and_closes_by_itself(url: str | None) -> None:
    """As the breaker of all: one probe after OPEN, and its success closes it."""
    accounts = accounts_of(url)
    accounts.fail(1)
    accounts.at += 29.9
    assert not accounts.ask(1)

    accounts.at += 0.1
    probe = accounts.begin(1)
    assert not accounts.ask(1)
    assert accounts.end(probe, GOOD).closed
    assert accounts.states() == CLOSED


def test_each_endpoint_of_an_account_has_a_row_of_its_own(url: str | None) -> None:
    """An account whose POSTs fail may still look."""
    accounts = accounts_of(url)
    accounts.fail(1)

    assert not accounts.ask(1)
    assert accounts.ask(1, LIST)


def test_an_accounts_opening_names_it_in_the_record(redis_url: str) -> None:
    """Beside the endpoint, whose breaker has not changed."""
    accounts = accounts_of(redis_url)
    accounts.fail(7)

    changes = [(one.endpoint, one.account, one.new) for one in accounts.breaker.view.transitions()]
    assert changes[1:] == [(CREATE, 7, State.OPEN)]


def test_an_account_that_is_alone_has_no_breaker_of_its_own(redis_url: str) -> None:
    """Its five open the endpoint, as before there were accounts."""
    accounts = accounts_of(redis_url)
    alone = CallingAccount(key="key-1", configuration="here")
    for _ in range(5):
        accounts.end(accounts.ask(1, account=alone), BAD)  # type: ignore[arg-type]

    assert accounts.states() == (State.CLOSED, State.OPEN, State.CLOSED)


def test_the_probe_is_of_an_account_that_is_well(redis_url: str) -> None:
    """For a second the place is free for it alone; then any call may be the probe."""
    accounts = accounts_of(redis_url)
    accounts.fail(1, 5)  # its own breaker is open
    for which in (2, 3, 4, 2, 3):
        accounts.fail(which, 1)
    assert accounts.states(9)[1] is State.OPEN

    accounts.at += 30
    denied = accounts.ask(1)
    assert isinstance(denied, Denied)
    assert denied.retry_after == 1
    assert accounts.begin(9).probe


def test_the_probes_go_in_turn(redis_url: str) -> None:
    """The account of the probe that failed lets another one go first, and goes if none comes."""
    accounts = accounts_of(redis_url)
    for which in (1, 2, 3, 4, 5):
        accounts.fail(which, 1)
    accounts.at += 30
    accounts.call(1, BAD)
    accounts.at += 30

    assert not accounts.ask(1)
    accounts.at += 1
    assert accounts.begin(1).probe


def test_a_limit_is_one_keys(url: str | None) -> None:
    """What one account has used up another has not; each has its own number of calls."""
    accounts = accounts_of(url)
    small, large = (
        replace(accounts.account(which), rate_limit=limit) for which, limit in ((7, 20), (8, 400))
    )  # fmt: skip
    went = [sum(bool(accounts.ask(0, account=caller)) for _ in range(40)) for caller in (small, large)]

    assert went == ([1, 20] if url else [1, 1])
    assert accounts.ask(9)


def test_a_call_without_a_key_has_a_limit_of_its_own(redis_url: str) -> None:
    """All such calls of a service share it, by the address."""
    accounts = accounts_of(redis_url)
    accounts.breaker = CalcomCircuitBreaker(
        "calcom", redis=make_redis(redis_url, timeout=30), settings=BreakerSettings(rate_limit=20)
    )
    caller = accounts.account(7)
    went = [
        bool(accounts.ask(0, account=which))
        for which in (caller.without_key(), accounts.account(8).without_key(), caller)
    ]
    assert went == [True, False, True]


def test_a_refused_key_has_trials_of_its_own(redis_url: str) -> None:
    """After 1, 2, 4 ... 60 minutes, whatever the trials of other keys are."""
    accounts = accounts_of(redis_url)
    accounts.fail(1, 1, REFUSED, "credentials")
    waits = []
    for _ in range(9):
        before = accounts.at
        while not (trial := accounts.ask(1, trial=True)):
            accounts.at += trial.retry_after or 0  # type: ignore[union-attr]
        accounts.end(trial, REFUSED, "credentials")  # type: ignore[arg-type]
        waits.append((accounts.at - before) / 60)
        accounts.fail(2, 1, REFUSED, "credentials")  # blocked for long, or just now
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]

    accounts.at += 3600
    accounts.end(accounts.ask(1, trial=True), GOOD)  # type: ignore[arg-type]
    assert accounts.ask(1)
    assert not accounts.ask(2)


def test_a_reset_reaches_every_account(redis_url: str) -> None:
    """With its next call: its block, and its breaker."""
    accounts = accounts_of(redis_url)
    accounts.fail(7, 1, REFUSED, "credentials")
    accounts.fail(8)
    assert not accounts.ask(7)
    assert not accounts.ask(8)

    accounts.breaker.reset("operator", "all is well")
    assert accounts.ask(7)
    assert accounts.ask(8)


def test_a_call_of_one_of_several_accounts_is_two_scripts(redis_url: str) -> None:
    """As of an account that is alone; accounts with different limits are no clients with different settings."""
    accounts = accounts_of(redis_url, 2)
    callers = [replace(accounts.account(which), rate_limit=limit) for which, limit in ((1, 1000), (2, 2000))]
    for _ in range(2):
        for caller in callers:  # the first call of each script finds that it must be loaded
            accounts.end(accounts.ask(0, account=caller), GOOD)  # type: ignore[arg-type]
    with redis.Redis.from_url(redis_url) as client:
        client.config_resetstat()
        for _ in range(5):
            for caller in callers:
                accounts.end(accounts.ask(0, account=caller), GOOD)  # type: ignore[arg-type]
        sent: Any = client.info("commandstats")

    assert sent["cmdstat_evalsha"]["calls"] == 20
    assert "cmdstat_hgetall" not in sent


def test_nothing_is_kept_of_an_account_at_rest(redis_url: str) -> None:
    """What belongs to one key is deleted two hours after its last write; account 1 has the service's limit."""
    accounts = accounts_of(redis_url)
    accounts.call(8, GOOD)  # two that fail are not all who call
    for which in (1, 7):
        accounts.fail(which)
        accounts.fail(which, 1, REFUSED, "credentials")
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        kept: Any = {name: client.ttl(name) for which in (1, 7) for name in client.scan_iter(f"*:key-{which}*")}
        limit: Any = client.ttl("{calcom}:rate")

    of_seven = {"{calcom}:rate:key-7", "{calcom}:key:key-7", f"{{calcom}}:key:key-7:failures:{CREATE}"}
    assert kept.keys() == of_seven | {"{calcom}:key:key-1", f"{{calcom}}:key:key-1:failures:{CREATE}"}
    assert all(0 < seconds <= 7200 for seconds in kept.values())
    assert limit == -1
