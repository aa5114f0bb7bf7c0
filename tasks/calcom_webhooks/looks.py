"""Ask Cal.com about the bookings of a hint, 2, 10 and 60 seconds after it came; never for what the row says already.

What Cal.com shows then is believed, as at any other look; the hint itself is not.
"""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from db import appointments, calcom_webhooks
from db.appointments.appointment import Appointment
from db.calcom_webhooks import DueHint, Hint
from db.changes import asking
from db.lifecycle import LIVE, Status
from tasks import dependencies
from tasks.accounts.door import NoAccess
from tasks.calcom.booking_answers import booked_there, read_bookings
from tasks.calcom.reply import Reply
from tasks.calcom_webhooks import unexpected
from tasks.calcom_webhooks.hints import OLDEST
from tasks.calcom_webhooks.own import OCCASION, LookOutcome, look_at_own
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import NotNow
from tasks.guarded_calls.recheck import PATIENCE
from tasks.guarded_calls.trials import ReaderCalls
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.host.periodic import PeriodicTask

AFTER = (2.0, 10.0, 60.0)  # seconds after a hint came
AT_ONCE = 5  # hints of one run
LEASE = 60.0  # seconds of one run
JUST_AFTER = timedelta(seconds=1)  # the settle time is over when more than it has passed
_NOT_BOOKED = frozenset({Status.REJECTED, Status.FAILED, Status.EXPIRED})
_GONE = frozenset({"BOOKING_CANCELLED", "BOOKING_REJECTED"})  # the triggers of a booking that does not live

log = Logger(__name__)
_running = threading.Lock()


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
        outcomes = {_look(deps, row, due) for row in rows} or {LookOutcome.STRANGER}
        _record(deps, due, outcomes, rows)
    return len(hints)


def _record(deps: Dependencies, due: DueHint, outcomes: set[LookOutcome], rows: Sequence[Appointment]) -> None:
    """Record what came of a hint, or when the next look is: the worst of several bookings decides."""
    worst = next(one for one in reversed(LookOutcome) if one in outcomes)
    with deps.engine.begin() as conn:
        if worst in {LookOutcome.DENIED, LookOutcome.TOO_SOON}:
            calcom_webhooks.put_off(conn, due.id, worst, oldest=OLDEST, settles_at=_settles_at(conn, deps, rows))
        elif worst is LookOutcome.UNCHANGED and due.looks + 1 < len(AFTER):
            pause = AFTER[due.looks + 1] - AFTER[due.looks]
            calcom_webhooks.look_later(conn, due.id, pause)
        else:
            calcom_webhooks.end(conn, due.id, worst)
    for right in {LookOutcome.CHANGED, LookOutcome.REPORTED} & outcomes:
        log.info("hint_was_right", trigger=due.hint.trigger, looks=due.looks + 1, outcome=right)


def _settles_at(conn: Connection, deps: Dependencies, rows: Sequence[Appointment]) -> datetime | None:
    """Return from when absence counts for the bookings of a hint, or what a change of ours has done; None: it does."""
    now = appointments.now(conn)
    written = [row.updated_at for row in rows]
    written += [change.updated_at for row in rows for change in asking.of_booking(conn, row.id)]
    settled = [at + timedelta(seconds=deps.timings.settle_unanswered) + JUST_AFTER for at in written]
    return min((at for at in settled if at > now), default=None)


def _look(deps: Dependencies, row: Appointment, due: DueHint) -> LookOutcome:
    hint = due.hint
    if says(row, hint):
        return LookOutcome.SAID
    with deps.engine.connect() as conn:
        if row.status is Status.BOOKING or asking.is_in_motion(conn, row.id, since=appointments.now(conn)):
            return LookOutcome.UNCHANGED  # the answer to our call will say it
    if hint.trigger not in _GONE and unexpected.may_be_another(row, hint):
        return unexpected.look_for_another(deps, row, due, is_last=due.looks + 1 == len(AFTER))
    if row.status is Status.CONFIRMED:
        return look_at_own(deps, row)
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


def _find(deps: Dependencies, row: Appointment, hint: Hint) -> LookOutcome:
    """Look for a booking whose outcome is not known, or that was told as not booked; absence proves nothing."""
    if not (row.status in _NOT_BOOKED or (row.status in LIVE and row.outcome_unknown)):
        return LookOutcome.SAID  # nothing is unknown of it
    try:
        calls = ReaderCalls(deps.for_account(row.account_id), row.correlation_id)
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
        appointments.record_late_uid(conn, row.id, there, why=f"found when {OCCASION.why}", by=OCCASION.by)
    return LookOutcome.CHANGED
