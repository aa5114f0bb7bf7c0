"""What the evidence about a cancel proves: the answer to its POST, and the lookup when the outcome is unknown.

A second cancel can do no harm, so a cancel needs no sight and is never held(blind_key). "Cancelled already" proves only
that the uid which the POST named is dead.
"""

from tasks.calcom.changes.reply import ChangeAnswer
from tasks.changes.evidence import UNSENT, ChangeAct, ChangeCase, Shown, not_found, out_of_retries

_REFUSED = {
    ChangeAnswer.OVER: ChangeAct.REFUSE_OVER,
    ChangeAnswer.NOT_ALLOWED: ChangeAct.REFUSE_NOT_ALLOWED,
}


def after_cancel(
    answer: ChangeAnswer,
    *,
    unknown: bool = False,
    series: bool = False,
    young: bool = False,
    another: bool | None = None,
) -> ChangeAct:
    """Return the step after an answer to a cancel.

    `unknown`: an earlier POST of this cancel has an unknown outcome. `series`: the POST named a week of a series, alone
    or with all weeks after it. `young`, `another`: as in ChangeCase.
    """
    if answer is ChangeAnswer.CANCELLED:
        return ChangeAct.LOOK if series else ChangeAct.DONE  # a week that was moved may live outside of the rest
    if answer is ChangeAnswer.NOT_FOUND and not series:  # a week may have been moved just now: the series is read again
        return not_found(ChangeAct.DONE_NOT_FOUND, young=young, another=another)
    if answer is ChangeAnswer.OVER and series:  # that week has begun meanwhile; later ones may live
        return ChangeAct.LOOK
    if answer in _REFUSED and not unknown:
        return _REFUSED[answer]
    if answer is ChangeAnswer.NOT_SENT and not unknown:
        return ChangeAct.RETRY
    return UNSENT.get(answer, ChangeAct.LOOK)


def after_cancel_look(case: ChangeCase) -> ChangeAct:
    """Return the step after a lookup of a booking, a seat or a series whose cancel has an unknown outcome.

    Of a series, ALIVE means that a week to come lives which is to be cancelled.
    """
    match case.shown:
        case Shown.CANCELLED:
            return ChangeAct.DONE
        case Shown.MOVED:
            return ChangeAct.FOLLOW
        case Shown.NOT_FOUND:
            return _seat_not_found(case) if case.seat else _booking_not_found(case)
        case Shown.UNREADABLE:
            return ChangeAct.LOOK
        case Shown.NO_WEEK:
            return ChangeAct.LOOK if case.young else ChangeAct.REFUSE_NO_WEEK
        case Shown.BEGUN:
            return ChangeAct.REFUSE_BEGUN if case.ended or (case.settled and case.next_week) else ChangeAct.LOOK
    return _alive(case)


def _alive(case: ChangeCase) -> ChangeAct:
    if not case.settled:
        return ChangeAct.LOOK
    if case.next_week:  # what was answered to the POST of another week says nothing of this one
        return ChangeAct.NEXT_WEEK
    if case.refusal in _REFUSED:
        return _REFUSED[case.refusal] if case.ended else ChangeAct.LOOK
    return ChangeAct.POST_AGAIN if case.may_retry else out_of_retries(case)


def _seat_not_found(case: ChangeCase) -> ChangeAct:
    """Judge a seat that is nowhere: cancelled, or moved to an empty time, where it has another uid."""
    if case.listed is None:
        return ChangeAct.ASK_LIST
    if case.listed:
        return ChangeAct.FOLLOW
    return ChangeAct.DONE if case.ended else ChangeAct.LOOK


def _booking_not_found(case: ChangeCase) -> ChangeAct:
    return not_found(ChangeAct.DONE_NOT_FOUND, young=case.young, another=case.another)
