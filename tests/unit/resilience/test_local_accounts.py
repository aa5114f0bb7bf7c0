"""What a process without Redis keeps of several accounts: a pace and the blocks of each key, within bounded memory."""

import pytest

from resilience.circuit_breaker.account import CallingAccount
from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.local.breaker import LocalBreaker
from resilience.circuit_breaker.local.key import KEYS
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.snapshot import BLOCKS, BreakerSnapshot
from resilience.circuit_breaker.types import CallOutcome, OperatorOverride, OverrideKind, Permit, State
from resilience.circuit_breaker.wire import BreakerState, OutcomeReport, ScopeState
from tests.support.breakers import CREATE, T0, make

MS = round(T0 * 1000)


def account(number: int) -> CallingAccount:
    """Return one of many accounts."""
    return CallingAccount(number, f"key-{number}", "here", alone=False, neighbours=9000)


def goes(breaker: CircuitBreaker, caller: CallingAccount, at: float = 0, outcome: CallOutcome | None = None) -> bool:
    """Make a call of an account; return whether it was let through."""
    permit = breaker.acquire(CREATE, owner=f"{caller.id} {at}", account=caller, now=T0 + at)
    if isinstance(permit, Permit):
        breaker.record(permit, outcome or CallOutcome.SUCCESS, retry_after=300, now=T0 + at)
    return bool(permit)


@pytest.mark.parametrize("outcome", [CallOutcome.CREDENTIALS, CallOutcome.THROTTLED])
def test_what_one_key_met_stops_no_other(outcome: CallOutcome) -> None:
    """A refused key, and a 429 of five minutes."""
    breaker = make()
    goes(breaker, account(1), outcome=outcome)

    assert not goes(breaker, account(1), 1)
    assert goes(breaker, account(2), 1)


def test_each_key_has_its_own_pace() -> None:
    """Of 60 calls a minute one goes in a second, of each key."""
    breaker = make(rate_limit=60)

    assert [goes(breaker, account(number), at) for at in (0, 0.5) for number in (1, 2)] == [True, True, False, False]
    assert goes(breaker, account(1), 1.1)


def test_a_block_that_was_known_when_redis_was_lost_is_its_keys_alone() -> None:
    """The others go on."""
    snapshot = BreakerSnapshot(clock=lambda: 0.0, wall=lambda: 0.0)
    scope = ScopeState(State.CLOSED, MS, 0, 0)
    snapshot.update(BreakerState(MS, "", True, False, scope, scope, (), scope), CREATE, MS, "key-1", alone=False)
    local = LocalBreaker(BreakerSettings(rate_limit=0).limits, snapshot, MS)

    found = [
        local.acquire(CREATE, MS, owner="o", probe_ok=True, item="", trial=False, account=account(number))[0]
        for number in (1, 2)
    ]
    assert [bool(permit) for permit in found] == [False, True]


def test_a_reset_ends_the_blocks_of_all_keys() -> None:
    """Also of one that has not called yet since Redis was lost."""
    snapshot = BreakerSnapshot(clock=lambda: 0.0, wall=lambda: 0.0)
    scope = ScopeState(State.CLOSED, MS, 0, 0)
    snapshot.update(BreakerState(MS, "", True, False, scope, scope, (), scope), CREATE, MS, "key-1", alone=False)
    local = LocalBreaker(BreakerSettings(rate_limit=0).limits, snapshot, MS)
    local.apply_overrides([OperatorOverride(OverrideKind.RESET, "op", "why")], MS)

    found, _ = local.acquire(CREATE, MS, owner="o", probe_ok=True, item="", trial=False, account=account(1))
    assert found


def test_memory_is_bounded_however_many_accounts_call() -> None:
    """What is at rest is forgotten first; a key that is blocked, or a breaker that is open, stays."""
    local = LocalBreaker(BreakerSettings(rate_limit=0).limits, BreakerSnapshot(clock=float, wall=float), MS)

    def call(number: int, outcome: CallOutcome) -> bool:
        owner, caller = f"o{number}", account(number)
        permit, _ = local.acquire(CREATE, MS, owner=owner, probe_ok=True, item="", trial=False, account=caller)
        if isinstance(permit, Permit):
            local.record(CREATE, MS, OutcomeReport(outcome, owner), caller)
        return bool(permit)

    call(1, CallOutcome.CREDENTIALS)
    for _ in range(5):
        call(2, CallOutcome.FAILURE_ENDPOINT)
    for number in range(3, 3 * KEYS):
        call(number, CallOutcome.SUCCESS)

    assert len(local.keys.known) <= KEYS
    assert len(local.scopes) <= KEYS
    assert [call(number, CallOutcome.SUCCESS) for number in (1, 2, 3)] == [False, False, True]


def test_a_process_remembers_a_bounded_number_of_blocks() -> None:
    """However many keys are refused."""
    snapshot = BreakerSnapshot(clock=float, wall=float)
    scope = ScopeState(State.CLOSED, MS, 0, 0)
    for number in range(3 * BLOCKS):
        state = BreakerState(MS, "", True, False, scope, scope, (), scope)
        snapshot.update(state, CREATE, MS, f"key-{number}", alone=False)

    assert len(snapshot.blocks) <= BLOCKS
    assert snapshot.closed, "a key's block leaves the short scripts to the others"
