"""While only the making of bookings is sick, for an account or for all, cancels and moves of several accounts go."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, update

from db.appointments import queue
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.accounts import calcom_accounts
from db.models.changes import booking_changes
from resilience.circuit_breaker.types import CallOutcome, Permit
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.maintenance.turns import ReleaseTurns
from tests.integration.accounts.test_lines import ask, hold
from tests.support.accounts.making import make_account
from tests.support.changes import ask_change
from tests.support.fleet import row
from tests.support.stepping import write

WANTED = datetime(2031, 3, 5, 9, tzinfo=UTC)


@pytest.fixture
def accounts(settings: Callable[..., Any]) -> list[int]:
    """Have two accounts; in the line of each stand a booking, and after it a cancel and a move."""
    settings(CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="120", CIRCUIT_BREAKER_THRESHOLD="5")
    deps, made = dependencies.current(), []
    for first in (0, 10):
        number, name = make_account(deps.engine)
        made.append(number)
        with deps.engine.begin() as conn:
            conn.execute(update(calcom_accounts).values(alone=False, service="calcom", neighbours=2))
        booking, *confirmed = ask(range(first, first + 3), name)
        hold([booking])
        for place, one in enumerate(confirmed):
            write(one, status=Status.CONFIRMED, hold_reason=None, held_at=None, calcom_booking_uid=f"uid-{one}")
            with deps.engine.begin() as conn:
                change = ask_change(conn, row(one), WANTED if place else None)
                stands = {"status": ChangeStatus.HELD, "hold_reason": HoldReason.BREAKER_OPEN, "held_at": func.now()}
                here = booking_changes.c.id == change.id
                conn.execute(update(booking_changes).where(here).values(**stands, enqueued_at=None))
    return made


def fail(accounts: Sequence[int], times: int) -> None:
    """Fail POSTs of bookings, of one account after the other."""
    deps = dependencies.current()
    with deps.engine.connect() as conn:
        callers = {one.id: deps.callers.of(one) for one in queue.in_line(conn, after=0, limit=10)}
    for number in range(times):
        caller = callers[accounts[number % len(accounts)]]
        permit = deps.breaker.acquire(CREATE, owner=f"o{number}", account=caller)
        assert isinstance(permit, Permit)
        deps.breaker.record(permit, CallOutcome.FAILURE_ENDPOINT, reason="http_500")


def gone() -> list[int]:
    """Return whose changes were let go."""
    table = booking_changes.c
    with dependencies.current().engine.connect() as conn:
        query = booking_changes.select().where(table.status == ChangeStatus.PENDING).order_by(table.id)
        return [one.account_id for one in conn.execute(query)]


def test_changes_go_while_the_making_of_bookings_is_sick_for_all(accounts: list[int]) -> None:
    """One of each kind at first, as the window of each endpoint has it, and then the other account's."""
    fail(accounts, 5)

    first = ReleaseTurns().release(dependencies.current())

    assert (first, len(gone())) == (2, 2)


def test_changes_go_while_one_accounts_own_breaker_for_bookings_is_open(accounts: list[int]) -> None:
    """Its booking waits; nobody else does."""
    fail(accounts[:1], 5)

    for _ in range(3):
        ReleaseTurns().release(dependencies.current())

    assert gone().count(accounts[0]) == 2
