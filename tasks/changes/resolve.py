"""An operator's word about a booking, or about its held change, where no lookup proves anything.

The command line and the page take it alike. Cal.com is asked all the same: what it shows must not deny the word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from db import appointments
from db.appointments import Appointment
from db.appointments.there.places import BookedThere
from db.changes import asking
from db.changes.change import BookingChange
from tasks.calcom.booking import Booking
from tasks.calcom.booking_answers import booked_there
from tasks.changes.ask.sentences import what_is_asked
from tasks.changes.claim import end_held
from tasks.changes.ending import Seen, ended
from tasks.changes.evidence.case import ChangeStep, Shown
from tasks.changes.lookup import ChangeLook, look_at_change
from tasks.changes.resolve_booking import BY, WHY, Resolved, ResolveOutcome, ours_by, resolve_booking
from tasks.guarded_calls.calls import GuardedCalls
from tasks.words import clock
from tasks.work.moves import Move

NOT_DONE = "an operator has looked: it was not done"


@dataclass(frozen=True, slots=True)
class OperatorWord:
    """What an operator says: `uid` is the booking at Cal.com, or its seat; `done`: whether the held change was done."""

    uid: str | None = None
    done: bool | None = None

    @classmethod
    def of(cls, target: Mapping[str, Any]) -> Self:
        """Return the word that an action has recorded."""
        return cls(target.get("uid"), target.get("done"))


@dataclass(frozen=True, slots=True)
class _Judged:
    """Hold how a change ends, and where its booking, or what weeks of it there are, by what Cal.com shows."""

    step: ChangeStep
    there: BookedThere | None = None
    weeks: Sequence[Booking] | None = None


def resolve(calls: GuardedCalls, row: Appointment, word: OperatorWord) -> Resolved:
    """End the held change of a booking by an operator's word; without one confirm the booking by the uid.

    A uid alone says that a held change was done. What `calls` raise when Cal.com cannot be asked now is raised here,
    with nothing changed.
    """
    with calls.deps.engine.connect() as conn:
        change = asking.held_for_a_person(conn, row.id)
    if change is not None and word != OperatorWord():
        return resolve_change(calls, row, change, done=word.done is not False, uid=word.uid)
    if word.uid is not None and word.done is None:
        return resolve_booking(calls, row, word.uid)
    missing = "give its uid at Cal.com" if word.done is None else "no change of it is held with an unknown outcome"
    return Resolved(ok=False, said=f"{row.id}: {missing}; `booking show {row.id}` says how it stands")


def resolve_change(
    calls: GuardedCalls, row: Appointment, change: BookingChange, *, done: bool, uid: str | None = None
) -> Resolved:
    """End a held change by an operator's word; `uid` names the booking, or the seat, that a move has made.

    What `calls` raise when Cal.com cannot be asked now is raised here, with nothing changed.
    """
    if not done and (seconds := _open_for(calls, change)) > 0:
        said = f"a call may still change it for {seconds:.0f} s; look again after that"
        return Resolved(ok=False, said=f"{row.id}: {said}")
    if done and change.wanted is not None:
        judged = _moved(calls, row, change, uid or change.from_seat_uid or change.from_uid or "")
    else:
        judged = _judged(calls, row, change, done=done)
    return judged if isinstance(judged, Resolved) else _write(calls, row, change, judged)


def _open_for(calls: GuardedCalls, change: BookingChange) -> float:
    """Return for how many seconds a call may still change the booking, or a replica may show that late."""
    with calls.deps.engine.connect() as conn:
        now = appointments.now(conn)
    return 0.0 if change.ends_at is None else (change.ends_at - now).total_seconds()


def _moved(calls: GuardedCalls, row: Appointment, change: BookingChange, uid: str) -> _Judged | Resolved:
    """Judge a move that was done by the booking, or the seat, of this uid: it must be ours, and at the wanted start."""
    ours = ours_by(calls, row, uid)
    if isinstance(ours, Resolved):
        return ours
    if ours.cancelled:
        return _denied(row, f"{ours.uid} was cancelled or declined at Cal.com")
    if not ours.is_at(change.wanted):
        start = clock(ours.start) if ours.start else "an unknown time"
        return _denied(row, f"Cal.com shows {ours.uid} at {start}, not at {clock(change.start_at)}")
    return _Judged(ChangeStep.DONE, booked_there(ours, row, ours.marks[str(row.uuid)]))


def _judged(calls: GuardedCalls, row: Appointment, change: BookingChange, *, done: bool) -> _Judged | Resolved:
    """Judge a cancel, or a move that was not done, by what Cal.com shows of the booking."""
    look = look_at_change(calls, change, row)
    uid = change.from_uid if change.part is None else f"the week of {clock(change.part.week)}"
    if look.shown is Shown.UNREADABLE:
        words = look.reply.message if look.reply else ""
        return _denied(row, f"Cal.com does not show {uid} now{f': {words}' if words else ''}")
    lives = look.lives and look.shown in {Shown.ALIVE, Shown.MOVED, Shown.BEGUN}
    if change.wanted is None:
        if lives is not done:
            return _Judged(ChangeStep.DONE if done else ChangeStep.REFUSE, weeks=look.weeks or None)
        said = "lives; `booking retry` sends its cancel again" if lives else "is cancelled, or not there any more"
        return _denied(row, f"Cal.com shows that {uid} {said}")
    if lives and look.wanted:
        return _denied(row, "Cal.com shows it at the wanted start")
    return _not_moved(row, change, look)


def _not_moved(row: Appointment, change: BookingChange, look: ChangeLook) -> _Judged | Resolved:
    """Judge a move that was not done: a seat that is nowhere was lost between its two steps, and is booked again."""
    if look.shown is Shown.NOT_FOUND:
        if change.from_seat_uid is not None:
            return _Judged(ChangeStep.BOOK_AGAIN)
        return _denied(row, f"Cal.com knows no booking {change.from_uid}")
    if not look.lives:
        return _Judged(ChangeStep.REFUSE_CANCELLED)
    if look.shown is Shown.ALIVE or look.there is None:
        return _Judged(ChangeStep.REFUSE)
    seat = look.there.marks.get(str(row.uuid)) or change.from_seat_uid
    return _Judged(ChangeStep.REFUSE_MOVED, booked_there(look.there, row, seat))


def _denied(row: Appointment, said: str) -> Resolved:
    return Resolved(ok=False, said=f"{row.id}: {said}; nothing was changed")


def _write(calls: GuardedCalls, row: Appointment, change: BookingChange, judged: _Judged) -> Resolved:
    """End the change as it was judged."""

    def ends(booking: Appointment) -> Move:
        move = ended(change, booking, judged.step, Seen(there=judged.there, weeks=judged.weeks))
        why = move.why
        if judged.step is ChangeStep.REFUSE:
            why, move = NOT_DONE, replace(move, columns={**move.columns, "last_error": NOT_DONE})
        return replace(move, why=f"{WHY}: {why}")

    if not end_held(calls.deps, change, ends, by=BY):
        return _denied(row, "its change has just moved on by itself")
    return _said(row, change, judged.step)


def _said(row: Appointment, change: BookingChange, step: ChangeStep) -> Resolved:
    what = what_is_asked(change)
    if step is ChangeStep.DONE:
        said, outcome = f"its {what} counts as done.", ResolveOutcome.CHANGE_DONE
    elif step is ChangeStep.BOOK_AGAIN:
        said, outcome = "its seat is nowhere; it is booked again at the new start.", ResolveOutcome.BOOKED_AGAIN
    else:
        said = f"its {what} counts as not done; `booking show {row.id}` says how the booking stands."
        outcome = ResolveOutcome.CHANGE_NOT_DONE
    return Resolved(ok=True, said=f"{row.id}: {said}", outcomes=(outcome,))
