"""Look for a booking of ours that lives at Cal.com although its row is cancelled here, or names another one.

The audit's own rules judge what Cal.com shows (tasks/audit/compare.py), and a finding is stored as the audit stores it:
what lives under a new uid as a late 201, everything else as an event of the booking, which is an alert. Nothing is
cancelled at Cal.com, which would tell the customer: `booking audit --fix` cancels a double, by an operator's order.
"""

from datetime import timedelta
from typing import NoReturn

from db import appointments
from db.appointments import Appointment, events
from db.appointments.there import places
from db.calcom_webhooks import DueHint, Hint
from db.changes import asking
from db.lifecycle import Status
from tasks.audit.calls import AuditCalls, LeftAlone
from tasks.audit.finding import AuditFinding, AuditFindingKind, Fix, NoFinding
from tasks.audit.listing import Listing
from tasks.audit.questions import verdict
from tasks.calcom.booking_answers import with_successors
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reads import ReadRequest
from tasks.calcom.reply import Reply
from tasks.calcom_webhooks.own import OCCASION, LookOutcome, look_at_own
from tasks.dependencies import Dependencies
from tasks.guarded_calls.recheck import PATIENCE


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

    Not the weeks of a confirmed series, which carry one reference and uids of their own: the audit counts them. Nor a
    stranger's seat in a booking where our seat was cancelled.
    """
    if row.status is Status.CANCELLED:
        is_named = hint.uid == row.calcom_booking_uid and row.calcom_seat_uid is None
        return is_named or hint.reference == row.uuid
    is_other = hint.uid != row.calcom_booking_uid and hint.reference == row.uuid
    return row.status is Status.CONFIRMED and is_other and row.series_uid is None


def look_for_another(deps: Dependencies, row: Appointment, due: DueHint, *, is_last: bool) -> LookOutcome:
    """Look up the hint's booking and the row's own, and record what contradicts the row.

    Not right after a change of ours, which a replica may not show yet; a host's move is followed all the same. A double
    counts when a second look shows it too, as in the audit of the night. `is_last`: no look follows.
    """
    hint, is_confirmed, is_seat = due.hint, row.status is Status.CONFIRMED, row.calcom_seat_uid is not None
    with deps.engine.connect() as conn:
        if is_confirmed and asking.has_left(conn, row.id, hint.uid):
            return LookOutcome.SAID
        lately = appointments.now(conn) - timedelta(seconds=deps.timings.settle_unanswered)
        is_fresh = asking.is_in_motion(conn, row.id, since=lately)
    if is_fresh and not (is_confirmed and hint.old_uid == row.calcom_booking_uid):
        return LookOutcome.TOO_SOON
    if is_confirmed and not is_seat:
        outcome = look_at_own(deps, row)
        if outcome is not LookOutcome.UNCHANGED or is_fresh:
            return outcome
    try:
        judged = _judged(deps, row, hint)
    except LeftAlone:
        return LookOutcome.DENIED
    if isinstance(judged, AuditFinding):
        return _recorded(deps, row, judged, is_second=due.looks > 0)
    if is_confirmed and is_seat and (judged is not None or is_last):
        return look_at_own(deps, row)
    return LookOutcome.UNCHANGED


def _judged(deps: Dependencies, row: Appointment, hint: Hint) -> AuditFinding | NoFinding | None:
    """Look up the hint's booking, and then the row's, in this order: a move shows the old one as cancelled by then.

    None: Cal.com shows no live booking of ours there. A seat that a person has moved to an empty time has a new uid and
    is nowhere under its old one, as a cancelled one is: so of a seat the hint's booking is looked up first of all.

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
    return NoFinding.AGREES if isinstance(judged, AuditFinding) and not judged.there else judged


def _recorded(deps: Dependencies, row: Appointment, found: AuditFinding, *, is_second: bool) -> LookOutcome:
    """Record a finding, once for each uid, unless the row has changed meanwhile; a seat that was moved is followed."""
    place, is_confirmed = (found.doubles or found.there)[0], row.status is Status.CONFIRMED
    why = f"found when {OCCASION.why}"
    with deps.engine.begin() as conn:
        now = appointments.get(conn, row.id, lock=True)
        if now is None or _named(now) != _named(row):
            return LookOutcome.UNCHANGED
        if is_confirmed and found.kind is not AuditFindingKind.TWICE and len(found.there) == 1:
            places.record_places(conn, [(row, place.there(row))], by=OCCASION.by, why=why)
            return LookOutcome.CHANGED
        if is_confirmed and not is_second:
            return LookOutcome.UNCHANGED
        if found.fix is Fix.RECORD_UID:
            appointments.record_late_uid(conn, row.id, place.there(row), why=why, by=OCCASION.by)
            return LookOutcome.REPORTED
        kind = events.CHANGE_NEEDS_YOU if is_confirmed else events.CANCEL_THERE
        is_new = events.record_once(conn, row.id, kind, OCCASION.by, uid=place.uid, why=found.message)
        return LookOutcome.REPORTED if is_new else LookOutcome.SAID


def _named(row: Appointment) -> tuple[object, ...]:
    return row.status, row.calcom_booking_uid, row.calcom_seat_uid


def _leave(_seconds: float) -> NoReturn:
    raise LeftAlone("a hint waits for nothing: it is taken up again later")
