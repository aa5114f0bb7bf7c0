"""A closed account: nothing is promised for it, and what it has at Cal.com stays there."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import text, update

from db.accounts import Account
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.changes import booking_changes
from tasks import dependencies
from tasks.operations import booking_commands, cancelling
from tasks.operations.booking_commands import CommandOutcome, Via
from tasks.operations.changes import ChangeReceipt
from tests.support.accounts.making import close_account
from tests.support.fleet import request, row
from tests.support.stepping import accept, carry, carry_change, write
from worker import ChangeRefusedError, cancel_booking, reschedule_booking

ASKS = {"cancel": cancel_booking, "move": partial(reschedule_booking, start=request(50).start)}


def booked(number: int) -> int:
    """Book for the account, and return the booking's number."""
    [booking] = accept(request(number, account="salon-7"))
    assert carry(booking).status is Status.CONFIRMED
    return booking


def shut(account: Account) -> None:
    """Close an account whatever is open of it, as a release of before did."""
    close_account(dependencies.current().engine, account.id)


def heard(ask: Callable[[], ChangeReceipt]) -> ChangeStatus | CommandOutcome:
    """Return how a wish stands that is asked for, or why it is refused."""
    try:
        return ask().status
    except ChangeRefusedError as refused:
        return refused.outcome


def hold(change: int | None) -> None:
    """Hold a change, as the open breaker does."""
    held = {"status": ChangeStatus.HELD, "hold_reason": HoldReason.BREAKER_OPEN, "held_at": text("now()")}
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(booking_changes).where(booking_changes.c.id == change).values(**held))


@pytest.mark.parametrize("what", ASKS)
def test_a_repeat_is_told_what_became_of_the_wish(salon: Account, what: str) -> None:
    """A wish that is over stays known by its key; one that is open comes to nothing, and no repeat promises it."""
    ask, over, opened = ASKS[what], booked(1), booked(2)
    first = ask(over, key="one")
    assert first.change_id is not None
    assert carry_change(first.change_id).status is ChangeStatus.DONE
    hold(ask(opened, key="two").change_id)
    shut(salon)

    assert heard(partial(ask, over, key="one")) is ChangeStatus.DONE
    assert [heard(partial(ask, opened, **more)) for more in ({"key": "two"}, {})] == [CommandOutcome.ACCOUNT_CLOSED] * 2


def test_nothing_of_a_closed_account_is_sent_again(salon: Account) -> None:
    """A booking that failed before stays so, instead of being held for ever."""
    [failed] = accept(request(1, account=salon.name))
    write(failed, status=Status.FAILED, enqueued_at=None)
    shut(salon)

    result = booking_commands.retry(
        dependencies.current().engine, failed, by="operator", via=Via.COMMAND_LINE, why="for a test"
    )

    assert result.outcome is CommandOutcome.ACCOUNT_CLOSED
    assert row(failed).status is Status.FAILED


def test_what_a_closed_account_has_kept_is_cancelled_without_a_call(salon: Account) -> None:
    """If it was never sent; one that may be booked by an operator who has looked, and nobody promises a lookup."""
    unsent, unknown = accept(request(1, account=salon.name), request(2, account=salon.name))
    write(unknown, outcome_unknown=True, posts=1, **dict.fromkeys(("sent_at", "settle_at", "ends_at"), text("now()")))
    shut(salon)

    assert heard(partial(cancel_booking, unsent)) is ChangeStatus.DONE
    for weeks in ({}, {"scope": "one", "week": request(2).start}):
        assert heard(partial(cancel_booking, unknown, **weeks)) is CommandOutcome.ACCOUNT_CLOSED
    engine, by = dependencies.current().engine, {"by": "operator", "via": Via.COMMAND_LINE, "why": "for a test"}
    assert cancelling.cancel(engine, unknown, not_booked=True, **by).outcome is CommandOutcome.CANCELLED
    assert {row(one).status for one in (unsent, unknown)} == {Status.CANCELLED}
