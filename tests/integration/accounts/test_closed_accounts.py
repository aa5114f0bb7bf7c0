"""A closed account: what it has is counted first, what it has at Cal.com stays there, and nothing more is promised."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, text

from booking_client import Bookings
from db import accounts, appointments
from db.accounts import Account
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.accounts import AccountState
from db.models.changes import booking_changes
from db.monitoring import incidents
from tasks import dependencies
from tasks.accounts.door import CLOSED, UNREADABLE
from tasks.changes.ask.ask import Ask, AskOutcome, Via
from tasks.changes.ask.by_client import decide_wishes
from tasks.changes.ask.by_python import ChangeReceipt
from tasks.changes.ask.change import cancel as cancel_row
from tasks.changes.ask.change import change_in
from tasks.incidents.check import check
from tasks.maintenance.release import release_held
from tasks.operations import retry
from tasks.operations.accounts import closing
from tasks.operations.accounts.closing import Closing, NotClosedError
from tasks.operations.accounts.refusals import AccountRefusedError
from tasks.overview.ranking.row import Level
from tasks.overview.reading import read_overview
from tasks.overview.verdict import verdict
from tests.integration.accounts.conftest import OTHERS, add, asked
from tests.running.waiting import eventually
from tests.support.accounts.making import close_account
from tests.support.databases.locks import no_wait_for_a_lock
from tests.support.fleet import request, row
from tests.support.prometheus.exporting import told
from tests.support.stepping import accept, carry, carry_change, write
from worker import ChangeRefusedError, cancel_booking, reschedule_booking

UNKNOWN = {"posts": 1, "outcome_unknown": True, "settle_at": text("now()"), "ends_at": text("now()")}
SUSPECT = {"status": ChangeStatus.HELD, "hold_reason": HoldReason.SUSPECT, "held_at": text("now()"), **UNKNOWN}
GOING_ON = {"status": ChangeStatus.RETRYING, **UNKNOWN}


ASKS = {"cancel": cancel_booking, "move": partial(reschedule_booking, start=request(50).start)}


def booked(count: int) -> list[int]:
    """Book so often for the account, and return the bookings' numbers."""
    found = accept(*(request(number, account="salon-7") for number in range(count)))
    assert {carry(one).status for one in found} == {Status.CONFIRMED}
    return found


def cancel_waits(booking: int, **columns: Any) -> int:
    """Ask for a cancel, which waits for the open breaker, or is as is written; return its number."""
    change = cancel_booking(booking).change_id
    assert change is not None
    have_wait(change, **columns)
    return change


def have_wait(change: int | None, **columns: Any) -> None:
    """Have a change wait for the open breaker, or be as is written."""
    waits = {"status": ChangeStatus.HELD, "hold_reason": HoldReason.BREAKER_OPEN, "held_at": text("now()")}
    with dependencies.current().engine.begin() as conn:
        conn.execute(booking_changes.update().where(booking_changes.c.id == change).values(**(columns or waits)))


def statuses() -> list[str]:
    """Return how all changes stand."""
    with dependencies.current().engine.connect() as conn:
        return list(conn.execute(text("SELECT status FROM booking_changes ORDER BY id")).scalars())


def found_open() -> bool:
    """Return whether the account is open."""
    with dependencies.current().engine.connect() as conn:
        return accounts.is_open(conn, "salon-7")


def close(*, yes: bool = False) -> Closing | NotClosedError:
    """Close the account, or return why it is not closed."""
    try:
        return closing.close(dependencies.current(), "salon-7", asked(), yes=yes)
    except NotClosedError as refused:
        return refused


def why(refused: Closing | NotClosedError) -> str:
    """Return why the account is not closed; it is open, or as closed as before."""
    assert isinstance(refused, NotClosedError)
    return str(refused)


@pytest.mark.usefixtures("salon")
def test_what_is_open_or_to_come_is_counted(database_url: str) -> None:
    """Also a series, whose weeks nobody here knows, and a client's wish that nobody has read."""
    over, series, wanted, waiting = booked(4)
    cancel_waits(waiting)
    for one in (over, series):
        write(one, start_at=text("now() - interval '1 hour'"), booked_start_at=None)
    write(series, series_uid="series-1")
    with Bookings(database_url) as bookings:
        bookings.cancel(appointment_id=wanted)

    refused = close()

    assert isinstance(refused, NotClosedError)
    assert refused.found == Closing(bookings=0, changes=2, to_come=3)
    assert "3 bookings of it are to come, and 2 cancels and moves are not over" in str(refused)
    assert "--yes: the bookings stay at Cal.com" in str(refused)
    assert (found_open(), statuses()) == (True, [ChangeStatus.HELD])


@pytest.mark.usefixtures("salon")
def test_with_a_yes_the_bookings_stay_at_cal_com(database_url: str, keys: Callable[[], list[str]]) -> None:
    """What was never sent is withdrawn, and a wish that nobody had read is refused in words that are true."""
    booking, wanted = booked(2)
    cancel_waits(booking)
    with Bookings(database_url) as bookings:
        bookings.cancel(appointment_id=wanted)
        keys()

        assert close(yes=True) == Closing(bookings=0, changes=2, to_come=2, withdrawn=1)
        decide_wishes(dependencies.current())

        assert [one.status for one in bookings.outcome(booking).changes] == [ChangeStatus.WITHDRAWN]
        [told] = bookings.outcome(wanted).changes
        assert (told.status, "its account is closed" in told.sentence) == (ChangeStatus.REFUSED, True)
    assert not found_open()
    assert [row(one).status for one in (booking, wanted)] == [Status.CONFIRMED] * 2
    assert keys() == []


@pytest.mark.usefixtures("salon")
def test_what_was_sent_is_waited_for_while_it_may_become_known() -> None:
    """Not one of its changes is withdrawn before."""
    waiting, sent = booked(2)
    cancel_waits(waiting)
    cancel_waits(sent, **GOING_ON)

    assert "1 cancel or move is sent just now, or what came of it may still become known" in why(close(yes=True))
    assert (found_open(), statuses()) == (True, [ChangeStatus.HELD, ChangeStatus.RETRYING])


@pytest.mark.usefixtures("salon")
def test_what_nobody_can_know_any_more_is_named() -> None:
    """A change that was sent and is held until a person acts: it has failed, and its booking is not said to stand."""
    [booking] = booked(1)
    change = cancel_waits(booking, **SUSPECT)

    assert close(yes=True) == Closing(bookings=0, changes=1, to_come=1, not_known=(booking,))

    failed = carry_change(change)
    assert (failed.status, failed.may_have_moved) == (ChangeStatus.FAILED, True)
    assert failed.last_error is not None
    assert "nobody knows" in failed.last_error


def test_what_an_older_release_has_left_open_is_ended(salon: Account) -> None:
    """Of an account that is closed already: by a yes, whatever holds it, and once."""
    waiting, sent = booked(2)
    cancel_waits(waiting)
    cancel_waits(sent, **{**SUSPECT, "hold_reason": HoldReason.SETTLING})
    with dependencies.current().engine.begin() as conn:
        accounts.close(conn, salon)

    assert why(close()).startswith("salon-7 is closed, and 2 cancels and moves are not over: --yes ends")
    assert close(yes=True) == Closing(bookings=0, changes=2, to_come=2, withdrawn=1, not_known=(sent,))
    with pytest.raises(AccountRefusedError, match="closed, for good"):
        close(yes=True)


# -- who asks in the same moment ---------------------------------------------------------------------------------------


@contextmanager
def at_once(work: Callable[[], Any]) -> Iterator["Future[Any]"]:
    """Begin work in a thread, and wait until it waits for a lock, or is done."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    def is_waiting() -> bool:
        with dependencies.current().engine.connect() as conn:
            return conn.execute(text(waits)).scalar_one() == 1

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(work)
        eventually(lambda: done.done() or is_waiting(), what="it waits for a lock, or for nobody")
        yield done


def cancel(conn: Connection, booking: int) -> AskOutcome:
    """Ask for a cancel in a transaction that is open."""
    return change_in(conn, booking, Ask("caller", Via.PYTHON, "asked for")).outcome


@pytest.mark.usefixtures("salon")
def test_who_closes_waits_for_a_wish_that_is_being_stored() -> None:
    """And then counts it."""
    [booking] = booked(1)
    with dependencies.current().engine.connect() as conn:
        assert cancel(conn, booking) is AskOutcome.CANCEL_ASKED
        with at_once(close) as closed:
            conn.commit()

    refused = closed.result()
    assert isinstance(refused, NotClosedError)
    assert refused.found.changes == 1


def test_a_wish_waits_for_who_closes(salon: Account) -> None:
    """And is refused then."""
    [booking] = booked(1)
    with dependencies.current().engine.connect() as conn:
        account = accounts.named(conn, salon.name, lock=True)
        with at_once(partial(cancel_booking, booking)) as wished:
            assert accounts.close(conn, account).state is AccountState.CLOSED
            conn.commit()

    with pytest.raises(ChangeRefusedError, match="its account is closed"):
        wished.result()


@pytest.mark.usefixtures("salon")
def test_who_closes_waits_for_no_booking() -> None:
    """Who has locked one may wait for its account: the change of that booking counts as open."""
    [booking] = booked(1)
    cancel_waits(booking)
    with dependencies.current().engine.connect() as conn:
        appointments.get(conn, booking, lock=True)
        with no_wait_for_a_lock():
            refused = close(yes=True)

    assert "nothing was changed" in why(refused)
    assert close(yes=True) == Closing(bookings=0, changes=1, to_come=1, withdrawn=1)


# -- afterwards --------------------------------------------------------------------------------------------------------


def shut(account: Account) -> None:
    """Close an account whatever is open of it, as a release of before did."""
    close_account(dependencies.current().engine, account.id)


def heard(ask: Callable[[], ChangeReceipt]) -> ChangeStatus | AskOutcome:
    """Return how a wish stands that is asked for, or why it is refused."""
    try:
        return ask().status
    except ChangeRefusedError as refused:
        return refused.outcome


@pytest.mark.parametrize("what", ASKS)
def test_a_repeat_is_told_what_became_of_the_wish(salon: Account, what: str) -> None:
    """A wish that is over stays known by its key; one that is open comes to nothing, and no repeat promises it."""
    ask, (over, opened) = ASKS[what], booked(2)
    first = ask(over, key="one")
    assert first.change_id is not None
    assert carry_change(first.change_id).status is ChangeStatus.DONE
    have_wait(ask(opened, key="two").change_id)
    shut(salon)

    assert heard(partial(ask, over, key="one")) is ChangeStatus.DONE
    assert [heard(partial(ask, opened, **more)) for more in ({"key": "two"}, {})] == [AskOutcome.ACCOUNT_CLOSED] * 2


def test_nothing_of_a_closed_account_is_sent_again(salon: Account) -> None:
    """A booking that failed before stays so, instead of being held for ever."""
    [failed] = accept(request(1, account=salon.name))
    write(failed, status=Status.FAILED, enqueued_at=None)
    shut(salon)

    result = retry.retry(dependencies.current().engine, failed, by="operator", via=Via.COMMAND_LINE, why="for a test")

    assert result.outcome is AskOutcome.ACCOUNT_CLOSED
    assert row(failed).status is Status.FAILED


def test_what_a_closed_account_has_kept_is_cancelled_without_a_call(salon: Account) -> None:
    """If it was never sent; one that may be booked by an operator who has looked, and nobody promises a lookup."""
    unsent, unknown = accept(request(1, account=salon.name), request(2, account=salon.name))
    write(unknown, outcome_unknown=True, posts=1, **dict.fromkeys(("sent_at", "settle_at", "ends_at"), text("now()")))
    shut(salon)

    assert heard(partial(cancel_booking, unsent)) is ChangeStatus.DONE
    for weeks in ({}, {"scope": "one", "week": request(2).start}):
        assert heard(partial(cancel_booking, unknown, **weeks)) is AskOutcome.ACCOUNT_CLOSED
    engine, by = dependencies.current().engine, {"by": "operator", "via": Via.COMMAND_LINE, "why": "for a test"}
    assert cancel_row(engine, unknown, not_booked=True, **by).outcome is AskOutcome.CANCELLED
    assert {row(one).status for one in (unsent, unknown)} == {Status.CANCELLED}


# -- what is held all the same -----------------------------------------------------------------------------------------


def opened() -> dict[str, str]:
    """Check the health, and return the open incidents' titles, by kind."""
    check()
    with dependencies.current().engine.connect() as conn:
        return {one.kind: one.title for one in incidents.notified(conn, open_only=True)}


@pytest.mark.parametrize("others", [0, 1], ids=["alone", "beside another"])
def test_what_is_held_of_a_closed_account_is_an_incident(salon: Account, others: int) -> None:
    """A booking, and a cancel, as a release of before has left them: until both are ended, and by its true name."""
    for _ in range(others):
        add("salon-8", OTHERS, first=False)
    [booking] = booked(1)
    [unsent] = accept(request(1, account=salon.name))
    cancels = cancel_waits(booking)
    with dependencies.current().engine.begin() as conn:
        accounts.close(conn, salon)
    assert opened() == {"account_closed": _titled(1)}

    have_wait(cancels, status=ChangeStatus.PENDING, hold_reason=None, held_at=None)  # its line is let go
    for held in (carry(unsent), carry_change(cancels)):
        assert (held.status, held.hold_reason, held.held_for) == (Status.HELD, HoldReason.CREDENTIALS, CLOSED)
    assert opened() == {"account_closed": _titled(2)}
    said = verdict(read_overview(dependencies.current()))
    assert (said.name, said.level) == ("accounts_need_you", Level.CRITICAL)
    assert told()['booking_accounts{state="closed",trouble="closed"}'] == 1
    assert release_held() == 0

    cancel_booking(unsent)
    assert opened() == {"account_closed": _titled(1)}
    close(yes=True)
    with dependencies.current().engine.begin() as conn:
        conn.execute(text("UPDATE alert_incidents SET last_seen_at = last_seen_at - interval '1 minute'"))
    assert opened() == {}
    assert verdict(read_overview(dependencies.current())).name == "calm"


def test_what_an_older_release_has_held_has_its_true_name(salon: Account) -> None:
    """It held for a key that no worker can decrypt: to rotate that is not what the operator is sent to do."""
    add("salon-8", OTHERS, first=False)
    [unsent] = accept(request(1, account=salon.name))
    since = {"held_at": text("now()"), "enqueued_at": None}
    write(unsent, status=Status.HELD, hold_reason=HoldReason.CREDENTIALS, held_for=UNREADABLE, **since)
    shut(salon)

    assert opened() == {"account_closed": _titled(1)}


def _titled(waiting: int) -> str:
    return f"Bookings or changes of 1 account, closed by now, are held: salon-7 ({waiting} waiting)"
