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
from tasks.maintenance.release import release_held
from tasks.operations import accounts as operations
from tests.integration.accounts.conftest import NEXT, add, asked
from tests.integration.accounts.test_changes_in_lines import cancel, hold_change
from tests.integration.accounts.test_lines import PENDING, ask, hold, own_hash, stands
from tests.support.fleet import row
from tests.support.stepping import carry, let_pass, state

REFUSED = 14  # accounts: more than are tried in a run
KEYS = [f"cal_test_many_{number}" for number in range(REFUSED)]


@pytest.fixture
def refused(fleet_of: Callable[..., Any], simulator: Any) -> list[Account]:
    """Add accounts whose keys Cal.com has refused a moment ago, with a booking each that this holds."""
    fleet_of()
    simulator.settings(keys=dict.fromkeys(KEYS, "host10"))
    added = [add(f"salon-{number}", key, first=number == 0) for number, key in enumerate(KEYS)]
    for number, account in enumerate(added):
        deps = dependencies.current().for_account(account.id)
        permit = deps.breaker.acquire(CREATE, owner="o", account=deps.caller)
        assert isinstance(permit, Permit)
        deps.breaker.record(permit, CallOutcome.CREDENTIALS, reason="credentials")
        ask([number], account.name)
    return added


def held_of(accounts: Sequence[Account]) -> list[int]:
    """Carry each account's booking to its hold, and return them."""
    with dependencies.current().engine.connect() as conn:
        found = conn.exec_driver_sql("SELECT id FROM appointments ORDER BY account_id").scalars().all()
    assert {state(carry(one)) for one in found} == {(Status.HELD, HoldReason.CREDENTIALS)}
    assert len(found) == len(accounts)
    return list(found)


def test_a_repaired_key_goes_at_its_own_next_trial(
    refused: list[Account], simulator: Any, redis_url: str, keys: Callable[[], list[str]]
) -> None:
    """Nobody's trial waits for another's, though ten accounts are tried in a run; who is still refused waits longer."""
    bookings = held_of(refused)
    simulator.settings(keys=dict.fromkeys(KEYS[:-1], "expired"))
    let_pass(10)
    keys()
    assert [ask_again() for _ in range(3)] == [0] * 3
    assert keys() == []

    client, own = own_hash(redis_url, refused[-1].id)  # the last one's time has come, and its key is valid again
    client.hset(own, "trial", 0)
    for _ in range(2):
        ask_again()
    assert keys() == KEYS[-1:]
    for _ in range(2):
        release_held()
    assert state(carry(bookings[-1])) == (Status.CONFIRMED, None)

    for account in refused[:-1]:
        client.hset(own_hash(redis_url, account.id)[1], "trial", 0)
    keys()
    for _ in range(4):
        ask_again()
    assert sorted(keys()) == sorted(KEYS[:-1]), "one call with each"
    assert {row(one).status for one in bookings[:-1]} == {Status.HELD}


def test_what_a_rotated_key_held_goes_sixteen_a_beat(salon: Account, redis_url: str) -> None:
    """Bookings and changes together; the line of the account, and others, go beside it."""
    changes = [cancel(number) for number in range(100, 112)]
    held = ask(range(40))
    hold(held, HoldReason.CREDENTIALS, held_for="the old key")
    for one in changes:
        hold_change(one, HoldReason.CREDENTIALS, held_for="the old key")
    operations.rotate(dependencies.current(), salon.name, SecretStr(NEXT), asked())
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(booking_changes).values(held_at=func.now() - timedelta(seconds=10)))
    let_pass(10)
    with redis.Redis.from_url(redis_url) as client:
        client.delete("bookings")

        beats = []
        for _ in range(5):
            release_held()
            beats.append(client.llen("bookings"))
            client.delete("bookings")

    assert beats == [16, 16, 16, 4, 0]
    assert stands(held) == {PENDING: 40}
