"""Refused keys of many accounts: each is tried again at its own time, and what a rotated one has held is no flood."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import func, update

from db.accounts import Account
from db.lifecycle import HoldReason, Status
from db.models.changes import booking_changes
from resilience.circuit_breaker.types import CallOutcome, Permit
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.maintenance.recovery import ask_again
from tasks.maintenance.release import ACCOUNTS, OF_EACH, release_held
from tasks.operations import accounts as operations
from tests.integration.accounts.conftest import NEXT, add, asked
from tests.integration.accounts.test_changes_in_lines import cancel, hold_change
from tests.integration.accounts.test_lines import PENDING, ask, hold, open_window, own_hash, stands
from tests.sizes import Counted, sizes
from tests.support.stepping import carry, let_pass, state

OFTEN, HALF_AN_HOUR = 7, 1_800_000  # trials after which they are an hour apart; ms
CHANGES = 12


def key_of(number: int) -> str:
    """Return the key of an account."""
    return f"cal_test_many_{number}"


@pytest.fixture
def refused(fleet_of: Callable[..., Any], simulator: Any, redis_url: str, size: int) -> list[Account]:
    """Add accounts whose keys Cal.com refuses, the next trial of each in half an hour, and a booking of each."""
    fleet_of()
    keys = [key_of(number) for number in range(size)]
    simulator.settings(keys=dict.fromkeys(keys, "host10"))
    added = [add(f"salon-{number}", key, first=number == 0) for number, key in enumerate(keys)]
    for number, account in enumerate(added):
        deps = dependencies.current().for_account(account.id)
        permit = deps.breaker.acquire(CREATE, owner="o", account=deps.caller)
        assert isinstance(permit, Permit)
        deps.breaker.record(permit, CallOutcome.CREDENTIALS, reason="credentials")
        put_off(redis_url, account)
        ask([number], account.name)
    return added


def put_off(redis_url: str, account: Account) -> None:
    """Have the next trial of a refused key in half an hour, as after hours: the machine may be slow."""
    client, own = own_hash(redis_url, account.id)
    with client:
        seconds, _ = client.time()  # type: ignore[misc]
        client.hset(own, mapping={"trials": OFTEN, "trial": seconds * 1_000 + HALF_AN_HOUR})


def come(redis_url: str, accounts: Sequence[Account]) -> None:
    """Have the time of these accounts' next trials come."""
    for account in accounts:
        client, own = own_hash(redis_url, account.id)
        with client:
            client.hset(own, "trial", 0)


def held_of(accounts: Sequence[Account]) -> list[int]:
    """Carry each account's booking to its hold, and return them."""
    with dependencies.current().engine.connect() as conn:
        found = conn.exec_driver_sql("SELECT id FROM appointments ORDER BY account_id").scalars().all()
    assert {state(carry(one)) for one in found} == {(Status.HELD, HoldReason.CREDENTIALS)}
    assert len(found) == len(accounts)
    return list(found)


@sizes(14, many=1_000)
def test_a_repaired_key_goes_at_its_own_next_trial(
    refused: list[Account], simulator: Any, redis_url: str, keys: Callable[[], list[str]], counted: Counted
) -> None:
    """Nobody's trial waits for another's, though ten accounts are tried in a run; who is still refused waits longer."""
    bookings, every = held_of(refused), [key_of(number) for number in range(len(refused))]
    simulator.settings(keys=dict.fromkeys(every[:-1], "expired"))
    round_ = range(-(-len(refused) // ACCOUNTS) + 1)  # runs in which each account has had its turn
    let_pass(10)
    keys()
    assert sum(ask_again() for _ in round_) == 0
    assert keys() == []

    come(redis_url, refused[-1:])  # the last one's, and its key is valid again
    tried: list[tuple[int, str]] = []
    for run in round_:
        ask_again()
        tried += [(run, key) for key in keys()]
    assert [key for _, key in tried] == every[-1:]
    counted("the repaired key was tried in run", tried[0][0] + 1)
    for _ in round_:
        release_held()
    assert state(carry(bookings[-1])) == (Status.CONFIRMED, None)

    come(redis_url, refused[:-1])
    keys()
    for _ in (*round_, *round_):
        ask_again()
    others = keys()
    counted("trials of the others", len(others))
    assert sorted(others) == sorted(every[:-1]), "one call with each"
    assert stands(bookings[:-1]) == {(Status.HELD, HoldReason.CREDENTIALS): len(bookings) - 1}


@sizes(40, many=20_000)
def test_what_a_rotated_key_held_goes_sixteen_a_beat(
    salon: Account, redis_url: str, size: int, counted: Counted
) -> None:
    """Bookings and changes together; the line of the account, and others, go beside it."""
    changes = [cancel(number) for number in range(CHANGES)]
    held = ask(range(CHANGES, CHANGES + size))
    hold(held, HoldReason.CREDENTIALS, held_for="the old key")
    for one in changes:
        hold_change(one, HoldReason.CREDENTIALS, held_for="the old key")
    lines = [*ask(range(10**5, 10**5 + 2)), *ask(range(10**5 + 2, 10**5 + 4), None)]
    hold(lines)
    operations.rotate(dependencies.current(), salon.name, SecretStr(NEXT), asked())
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(booking_changes).values(held_at=func.now() - timedelta(seconds=10)))
    let_pass(10)
    open_window(redis_url, len(lines))
    beats = []
    with redis.Redis.from_url(redis_url) as client:
        client.delete("bookings")
        while not beats or beats[-1]:
            release_held()
            beats.append(client.llen("bookings"))
            client.delete("bookings")

    full, rest = divmod(size + CHANGES, OF_EACH)
    counted("beats", len(beats) - 1)
    counted("messages of a beat at most", max(beats[1:]))
    assert beats[0] == OF_EACH + len(lines)
    assert beats[1:] == [*[OF_EACH] * (full - 1), *([rest] if rest else []), 0]
    assert stands(lines) == {PENDING: len(lines)}
    assert stands(held) == {PENDING: size}
