"""What is left to be cancelled of a series, by what a lookup shows of its weeks: pure, as `evidence.cancel`.

A series is never cancelled by its own uid: once its first week is over, moved or cancelled, Cal.com refuses that, and
the other weeks live on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from db.changes.change import SeriesPart
from db.models.changes import SeriesScope
from tasks.calcom.booking import Booking
from tasks.changes.evidence.case import Shown


@dataclass(frozen=True, slots=True)
class WeeksLeft:
    """What is left to be cancelled: `shown` as in ChangeCase, `uid` the week that it is about (None: there is none).

    ALIVE: a POST may name `uid`; with `rest` it cancels all weeks after it as well. UNREADABLE: `uid` is not among the
    weeks, and the one that is meant was moved to it.
    """

    shown: Shown
    uid: str | None = None
    rest: bool = False


def next_living(weeks: Iterable[Booking], *, since: datetime) -> Booking | None:
    """Return the first week after `since` that lives; None: no week to come lives."""
    living = [week for week in weeks if not week.cancelled and week.start and week.start > since]
    return min(living, key=lambda week: (week.start, week.uid), default=None)


def weeks_left(
    weeks: Sequence[Booking], *, since: datetime, part: SeriesPart | None = None, named: Sequence[str] = ()
) -> WeeksLeft:
    """Return what is left to be cancelled of a series, or of the part of it that is meant.

    Of one week nothing but its own uid is ever named, also after it was moved: `named` are the uids that a POST has
    named, and whatever else begins then by now is another week.
    """
    if part is None:
        week = next_living(weeks, since=since)
        return WeeksLeft(Shown.CANCELLED) if week is None else WeeksLeft(Shown.ALIVE, week.uid, rest=True)
    is_one = part.scope is SeriesScope.ONE
    own = _meant(weeks, part, named[-1] if is_one and named else None)
    if own is None:  # what a POST has named was shown before: a replica lags
        return WeeksLeft(Shown.UNREADABLE if named else Shown.NO_WEEK)
    if own.moved_to is not None:  # its successor is not shown
        return WeeksLeft(Shown.UNREADABLE, own.moved_to)
    from_then_on = [] if is_one else [week for week in weeks if week.start and week.start >= part.week]
    if (week := next_living(from_then_on, since=since)) is not None:
        return WeeksLeft(Shown.ALIVE, week.uid, rest=True)
    if next_living([own], since=since) is not None:  # also if it was moved before the others: they stay
        return WeeksLeft(Shown.ALIVE, own.uid)
    if own.cancelled or any(week.cancelled and week.uid in named for week in from_then_on):
        return WeeksLeft(Shown.CANCELLED)
    return WeeksLeft(Shown.BEGUN, own.uid)


def _meant(weeks: Sequence[Booking], part: SeriesPart, uid: str | None) -> Booking | None:
    """Return the week `uid` (None: the one that begins then, first of all one that lives) after all of its moves."""
    then = [week for week in weeks if (week.is_at(part.week) if uid is None else week.uid == uid)]
    first = next((week for week in then if not week.cancelled), next(iter(then), None))
    return None if first is None else present(weeks, first)


def present(weeks: Sequence[Booking], week: Booking) -> Booking:
    """Return what a week of a series is now, after those of its moves that are shown."""
    shown = {one.uid: one for one in weeks}
    for _ in weeks:
        week = shown.get(week.moved_to or "", week)
    return week
