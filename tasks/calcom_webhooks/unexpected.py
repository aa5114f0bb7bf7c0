"""A booking of ours that lives at Cal.com although its row is cancelled here, or names another one: an operator acts.

The audit's own rules judge what Cal.com shows (tasks/audit/compare.py), and a finding is stored as the audit stores it:
what lives under a new uid as a late 201, everything else as an event of the booking, which is an alert. Nothing is
cancelled at Cal.com, which would tell the customer: `booking audit --fix` cancels a double, by an operator's order.
"""

from typing import NoReturn

from db import appointments
from db.appointments import Appointment, events
from db.calcom_webhooks import Hint
from db.lifecycle import Status
from tasks.audit.calls import AuditCalls, LeftAlone
from tasks.audit.finding import AuditFinding, Fix
from tasks.audit.listing import Listing
from tasks.audit.questions import verdict
from tasks.calcom.booking_answers import with_successors
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reads import ReadRequest
from tasks.calcom.reply import Reply
from tasks.dependencies import Dependencies
from tasks.recheck import PATIENCE

BY = "sweeper"


class HintCalls(AuditCalls):
    """Read what Cal.com has as an audit does, each call within PATIENCE, and wait for nothing.

    Each call raises LeftAlone, with nothing sent, while it is not its turn: the hint is taken up again later.
    """

    def __init__(self, deps: Dependencies, account: int) -> None:
        super().__init__(deps, pause=_leave)
        self.use(account)

    def get(self, request: ReadRequest) -> Answer | NoAnswer:
        """Send a GET, and return its answer."""
        return super().get(request._replace(deadline=PATIENCE))


def may_be_another(row: Appointment, hint: Hint) -> bool:
    """Return whether a hint of a booking that lives may contradict a row.

    Not the weeks of a series, which carry one reference and uids of their own: the audit counts them. Nor a stranger's
    seat in a booking where our seat was cancelled.
    """
    if row.status is Status.CANCELLED:
        is_named = hint.uid == row.calcom_booking_uid and row.calcom_seat_uid is None
        return is_named or hint.reference == row.uuid
    is_other = hint.uid != row.calcom_booking_uid and hint.reference == row.uuid
    return row.status is Status.CONFIRMED and is_other and row.series_uid is None


def find_unexpected(deps: Dependencies, row: Appointment, hint: Hint) -> AuditFinding | None:
    """Look up the hint's booking, and then the row's, in this order: a move shows the old one as cancelled by then.

    Raises:
        LeftAlone: Cal.com must not be asked now.
    """
    calls = HintCalls(deps, row.account_id)
    with deps.engine.connect() as conn:
        listing = Listing(appointments.now(conn))
    found = with_successors(hint.uid, calls.booking)
    if isinstance(found, Reply):
        return None
    for booking in found:
        listing.add(booking)
    if all(place.booking.cancelled for place in listing.of(row)):
        return None
    judged = verdict(calls, row, listing, settled=False)
    return judged if isinstance(judged, AuditFinding) and judged.there else None


def store(deps: Dependencies, row: Appointment, found: AuditFinding, why: str) -> bool:
    """Store a finding, once for each uid; return False if the row has changed meanwhile, or it is stored already."""
    place = (found.doubles or found.there)[0]
    with deps.engine.begin() as conn:
        now = appointments.get(conn, row.id, lock=True)
        if now is None or _named(now) != _named(row):
            return False
        if found.fix is Fix.RECORD_UID:
            appointments.record_late_uid(conn, row.id, place.there(row), why=f"found when {why}", by=BY)
            return True
        kind = events.CANCEL_THERE if row.status is Status.CANCELLED else events.CHANGE_NEEDS_YOU
        return events.record_once(conn, row.id, kind, BY, uid=place.uid, why=found.message)


def _named(row: Appointment) -> tuple[object, ...]:
    return row.status, row.calcom_booking_uid, row.calcom_seat_uid


def _leave(_seconds: float) -> NoReturn:
    raise LeftAlone("a hint waits for nothing: it is taken up again later")
