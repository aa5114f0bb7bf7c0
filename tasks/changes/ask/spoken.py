"""What a caller may be told of a cancel or a move: one fixed sentence for each state; only times are added.

No sentence says "moved" or "cancelled" while the change is only noted. No sentence says that a booking stands while
Cal.com may have changed it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from db.appointments.views import BookingView
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, Status
from db.models.changes import SeriesScope
from resilience.error_types import ErrorType
from tasks.callers.languages import language_of, sentences
from tasks.callers.sentences import BY_REASON, Said, say, spoken
from tasks.changes.ask.by_caller import ChangeOfCaller


class SaidOfChange(StrEnum):
    """What is true of a change; `time` is the wanted start, `old` the booking's."""

    MOVED = "moved"
    MOVED_HOST = "moved_host"  # Cal.com has moved it, and its host must confirm it
    MOVE_NOTED = "move_noted"  # under way, or its outcome is unknown
    MOVE_OUTAGE = "move_outage"
    MOVE_BUSY = "move_busy"  # as of a booking: Cal.com answers, and the limit is used up
    MOVE_TAKEN = "move_taken"  # the wanted start is taken, or full
    MOVE_REFUSED = "move_refused"
    MOVED_ALREADY = "moved_already"  # it is at this start
    CANCELLED = "cancelled"
    CANCELLED_ALREADY = "cancelled_already"
    WEEK_CANCELLED = "week_cancelled"  # of a series; `time` is its start
    WEEKS_CANCELLED = "weeks_cancelled"  # from that one on
    WEEK_NOTED = "week_noted"
    WEEKS_NOTED = "weeks_noted"
    CANCEL_NOTED = "cancel_noted"
    CANCEL_OUTAGE = "cancel_outage"
    CANCEL_BUSY = "cancel_busy"
    CANCEL_REFUSED = "cancel_refused"
    CANCEL_FAILED = "cancel_failed"  # an alert names it, and it is in a list from which people are called
    WEEK_REFUSED = "week_refused"  # a week of a series: none begins then, or it has begun
    OPERATOR = "operator"


_C = SaidOfChange
CHANGE_SENTENCES: Mapping[str, Mapping[SaidOfChange, str]] = sentences("change", SaidOfChange)
_HELD: Mapping[Said | None, tuple[SaidOfChange, SaidOfChange]] = MappingProxyType(
    {Said.OUTAGE: (_C.CANCEL_OUTAGE, _C.MOVE_OUTAGE), Said.BUSY: (_C.CANCEL_BUSY, _C.MOVE_BUSY)}
)


def what_is_true_of(found: ChangeOfCaller) -> SaidOfChange | None:
    """Return which sentence is true of a change; None: the booking's own sentence is."""
    view, change = found.view, found.change
    if change is None or (change.wanted is None and view.status is Status.CANCELLED):
        return _C.CANCELLED_ALREADY if found.again else _C.CANCELLED
    if change.status in {ChangeStatus.REFUSED, ChangeStatus.EXPIRED, ChangeStatus.FAILED}:
        failed = change.status is ChangeStatus.FAILED
        unsure = change.outcome_unknown or (failed and change.may_have_moved)
        is_cancel, is_taken, of_weeks = (
            change.wanted is None,
            change.error_type == ErrorType.TAKEN,
            change.part is not None,
        )
        return not_done(view, is_cancel=is_cancel, failed=failed, unsure=unsure, of_weeks=of_weeks, is_taken=is_taken)
    if change.over:  # what is done may have been changed by somebody since
        return _done(view, change, again=found.again)
    return _under_way(change)


def _done(view: BookingView, change: BookingChange, *, again: bool) -> SaidOfChange | None:
    if change.part is not None and change.status is ChangeStatus.DONE:
        return _C.WEEK_CANCELLED if change.scope is SeriesScope.ONE else _C.WEEKS_CANCELLED
    if change.status is not ChangeStatus.DONE or view.status is not Status.CONFIRMED or view.start != change.wanted:
        return None
    if view.awaits_host:
        return _C.MOVED_HOST
    return _C.MOVED_ALREADY if again or change.has_moved_nothing else _C.MOVED


def not_done(
    view: BookingView, *, is_cancel: bool, failed: bool, unsure: bool, of_weeks: bool, is_taken: bool
) -> SaidOfChange | None:
    """Return what is true of a change that is over and not done; None: the booking's own sentence is.

    `failed`: an alert names it. `unsure`: Cal.com may have changed the booking all the same. `of_weeks`: some weeks of
    a series were meant. `is_taken`: the wanted start is not free.
    """
    if view.status is not Status.CONFIRMED:
        return None
    if unsure:
        return _C.OPERATOR
    if of_weeks:
        return _C.WEEK_REFUSED
    if is_cancel:
        return _C.CANCEL_FAILED if failed else _C.CANCEL_REFUSED
    return _C.MOVE_TAKEN if is_taken else _C.MOVE_REFUSED


def _under_way(change: BookingChange) -> SaidOfChange:
    said = None if change.waits_for is None else BY_REASON[change.waits_for]
    if said is Said.OPERATOR:
        return _C.OPERATOR
    if change.part is not None:
        return _C.WEEK_NOTED if change.scope is SeriesScope.ONE else _C.WEEKS_NOTED
    if said in _HELD and not change.outcome_unknown:
        of_cancel, of_move = _HELD[said]
        return of_cancel if change.wanted is None else of_move
    return _C.CANCEL_NOTED if change.wanted is None else _C.MOVE_NOTED


def say_change(found: ChangeOfCaller, language: str | None) -> str:
    """Return the sentence of a change, in a language and the attendee's time zone."""
    said = what_is_true_of(found)
    if said is None:
        return say(replace(found.view, language=language), again=True)
    time = None if found.change is None else found.change.wanted or found.change.week
    return sentence(said, found.view, time, language)


def sentence(said: SaidOfChange, view: BookingView, wanted: datetime | None, language: str | None) -> str:
    """Return a sentence with the booking's time, and the wanted one if there is one."""
    old = spoken(view.start, view.time_zone, language)
    time = old if wanted is None else spoken(wanted, view.time_zone, language)
    return CHANGE_SENTENCES[language_of(language)][said].format(time=time, old=old)
