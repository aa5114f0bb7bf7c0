"""A change stands in its account's line, among its bookings: let go in its turn, and nobody else waits for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import func, update

from db import accounts
from db.accounts import Account
from db.appointments import Appointment
from db.changes import moves
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.changes import booking_changes
from db.queue.items import item
from db.queue.kinds import CHANGES
from tasks import dependencies
from tasks.changes.attempt import attempt_change
from tasks.changes.claim import claim_change
from tasks.maintenance.line import line_of
from tasks.maintenance.release import release_held
from tasks.maintenance.turns import ReleaseTurns
from tests.integration.accounts.test_lines import ask, hold, open_window
from tests.support.changes import ask_change
from tests.support.fleet import row
from tests.support.stepping import write


def booked(number: int, account: str | None) -> Appointment:
    """Return a booking of an account that Cal.com has."""
    [one] = ask([number], account)
    write(one, status=Status.CONFIRMED, calcom_booking_uid=f"uid-{number}", enqueued_at=None)
    return row(one)


def cancel(number: int, account: str | None = "salon-7", start: datetime | None = None) -> BookingChange:
    """Ask for the cancel of a booking of an account, or have it moved to a start."""
    with dependencies.current().engine.begin() as conn:
        return ask_change(conn, booked(number, account), start)


def hold_change(one: BookingChange, reason: HoldReason = HoldReason.BREAKER_OPEN, **more: Any) -> None:
    """Hold a change."""
    held = {"status": ChangeStatus.HELD, "hold_reason": reason, "held_at": func.now(), "enqueued_at": None}
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(booking_changes).where(booking_changes.c.id == one.id).values(**held, **more))


def status_of(one: BookingChange) -> ChangeStatus:
    """Return where a change is."""
    with dependencies.current().engine.connect() as conn:
        now = moves.get(conn, one.id)
    assert now is not None
    return now.status


def test_each_line_has_its_bookings_and_its_changes_by_place(salon: Account) -> None:
    """And of the other account's nothing."""
    theirs = ask([0])[0], cancel(1), ask([2])[0]
    own = cancel(3, None), ask([4], None)[0]
    hold([theirs[0], theirs[2], own[1]])
    for change in (theirs[1], own[0]):
        hold_change(change)
    places = {str(one): row(one).line_at for one in (theirs[0], theirs[2], own[1])}
    places |= {item(CHANGES, one.id): one.line_at for one in (theirs[1], own[0])}
    wanted = {
        salon.id: [str(theirs[0]), item(CHANGES, theirs[1].id), str(theirs[2])],
        1: [item(CHANGES, own[0].id), str(own[1])],
    }

    with dependencies.current().engine.connect() as conn:
        found = line_of(conn, (salon.id, 1), 10, postable=False)

    assert found == {account: sorted(items, key=places.__getitem__) for account, items in wanted.items()}


def test_an_account_with_nothing_but_a_change_has_its_turn(salon: Account, redis_url: str) -> None:
    """As any other account's booking."""
    theirs, own = cancel(0), ask([1], None)[0]
    hold_change(theirs)
    hold([own])
    open_window(redis_url, 8)

    assert ReleaseTurns().release(dependencies.current()) == 2

    assert status_of(theirs) is ChangeStatus.PENDING
    assert row(own).status is Status.PENDING
    assert theirs.account_id == salon.id


@pytest.mark.usefixtures("salon")
def test_a_change_passes_those_of_another_account() -> None:
    """It waits behind the bookings and the changes of its own account alone."""
    first, behind = cancel(0), cancel(1)
    own = cancel(2, None)
    hold_change(first, HoldReason.THROTTLED)

    with dependencies.current().engine.begin() as conn:
        claimed = [moves.claim(conn, one.id, lease_seconds=50, released=False) for one in (behind, own)]

    assert [one and one.backlog for one in claimed] == [HoldReason.THROTTLED, None]


@pytest.mark.usefixtures("salon")
def test_a_change_passes_the_bookings_of_another_account() -> None:
    """Whatever these wait for."""
    theirs, own = ask([0])[0], cancel(1, None)
    hold([theirs])

    with dependencies.current().engine.begin() as conn:
        claimed = moves.claim(conn, own.id, lease_seconds=50, released=False)

    assert claimed is not None
    assert claimed.backlog is None


def test_a_change_whose_cause_is_over_goes_with_its_account(salon: Account) -> None:
    """Another key had held it, or a time that has come, and no booking of the account is held."""
    for_a_key, for_a_time = cancel(0), cancel(1)
    hold_change(for_a_key, HoldReason.CREDENTIALS, held_for="another key")
    hold_change(for_a_time, HoldReason.UNREACHABLE, hold_until=func.now())
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(booking_changes).values(held_at=func.now() - timedelta(seconds=10)))

    with dependencies.current().autocommit.connect() as conn:
        assert accounts.held(conn, after=0, limit=10).numbers == [salon.id]
    assert release_held() == 2

    assert {status_of(for_a_key), status_of(for_a_time)} == {ChangeStatus.PENDING}


@pytest.mark.usefixtures("salon")
def test_a_move_without_a_key_counts_for_our_address(redis_url: str) -> None:
    """Cal.com counts it so, and no call of the key is taken for it."""
    claim = claim_change(dependencies.current(), cancel(0, start=datetime(2031, 3, 5, 9, tzinfo=UTC)).id)
    assert claim is not None

    assert attempt_change(claim).move is not None

    with redis.Redis.from_url(redis_url) as client:
        assert client.exists("{calcom}:rate:keyless")
