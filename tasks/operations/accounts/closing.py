"""Close an account for good: what it has is counted first, and what it has at Cal.com stays there.

A wish locks its booking, and then keeps its account open until it is stored. So nothing here waits for a booking while
the account is locked: one that somebody has locked just now counts as open.
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from db import accounts
from db.accounts import Account
from db.changes import asking, moves
from db.lifecycle import WAIT_FOR_NO_TIME, ChangeStatus
from db.models.accounts import AccountState
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest
from db.queue import of_account
from tasks.dependencies import Dependencies
from tasks.operations.accounts.refusals import AccountRefusedError, named, refuse_settings
from tasks.words import plural

_BY, _WHY = "operator", "its account was closed"
_NOT_KNOWN = f"{_WHY}: nobody knows whether Cal.com has done it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What an account had when it was to be closed, and what became of that.

    `bookings` and `changes` were not over, and `to_come` were booked and are to come. `withdrawn` changes were never
    sent, and are not any more. `not_known` are the bookings of changes that were sent, and nobody knows what became of
    them.
    """

    bookings: int
    changes: int
    to_come: int
    withdrawn: int = 0
    not_known: tuple[int, ...] = ()


class NotClosedError(AccountRefusedError):
    """Report what keeps an account open; nothing was changed."""

    def __init__(self, why: str, found: Closing) -> None:
        super().__init__(why)
        self.found = found


def close(deps: Dependencies, name: str, asked: ActionRequest, *, yes: bool = False) -> Closing:
    """Wipe the key of an account, for good; no booking of it may be unfinished.

    `yes`: its bookings to come stay at Cal.com, and its open cancels and moves are ended. Of an account that is closed
    already, by a release that did not count them, these are ended.

    Raises:
        NotClosedError: It has unfinished bookings; or, without `yes`, open changes or bookings to come; or, with it,
            changes that go on, or were sent and may still become known.
        AccountRefusedError: It is the account of the settings, or it is closed and has no open change.
    """
    with deps.engine.begin() as conn:
        accounts.lock_all(conn)
        account = named(conn, name, lock=True)
        refuse_settings(account)
        found = _found(conn, account)
        if (why := _why_not(account, found, yes=yes)) is not None:
            raise NotClosedError(why, found)
        ended = _end_changes(conn, account, found)
        if left := of_account.unfinished(conn, account.id).changes:
            raise NotClosedError(_going_on(account, left), found)
        if account.state is not AccountState.CLOSED:
            accounts.close(conn, account)
        operator_actions.record(conn, asked, "closed", bookings=0)
    return ended


def _found(conn: Connection, account: Account) -> Closing:
    unfinished = of_account.unfinished(conn, account.id)
    if account.state is AccountState.CLOSED and not unfinished.changes:
        raise AccountRefusedError(f"{account.name} is closed, for good")
    changes = unfinished.changes + unfinished.wishes
    return Closing(bookings=unfinished.bookings, changes=changes, to_come=of_account.to_come(conn, account.id))


def _why_not(account: Account, found: Closing, *, yes: bool) -> str | None:
    """Return what keeps an account open, and what to do; None: nothing does."""
    changes = plural(found.changes, "cancel or move is not over", "cancels and moves are not over")
    if account.state is AccountState.CLOSED:
        return None if yes else f"{account.name} is closed, and {changes}: --yes ends what nobody can send any more"
    if found.bookings:
        living = plural(found.bookings, "booking of it has", "bookings of it have")
        return (
            f"{account.name} is not closed: {living} not ended. Wait, or `booking accounts pause` it and cancel them"
            " (`booking cancel ID`)"
        )
    if yes or not (found.changes or found.to_come):
        return None
    to_come = plural(found.to_come, "booking of it is to come", "bookings of it are to come")
    met = [said for said, count in ((to_come, found.to_come), (changes, found.changes)) if count]
    return (
        f"{account.name} is not closed: {', and '.join(met)}. Wait until they are over, or cancel them (`booking cancel"
        " ID`); or give --yes: the bookings stay at Cal.com as they are, and what was not sent is withdrawn"
    )


def _going_on(account: Account, left: int) -> str:
    what = plural(left, "cancel or move is sent", "cancels and moves are sent")
    then = "resume it, wait" if account.state is AccountState.PAUSED else "wait"
    return (
        f"{account.name}: nothing was changed, for {what} just now, or what came of it may still become known: {then} a"
        " few minutes, and ask again"
    )


def _end_changes(conn: Connection, account: Account, found: Closing) -> Closing:
    """Withdraw what was never sent, and end what was sent and nobody can know any more."""
    is_closed, withdrawn, not_known = account.state is AccountState.CLOSED, 0, []
    for change in of_account.lock_changes(conn, account.id):
        if change.is_unsent:
            withdrawn += len(asking.withdraw(conn, [change], by=_BY, why=_WHY))
        elif change.status is ChangeStatus.HELD and (is_closed or change.hold_reason in WAIT_FOR_NO_TIME):
            ended: dict[str, Any] = {"last_error": _NOT_KNOWN, "may_have_moved": True}
            moves.move(conn, change.id, ChangeStatus.HELD, ChangeStatus.FAILED, why=_NOT_KNOWN, by=_BY, **ended)
            not_known.append(change.appointment_id)
    return replace(found, withdrawn=withdrawn, not_known=tuple(not_known))
