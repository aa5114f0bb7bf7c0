"""The verdict on an overview: one sentence, who must act, what happens if nobody does, and which buttons fit.

The first of the worst true rows gives the sentence, and up to three more sentences follow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from tasks.overview.ranking import accounts, ours, services, theirs, yours
from tasks.overview.ranking.phrases import is_late
from tasks.overview.ranking.row import Level, TrueRow
from tasks.overview.reading import Overview
from tasks.overview.sentences import Sentence

RANKED: tuple[Callable[[Overview], TrueRow | None], ...] = (
    ours.postgres_gone,
    ours.postgres_slow,
    ours.redis_gone,
    ours.nothing_moves,
    ours.no_health_check,
    ours.credentials,
    ours.configuration,
    theirs.forced_open,
    theirs.breaker_open,
    theirs.half_open,
    theirs.unreachable,
    theirs.draining,
    theirs.calcom_failing,
    theirs.database_failing,
    services.services_fail,
    theirs.throttled,
    services.services_wait,
    accounts.accounts_wait,
    accounts.accounts_need_you,
    yours.waits_for_you,
    yours.switched_off,
    yours.ended_badly,
    yours.not_called,
)
ALSO = 3  # rows that may follow the first row
KEPT = timedelta(seconds=10)  # a sentence that is still true stays for this time, so that a person can read it
_BADNESS = (Level.CALM, Level.WARNING, Level.CRITICAL)
_NOTHING_GOES = range(1, 10)  # while one of these rows is true, nothing is sent or released as usual
_GOING = {10, 11, 13}  # these rows tell how bookings go


@dataclass(frozen=True, slots=True)
class Verdict(TrueRow):
    """The verdict on an overview: the first of the worst rows that are true."""

    also: tuple[Sentence, ...] = ()
    """The sentences of further true rows."""
    chosen_at: datetime | None = None
    """Since when this row has been the first."""


def verdict(overview: Overview, before: Verdict | None = None) -> Verdict:
    """Return the first of the worst true rows, and the sentences of other true rows.

    `before` is the last verdict of the same viewer: its row stays the first for KEPT, if it is true and none is worse.
    """
    true = _true_rows(overview)
    first = _first(true, overview, before)
    others = [one for one in true if one is not first]
    if first.counts_endings:
        others = [one for one in others if one.name != yours.ENDED_BADLY]
    also = tuple(one.short or one.sentence for one in others[:ALSO])
    chosen_at = before.chosen_at if before and before.name == first.name else overview.read_at
    return Verdict(**{one.name: getattr(first, one.name) for one in fields(first)}, also=also, chosen_at=chosen_at)


def _true_rows(overview: Overview) -> Sequence[TrueRow]:
    true = [found for row in RANKED if (found := row(overview))]
    if any(one.row in _NOTHING_GOES for one in true):
        true = [one for one in true if one.row not in _GOING]
    if is_late(overview) and all(one.level is not Level.CRITICAL for one in true):
        true.insert(0, yours.late(overview))
    return true or [yours.calm(overview)]


def _first(true: Sequence[TrueRow], overview: Overview, before: Verdict | None) -> TrueRow:
    worst = max((one.level for one in true), key=_BADNESS.index)
    worst_rows = [one for one in true if one.level is worst]
    if before and before.chosen_at and overview.read_at - before.chosen_at < KEPT:
        return next((one for one in worst_rows if one.name == before.name), worst_rows[0])
    return worst_rows[0]
