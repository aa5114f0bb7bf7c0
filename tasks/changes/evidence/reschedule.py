"""What the evidence about a reschedule proves: what we refuse ourselves, the answer to its POST, and the lookup.

While the first POST is unknown the same start may go again, once no POST can still be at work; another start never
may: behind a replica that lags both would be booked (4 of 4).

A move has two ends, and Cal.com's transaction does not hold them together: when it runs out of time the new booking is
made, and the old one lives on. So after an unclear answer a move counts as done, or as not done, once both were seen.
"""

from dataclasses import dataclass

from tasks.calcom.changes.reply import ChangeAnswer
from tasks.calcom.slots import Slot
from tasks.changes.evidence.case import ENDINGS, UNSENT, ChangeCase, ChangeStep, Shown, not_found, out_of_retries

# Refusals of one POST: Cal.com has moved nothing, unless an earlier POST of the same reschedule is the cause.
_REFUSALS = frozenset({ChangeAnswer.OTHER_BOOKING, ChangeAnswer.TAKEN, ChangeAnswer.REFUSED})


def goes_without_key(confirms: bool | None) -> bool:  # noqa: FBT001 - what the event type's column shows
    """Return whether a reschedule is sent without our key: its host must confirm it, or may have to (None: not known).

    With the key of the booking's organizer Cal.com takes the host himself to be moving it: a pending booking is
    accepted at once, and no minimum notice is checked.
    """
    return confirms is not False


def before_reschedule(*, over: bool = False, disabled: bool = False, full: bool = False) -> ChangeStep | None:
    """Return the end of a reschedule for which no call is made, since Cal.com would not check it; None: it may be sent.

    `disabled`: its event type allows no rescheduling. `full`: no seat of a seated time is left.
    """
    if over:
        return ChangeStep.REFUSE_OVER
    if disabled:
        return ChangeStep.REFUSE_NOT_ALLOWED
    return ChangeStep.REFUSE_FULL if full else None


def after_look_at_same_start(shown: Shown, *, is_there: bool, lives: bool, young: bool) -> ChangeStep:
    """Return the step of a reschedule to the start that the booking's row has: a person may have moved it since.

    `is_there`: Cal.com shows it at that start. `lives`, `young`: as in MoveCase.
    """
    match shown:
        case Shown.UNREADABLE:
            return ChangeStep.LOOK
        case Shown.NOT_FOUND:  # a seat that its person has moved alone has a new uid: the answer to the POST counts
            return ChangeStep.DONE if young else ChangeStep.POST_AGAIN
    if not lives:
        return ChangeStep.REFUSE_CANCELLED
    return ChangeStep.DONE if is_there else ChangeStep.FOLLOW


def after_reschedule(
    answer: ChangeAnswer,
    *,
    unknown: bool = False,
    seat: bool = False,
    slot: Slot | None = None,
    young: bool = False,
    another: bool | None = None,
) -> ChangeStep:
    """Return the step after an answer to a reschedule.

    `unknown`: an earlier POST of this reschedule has an unknown outcome, so a refusal proves nothing, for our own
    successor may be its cause, and a success says nothing of the old booking. `seat`: a seat has one end only, for it
    is deleted before it is made again. `slot`: what the slots show of the wanted start (None: not asked). `young`,
    `another`: as in ChangeCase.
    """
    match answer:
        case ChangeAnswer.MOVED | ChangeAnswer.CANCELLED_THERE if unknown and not seat:
            return ChangeStep.LOOK  # at the other end: an earlier POST may have made a second booking
        case ChangeAnswer.MOVED:
            return ChangeStep.DONE
        case ChangeAnswer.CANCELLED_THERE:
            return ChangeStep.REFUSE_CANCELLED
        case ChangeAnswer.NOT_FOUND:
            return not_found(ChangeStep.REFUSE_NOT_FOUND, young=young, another=another)
        case ChangeAnswer.NOT_SENT if not unknown:
            return ChangeStep.RETRY
    if answer in _REFUSALS and not unknown:
        return _refused(answer, slot)
    return UNSENT.get(answer, ChangeStep.LOOK)


def _refused(answer: ChangeAnswer, slot: Slot | None) -> ChangeStep:
    """Return the step after a refusal that has certainly moved nothing."""
    if answer is ChangeAnswer.OTHER_BOOKING:
        return ChangeStep.REFUSE_OTHER_BOOKING
    if answer is ChangeAnswer.REFUSED:
        return ChangeStep.REFUSE
    if slot is None:
        return ChangeStep.ASK_SLOTS
    # "Taken" is also what a fault of Cal.com's database is called; where the slots gave no answer it may be one
    return ChangeStep.RETRY if slot in {Slot.OFFERED, Slot.UNASKED} else ChangeStep.REFUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveCase(ChangeCase):
    """Hold what is known about a reschedule after a lookup.

    `moved`: a POST of ours may have moved the booking; false only if the first POST was answered with a refusal.
    `repeated`: more than one POST was sent, so that one may be at work although another one has moved the booking.
    `wanted`: the booking, or a successor of it, was at the wanted start with our reference. `lives`: the last of its
    successors lives. `elsewhere`: the list shows our reference at another start, under another seat's uid. `sight`: the
    list has shown this key every booking of the type at the wanted start. `asks_host`: its event type asks its host, or
    may: beside a booking that he has accepted the same POST makes a second one. `near`: the wanted start is nearer than
    HOLD_LEAD, or past.
    """

    moved: bool = True
    repeated: bool = False
    wanted: bool = False
    lives: bool = True
    elsewhere: bool = False
    sight: bool = False
    asks_host: bool = False
    near: bool = False
    slot: Slot | None = None

    @property
    def whole(self) -> bool:
        """Return whether the lookup alone shows what became of the move: nothing was moved, or it is of a seat."""
        return self.seat or not self.moved


def after_reschedule_look(case: MoveCase) -> ChangeStep:
    """Return the step after a lookup of a booking or a seat whose reschedule has an unknown outcome."""
    match case.shown:
        case Shown.UNREADABLE:
            return ChangeStep.LOOK
        case Shown.NOT_FOUND:
            return _seat_not_found(case) if case.seat else _booking_not_found(case)
        case Shown.CANCELLED if case.whole:
            return ChangeStep.REFUSE_CANCELLED
    if case.wanted:
        if case.repeated and not case.settled:  # a POST that is late would move it again, once it has been moved on
            return ChangeStep.LOOK
        # Cancelled or declined since: then nothing may be reported as moved
        return ChangeStep.DONE if case.lives else ChangeStep.REFUSE_CANCELLED
    return _alive(case) if case.shown is Shown.ALIVE else _ended_by_another(case)


def _alive(case: MoveCase) -> ChangeStep:
    """Judge a booking that is still at its old start: ours may live beside it; before `ends_at` a replica may lag."""
    if not case.settled:
        return ChangeStep.LOOK
    if case.listed is None and not case.whole:
        return ChangeStep.ASK_LIST
    if case.listed:
        return ChangeStep.DONE_BESIDE
    step, both_seen = _not_listed(case), case.sight or case.whole
    if step is ChangeStep.RETRY and not (case.ended and both_seen):  # the first POST stays unknown
        step = ChangeStep.POST_AGAIN
    if both_seen or step not in {*ENDINGS, *([ChangeStep.POST_AGAIN] if case.asks_host else [])}:
        return step
    return ChangeStep.BLIND if case.ended else ChangeStep.LOOK


def _not_listed(case: MoveCase) -> ChangeStep:
    """Return what follows if the booking is nowhere but at its old start; RETRY: the same POST again."""
    if case.refusal in _REFUSALS:
        step = _refused(case.refusal, case.slot) if case.ended else ChangeStep.LOOK
        if step is not ChangeStep.RETRY:
            return step
    if case.near:
        return ChangeStep.EXPIRE if case.ended else ChangeStep.LOOK
    return ChangeStep.RETRY if case.may_retry else out_of_retries(case)


def _ended_by_another(case: MoveCase) -> ChangeStep:
    """Judge a booking that somebody else has cancelled or moved: ours may live beside its successor."""
    refused = ChangeStep.REFUSE_MOVED if case.lives else ChangeStep.REFUSE_CANCELLED
    if not case.moved:
        return refused
    if case.listed is None:
        return ChangeStep.ASK_LIST
    if case.listed:
        return ChangeStep.DONE_TWICE if case.lives else ChangeStep.DONE
    if not case.ended:
        return ChangeStep.LOOK
    if case.sight:
        return refused
    return ChangeStep.REFUSE_MOVED_UNSEEN if case.shown is Shown.MOVED else ChangeStep.BLIND


def _seat_not_found(case: MoveCase) -> ChangeStep:
    """Judge a seat that is nowhere: moved to an empty time, or lost between the two steps of a seat's move."""
    if case.listed is None:
        return ChangeStep.ASK_LIST
    if case.listed:
        return ChangeStep.DONE
    if case.elsewhere:
        return ChangeStep.REFUSE_MOVED
    if not case.ended:
        return ChangeStep.LOOK
    if not case.sight:
        return ChangeStep.BLIND
    return ChangeStep.BOOK_AGAIN if case.moved else ChangeStep.REFUSE_NOT_FOUND


def _booking_not_found(case: MoveCase) -> ChangeStep:
    return not_found(ChangeStep.REFUSE_NOT_FOUND, young=case.young, another=case.another)
