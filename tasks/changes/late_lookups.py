"""Look at changes that no attempt looks at: at suspects, and once more at one that met an unclear answer.

That is when it is over, and every replica has caught up.

What Cal.com shows then is followed, or told to an operator. Of a move a second booking of ours may live at the end
where the row is not, since Cal.com's transaction may break off between the two: it is cancelled as a double. Of a seat
the booking may live with nobody in it, and hold its host's time.
"""

from datetime import timedelta

from db import appointments
from db.appointments import Appointment, events
from db.changes import late_looks
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, Status
from tasks import dependencies
from tasks.audit.calls import AuditHalted, LeftAlone
from tasks.audit.fixes import cancel_double
from tasks.calcom.booking_answers import read_bookings
from tasks.calcom.reply import Reply
from tasks.calcom_webhooks.unexpected import HintCalls
from tasks.changes.evidence.case import Shown
from tasks.changes.lookup import ChangeLook, look_at_change
from tasks.changes.questions import listed
from tasks.changes.suspects import look_at_suspects
from tasks.dependencies import Dependencies
from tasks.guarded_calls import event_type_lookup
from tasks.guarded_calls.calls import NotNow
from tasks.guarded_calls.event_type_lookup import NotAskedError
from tasks.guarded_calls.recheck import Occasion, Standing, still_booked
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.host.periodic import PeriodicTask

AT_ONCE = 5  # changes of one run
SUSPECTS = 5  # the same
LEASE = 60.0  # seconds of one run
OLDEST = timedelta(days=1)  # a look that always fails is not made for ever
_OCCASION = Occasion("its change was looked at once more", "sweeper", pause=1.0)
_UNSEEN = "Cal.com has not shown for a day what became of its change; look there whether it is as it is here"
_TWICE = "its move has left it there twice"
_ENDED = "the one that is not wanted is cancelled as a double"
_YOURS = "a person has moved one of them: cancel the one that is not wanted"
_EMPTY = "nobody has a seat in the booking any more, and it holds its host's time: cancel it at Cal.com"
_LIVES = "cancelled here, and it lives at Cal.com"

log = Logger(__name__)


@app.task(base=PeriodicTask, name="tasks.changes.late_lookups.look_at_changes")
def look_at_changes() -> dict[str, int]:
    """Look at the changes that are due; return how many were looked at late, and how many suspects that has ended."""
    built = dependencies.current()
    late, suspects = look_late(built), look_at_suspects(built, SUSPECTS)
    if late or suspects:
        log.info("looked_at_changes", late=late, suspects=suspects)
    return {"late": late, "suspects": suspects}


def look_late(deps: Dependencies) -> int:
    """Look at the changes whose late look is due; return how many there were."""
    with deps.engine.begin() as conn:
        due = late_looks.due(conn, limit=AT_ONCE, lease=LEASE)
    for change in due:
        try:
            _look(deps, change)
        except (AuditHalted, NotNow, NotAskedError):
            _put_off(deps, change)
        else:
            with deps.engine.begin() as conn:
                late_looks.end(conn, change.id)
    return len(due)


def _put_off(deps: Dependencies, change: BookingChange) -> None:
    with deps.engine.begin() as conn:
        appointments.get(conn, change.appointment_id, lock=True)  # first the booking, as everybody locks
        if not late_looks.put_off(conn, change.id, oldest=OLDEST):
            told = {"change": change.id, "what": change.kind.value, "why": _UNSEEN}
            events.record(conn, change.appointment_id, events.CHANGE_NEEDS_YOU, _OCCASION.by, told)


def _look(deps: Dependencies, change: BookingChange) -> None:
    """Follow what Cal.com shows of the row's booking, and look for what may live beside it.

    Raises:
        AuditHalted, NotNow, NotAskedError: Cal.com must not be asked now, or gives no clear answer.
    """
    row = _row(deps, change)
    if row is None or change.from_uid is None:  # it is pruned, or its person was forgotten: nothing names it any more
        return
    if row.status is Status.CONFIRMED:
        standing = still_booked(deps, row.id, occasion=_OCCASION).standing
        if standing is Standing.UNASKED:
            raise LeftAlone("the booking is not shown now")
        row = _row(deps, change) or row
    calls = HintCalls(deps, row.account_id)
    if change.from_seat_uid is not None:
        _tell_if_empty(calls, row, change)
    elif change.wanted is not None:
        _end_double(calls, row, change)
        return
    if change.wanted is None and change.status is ChangeStatus.DONE:
        look = _shown(calls, row, change)
        if look.lives and look.shown in {Shown.ALIVE, Shown.MOVED}:
            _tell(deps, row, events.CANCEL_THERE, change.from_uid or "", _LIVES)


def _row(deps: Dependencies, change: BookingChange) -> Appointment | None:
    with deps.engine.connect() as conn:
        return appointments.get(conn, change.appointment_id)


def _shown(calls: HintCalls, row: Appointment, change: BookingChange) -> ChangeLook:
    look = look_at_change(calls, change, row)
    if look.shown is Shown.UNREADABLE:
        raise LeftAlone("the booking is not shown now")
    return look


def _end_double(calls: HintCalls, row: Appointment, change: BookingChange) -> None:
    """Cancel a booking of ours at the end of a move where the row is not, and tell of it.

    It is told first: if the process dies, or the answer to the cancel is lost, the next look finds nothing to tell.
    What a person has moved is his: it is told, and not cancelled.
    """
    looked_at, by_us = calls.clock(), True
    if change.status is ChangeStatus.DONE:
        look = _shown(calls, row, change)
        is_ours = look.there is not None and look.there.lives_for(str(row.uuid), but=None)
        beside = look.there.uid if look.there is not None and is_ours else None
        by_us = look.is_alive
    else:
        here = listed(calls.deps, calls, row, change).here
        beside = None if here is None else here.uid
    if beside is None or beside == row.calcom_booking_uid:
        return
    if row.status is not Status.CONFIRMED:
        _tell(calls.deps, row, events.CANCEL_THERE, beside, _LIVES)
        return
    _tell(calls.deps, row, events.CHANGE_NEEDS_YOU, beside, f"{_TWICE}; {_ENDED if by_us else _YOURS}")
    if not by_us:
        return
    fixed = cancel_double(calls, row, beside, None, looked_at, by=_OCCASION.by)
    if fixed.again:
        raise LeftAlone(fixed.message)
    if not fixed.ok:
        with calls.deps.engine.begin() as conn:
            events.record(conn, row.id, events.CHANGE_NEEDS_YOU, _OCCASION.by, {"uid": beside, "why": fixed.message})


def _tell_if_empty(calls: HintCalls, row: Appointment, change: BookingChange) -> None:
    """Tell of a booking that lives though nobody has a seat in it.

    It is not cancelled here: without a seat's uid a cancel ends the seat of a stranger who has just joined, too. Who
    does not organize a booking may see its attendees hidden.
    """
    found = read_bookings(calls.booking(change.from_uid or ""))
    if isinstance(found, Reply):
        raise LeftAlone("the booking is not shown now")
    booking = found[0]
    if booking.cancelled or any(one.seat_uid is not None for one in booking.attendees):
        return
    me = event_type_lookup.user(calls.deps, calls)
    if booking.attendees or (me is not None and me.user_id in booking.host_ids):
        _tell(calls.deps, row, events.CHANGE_NEEDS_YOU, booking.uid, _EMPTY)


def _tell(deps: Dependencies, row: Appointment, kind: str, uid: str, why: str) -> None:
    with deps.engine.begin() as conn:
        appointments.get(conn, row.id, lock=True)
        if events.record_once(conn, row.id, kind, _OCCASION.by, uid=uid, why=why):
            log.warning("late_look_found", appointment_id=row.id, kind=kind)
