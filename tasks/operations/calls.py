"""The call list: an operator sees whom to call, for one reason, and marks who was called.

A mark is set before the number is dialled: of two operators the first one has it, and the second one sees that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine, select

from db import appointments
from db.appointments import events
from db.models.bookings import appointments as _appointments
from db.monitoring import call_marks, counts_now, operator_actions
from db.monitoring.call_marks import CALLED, NOT_CALLED, CallMark
from db.monitoring.operator_actions import ActionRequest
from tasks.operations.booking_actions import OtherActionError, begin

REVEAL = "reveal"
MOST_CALLED = 50  # bookings of one call list
SHOWN = timedelta(minutes=10)
PROMISED = timedelta(days=7)  # that a person waits for the call: the next Monday is within it
_NAMED = (events.CHANGE_NEEDS_YOU, events.SERIES_CUT, events.TOLD_NOT_BOOKED)  # by an alert that says to call
CALL_LIST = {"call_list": True}
"""The `target` of a reveal that is a call list."""

_columns = _appointments.c


class CallListOutcome(StrEnum):
    """The outcome of an operator's act on the call list, for each booking."""

    SHOWN = "shown"
    MARKED = "marked"
    TAKEN_BACK = "taken_back"
    # Nothing was done:
    MISSING = "missing"  # no booking has this id
    MARKED_BEFORE = "marked_before"  # it has a mark, of this operator or of another one
    NOT_MARKED = "not_marked"  # there is no mark to take back


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to call for a booking; personal."""

    id: int
    name: str
    phone: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class Marked:
    """What became of a request to mark a booking, and the mark that is in force now."""

    outcome: CallListOutcome
    mark: CallMark | None = None


def reveal(engine: Engine, asked: ActionRequest) -> list[Contact]:
    """Return whom to call for these bookings, in their order; that the operator looks is recorded and committed first.

    A repeated request is the same look: it is recorded once, and answered as long as the first one is shown.

    Raises:
        OtherActionError: The recorded look is another one, another operator's, or over.
    """
    action = begin(engine, asked)
    with engine.begin() as conn:
        if action.who != asked.who or appointments.now(conn) - action.asked_at > SHOWN:
            raise OtherActionError("this look at the call list is over; look again")
        found = _contacts(conn, asked.ids or ())
        missing = len(asked.ids or ()) - len(found)
        outcomes: dict[str, int] = {CallListOutcome.SHOWN: len(found), CallListOutcome.MISSING: missing}
        outcomes = {outcome: count for outcome, count in outcomes.items() if count}
        operator_actions.finish(conn, action.id, outcomes, done=len(found), moved_on=missing)
    return found


def promised(conn: Connection, now: datetime) -> list[int]:
    """Return the bookings that an alert has named, so that somebody calls, and nobody has called yet.

    They failed or expired, or something was noted for their people and did not become so; the newest of each first.
    """
    since = now - PROMISED
    told = [*events.latest(conn, _NAMED, since).values()]
    ids = dict.fromkeys([*counts_now.lately_ended_badly(conn, since), *(one for kind in told for one in kind.ids)])
    marks = call_marks.in_force(conn, ids)
    return [one for one in ids if one not in marks]


def mark(engine: Engine, booking_id: int, *, who: str, via: str, take_back: bool = False) -> Marked:
    """Mark a booking as called by `who`, or take its mark back; a mark that is in force is never replaced."""
    with engine.begin() as conn:
        # Locked, so that of two operators who press at once the second one sees the first one's mark.
        if appointments.get(conn, booking_id, lock=True) is None:
            return Marked(CallListOutcome.MISSING)
        before = call_marks.in_force(conn, [booking_id]).get(booking_id)
        if (before is None) is take_back:
            return Marked(CallListOutcome.NOT_MARKED if take_back else CallListOutcome.MARKED_BEFORE, before)
        action = NOT_CALLED if take_back else CALLED
        outcome = CallListOutcome.TAKEN_BACK if take_back else CallListOutcome.MARKED
        asked = ActionRequest(who=who, via=via, action=action, why="", ids=(booking_id,))
        operator_actions.record(conn, asked, outcome)
        return Marked(outcome, call_marks.in_force(conn, [booking_id]).get(booking_id))


def _contacts(conn: Connection, ids: Sequence[int]) -> list[Contact]:
    wanted = _columns.id, _columns.attendee_name, _columns.attendee_phone, _columns.attendee_email
    rows = conn.execute(select(*wanted).where(_columns.id.in_(ids)))
    found = {row.id: Contact(*row) for row in rows}
    return [found[one] for one in ids if one in found]
