"""What the evidence about a cancel proves: the answer to its POST, and the lookup when the outcome is unknown.

A second cancel can do no harm, so a cancel needs no sight and is never held(blind_key). "Cancelled already" proves only
that the uid which the POST named is dead.
"""

from tasks.calcom.changes.reply import ChangeAnswer
from tasks.changes.evidence.case import UNSENT, ChangeCase, ChangeStep, Shown, not_found, out_of_retries

_REFUSED = {
    ChangeAnswer.OVER: ChangeStep.REFUSE_OVER,
    ChangeAnswer.NOT_ALLOWED: ChangeStep.REFUSE_NOT_ALLOWED,
}


def after_cancel(
    answer: ChangeAnswer,
    *,
    unknown: bool = False,
    series: bool = False,
    young: bool = False,
    another: bool | None = None,
) -> ChangeStep:
    """Return the step after an answer to a cancel.

    `unknown`: an earlier POST of this cancel has an unknown outcome. `series`: the POST named a week of a series, alone
    or with all weeks after it. `young`, `another`: as in ChangeCase.
    """
    if answer is ChangeAnswer.CANCELLED:
        return ChangeStep.LOOK if series else ChangeStep.DONE  # a week that was moved may live outside of the rest
    if answer is ChangeAnswer.NOT_FOUND and not series:  # a week may have been moved just now: the series is read again
        return not_found(ChangeStep.DONE_NOT_FOUND, young=young, another=another)
    if answer is ChangeAnswer.OVER and series:  # that week has begun meanwhile; later ones may live
        return ChangeStep.LOOK
    if answer in _REFUSED and not unknown:
        return _REFUSED[answer]
    if answer is ChangeAnswer.NOT_SENT and not unknown:
        return ChangeStep.RETRY
    return UNSENT.get(answer, ChangeStep.LOOK)


def after_cancel_look(case: ChangeCase) -> ChangeStep:
    """Return the step after a lookup of a booking, a seat or a series whose cancel has an unknown outcome.

    Of a series, ALIVE means that a week to come lives which is to be cancelled.
    """
    match case.shown:
        case Shown.CANCELLED:
            return ChangeStep.DONE
        case Shown.MOVED:
            return ChangeStep.FOLLOW
        case Shown.NOT_FOUND:
            return _seat_not_found(case) if case.seat else _booking_not_found(case)
        case Shown.UNREADABLE:
            return ChangeStep.LOOK
        case Shown.NO_WEEK:
            return ChangeStep.LOOK if case.young else ChangeStep.REFUSE_NO_WEEK
        case Shown.BEGUN:
            return ChangeStep.REFUSE_BEGUN if case.ended or (case.settled and case.next_week) else ChangeStep.LOOK
    return _alive(case)


def _alive(case: ChangeCase) -> ChangeStep:
    if not case.settled:
        return ChangeStep.LOOK
    if case.next_week:  # what was answered to the POST of another week says nothing of this one
        return ChangeStep.NEXT_WEEK
    if case.refusal in _REFUSED:
        return _REFUSED[case.refusal] if case.ended else ChangeStep.LOOK
    return ChangeStep.POST_AGAIN if case.may_retry else out_of_retries(case)


def _seat_not_found(case: ChangeCase) -> ChangeStep:
    """Judge a seat that is nowhere: cancelled, or moved to an empty time, where it has another uid."""
    if case.listed is None:
        return ChangeStep.ASK_LIST
    if case.listed:
        return ChangeStep.FOLLOW
    return ChangeStep.DONE if case.ended else ChangeStep.LOOK


def _booking_not_found(case: ChangeCase) -> ChangeStep:
    return not_found(ChangeStep.DONE_NOT_FOUND, young=case.young, another=case.another)
