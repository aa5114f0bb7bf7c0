"""Ask whether the Cal.com that answers is the one that has our bookings: a wrong URL may lead to another one."""

from db.appointments import Appointment, others
from tasks.calcom.booking_answers import read_bookings
from tasks.calcom.reply import Reply
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import GuardedCalls


def shows_another(deps: Dependencies, calls: GuardedCalls, booking: Appointment) -> bool:
    """Return whether Cal.com shows another booking of ours now, so that it is ours; without one nothing is certain."""
    with deps.autocommit.connect() as conn:
        uid = others.another_uid(conn, booking)
    return uid is not None and not isinstance(read_bookings(calls.booking(uid)), Reply)
