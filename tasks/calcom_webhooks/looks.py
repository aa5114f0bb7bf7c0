"""Ask Cal.com about the bookings of a hint, 2, 10 and 60 seconds after it came; never for what the row says already.

What Cal.com shows then is believed, as at any other look; the hint itself is not.
"""

import threading
from datetime import timedelta
from enum import StrEnum

from db import appointments, calcom_webhooks
from db.appointments.appointment import Appointment
from db.calcom_webhooks import DueHint, Hint
from db.changes import asking
from db.lifecycle import LIVE, Status
from tasks import dependencies
from tasks.accounts.door import NoAccess
from tasks.audit.calls import LeftAlone
from tasks.calcom.booking_answers import booked_there, read_bookings
from tasks.calcom.reply import Reply
from tasks.calcom_webhooks import unexpected
from tasks.calcom_webhooks.hints import OLDEST
from tasks.dependencies import Dependencies
from tasks.guarded_calls import GuardedCalls, NotNow
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.periodic import PeriodicTask
from tasks.recheck import PATIENCE, Occasion, Standing, still_booked

AFTER = (2.0, 10.0, 60.0)  # seconds after a hint came
AT_ONCE = 5  # hints of one run
LEASE = 60.0  # seconds of one run
_OCCASION = Occasion("Cal.com's webhook came", unexpected.BY, pause=1.0)
_NOT_BOOKED = frozenset({Status.REJECTED, Status.FAILED, Status.EXPIRED})
_GONE = frozenset({"BOOKING_CANCELLED", "BOOKING_REJECTED"})  # the triggers of a booking that does not live

log = Logger(__name__)
_running = threading.Lock()


class LookOutcome(StrEnum):
    """What came of a look at one booking."""

    STRANGER = "stranger"  # no booking of ours
    SAID = "said"  # its row says so already: no call
    CHANGED = "changed"  # its row says so now
    REPORTED = "reported"  # it lives at Cal.com although its row is cancelled or names another one: an alert
    UNCHANGED = "unchanged"  # Cal.com shows nothing new, or a call of ours is under way
    TOO_SOON = "too soon"  # a change of ours has just ended: Cal.com may show what was before it
    DENIED = "denied"  # the breaker, the limit or the account denies the call, or Cal.com shows no booking


@app.task(base=PeriodicTask, name="tasks.calcom_webhooks.looks.look_at_hints")
def look_at_hints() -> int:
    """Look at the bookings of the hints that are due; return how many hints there were."""
    if not _running.acquire(blocking=False):
        return 0
    try:
        return _look_at_due(dependencies.current())
    finally:
        _running.release()


def _look_at_due(deps: Dependencies) -> int:
    with deps.engine.begin() as conn:
        hints = calcom_webhooks.due(conn, limit=AT_ONCE, lease=LEASE)
    for due in hints:
        with deps.engine.connect() as conn:
            rows = calcom_webhooks.bookings_of(conn, due.hint)
        _record(deps, due, {_look(deps, row, due) for row in rows} or {LookOutcome.STRANGER})
    return len(hints)


def _record(deps: Dependencies, due: DueHint, outcomes: set[LookOutcome]) -> None:
    """Record what came of a hint, or when the next look is: the worst of several bookings decides."""
    worst = next(one for one in reversed(LookOutcome) if one in outcomes)
    with deps.engine.begin() as conn:
        if worst in {LookOutcome.DENIED, LookOutcome.TOO_SOON}:
            calcom_webhooks.put_off(conn, due.id, worst, oldest=OLDEST)
        elif worst is LookOutcome.UNCHANGED and due.looks + 1 < len(AFTER):
            pause = AFTER[due.looks + 1] - AFTER[due.looks]
            calcom_webhooks.look_later(conn, due.id, pause)
        else:
            calcom_webhooks.end(conn, due.id, worst)
    for right in {LookOutcome.CHANGED, LookOutcome.REPORTED} & outcomes:
        log.info("hint_was_right", trigger=due.hint.trigger, looks=due.looks + 1, outcome=right)


def _look(deps: Dependencies, row: Appointment, due: DueHint) -> LookOutcome:
    hint = due.hint
    if says(row, hint):
        return LookOutcome.SAID
    with deps.engine.connect() as conn:
        if row.status is Status.BOOKING or asking.is_in_motion(conn, row.id, since=appointments.now(conn)):
            return LookOutcome.UNCHANGED  # the answer to our call will say it
    if hint.trigger not in _GONE and unexpected.may_be_another(row, hint):
        return _look_for_another(deps, row, due)
    if row.status is Status.CONFIRMED:
        return _look_at_own(deps, row)
    return _find(deps, row, hint)


def says(row: Appointment, hint: Hint) -> bool:
    """Return whether a row says already what a hint tells, or whether it cannot say it."""
    is_named = row.calcom_booking_uid == hint.uid
    if hint.trigger in _GONE:
        return row.status is not Status.CONFIRMED
    if row.status is not Status.CONFIRMED:
        return False
    is_made = hint.trigger != "BOOKING_RESCHEDULED"
    if not is_named:
        return is_made and row.series_uid is not None  # another week of the series that was booked
    return not is_made or (row.awaits_host is True) is (hint.trigger == "BOOKING_REQUESTED")


def _look_at_own(deps: Dependencies, row: Appointment) -> LookOutcome:
    """Look up the booking that a confirmed row names, and follow what Cal.com shows."""
    now = still_booked(deps, row.id, occasion=_OCCASION)
    if now.standing is Standing.UNASKED:
        return LookOutcome.DENIED
    with deps.engine.connect() as conn:
        after = appointments.get(conn, row.id)
    return LookOutcome.CHANGED if after is None or _place(after) != _place(row) else LookOutcome.UNCHANGED


def _look_for_another(deps: Dependencies, row: Appointment, due: DueHint) -> LookOutcome:
    """Look whether the hint's booking lives although the row is cancelled or names another one.

    Not right after a change of ours, which a replica may not show yet; a host's move is followed all the same. A double
    counts when a second look shows it too, as in the audit of the night.
    """
    hint, is_confirmed = due.hint, row.status is Status.CONFIRMED
    lately = timedelta(seconds=deps.timings.settle_unanswered)
    with deps.engine.connect() as conn:
        if is_confirmed and asking.has_left(conn, row.id, hint.uid):
            return LookOutcome.SAID
        is_fresh = asking.is_in_motion(conn, row.id, since=appointments.now(conn) - lately)
    if is_fresh and not (is_confirmed and hint.old_uid == row.calcom_booking_uid):
        return LookOutcome.TOO_SOON
    if is_confirmed:
        outcome = _look_at_own(deps, row)
        if outcome is not LookOutcome.UNCHANGED or is_fresh:
            return outcome
    try:
        found = unexpected.find_unexpected(deps, row, hint)
    except LeftAlone:
        return LookOutcome.DENIED
    if found is None or (is_confirmed and not due.looks):
        return LookOutcome.UNCHANGED
    return LookOutcome.REPORTED if unexpected.store(deps, row, found, _OCCASION.why) else LookOutcome.SAID


def _find(deps: Dependencies, row: Appointment, hint: Hint) -> LookOutcome:
    """Look for a booking whose outcome is not known, or that was told as not booked; absence proves nothing."""
    if not (row.status in _NOT_BOOKED or (row.status in LIVE and row.outcome_unknown)):
        return LookOutcome.SAID  # nothing is unknown of it
    try:
        calls = GuardedCalls(deps.for_account(row.account_id), row.correlation_id)
        found = read_bookings(calls.booking(hint.uid, deadline=PATIENCE))
    except (NotNow, NoAccess):
        return LookOutcome.DENIED
    if isinstance(found, Reply):
        return LookOutcome.UNCHANGED
    ours = [one for one in found if str(row.uuid) in one.marks and not one.cancelled]
    if not ours:
        return LookOutcome.UNCHANGED
    there = booked_there(ours[0], row, ours[0].marks.get(str(row.uuid)))
    with deps.engine.begin() as conn:
        appointments.record_late_uid(conn, row.id, there, why=f"found when {_OCCASION.why}", by=_OCCASION.by)
    return LookOutcome.CHANGED


def _place(row: Appointment) -> tuple[object, ...]:
    return row.status, row.calcom_booking_uid, row.calcom_seat_uid, row.booked_start_at, bool(row.awaits_host)
