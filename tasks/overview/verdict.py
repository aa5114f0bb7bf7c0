"""The verdict on an overview: one sentence, who must act, what happens if nobody does, and which buttons fit.

The first true row gives the sentence, and up to three more sentences follow; the level is that of the worst true row.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

from tasks.overview.ranking import ours, theirs, yours
from tasks.overview.ranking.phrases import is_late
from tasks.overview.ranking.row import Level, TrueRow
from tasks.overview.reading import Overview
from tasks.overview.sentences import Sentence

RANKED: tuple[Callable[[Overview], TrueRow | None], ...] = (
    ours.postgres_gone,
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
    theirs.throttled,
    yours.waits_for_you,
    yours.switched_off,
    yours.ended_badly,
    yours.not_called,
)
ALSO = 3  # rows that may follow the first row
_BADNESS = (Level.CALM, Level.WARNING, Level.CRITICAL)


@dataclass(frozen=True, slots=True)
class Verdict(TrueRow):
    """The verdict on an overview: its first true row, with the level of the worst one."""

    also: tuple[Sentence, ...] = ()
    """The sentences of further true rows."""


def verdict(overview: Overview) -> Verdict:
    """Return the first true row, the sentences of other true rows, and the level of the worst one."""
    true = [found for row in RANKED if (found := row(overview))]
    first, *others = true or [yours.calm(overview)]
    if first.counts_endings:
        others = [one for one in others if one.name != yours.ENDED_BADLY]
    levels = [one.level for one in true] + ([Level.CRITICAL] if is_late(overview) else [])
    worst = max(levels, default=Level.CALM, key=_BADNESS.index)
    also = tuple(one.short or one.sentence for one in others[:ALSO])
    return Verdict(**{one.name: getattr(first, one.name) for one in fields(first)} | {"level": worst, "also": also})
