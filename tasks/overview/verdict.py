"""The verdict on an overview: whose matter it is, one sentence, what happens if nobody acts, and what can be pressed.

Pure. The first true row gives the sentence, up to three more follow; the level is that of the worst true row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from db.lifecycle import HoldReason
from tasks.overview.ranking import ours, theirs, yours
from tasks.overview.ranking.phrases import is_late
from tasks.overview.ranking.row import Level, TrueRow, Whose
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
ALSO = 3  # rows that follow the first
_BADNESS = (Level.CALM, Level.WARNING, Level.CRITICAL)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on an overview."""

    level: Level
    row: int
    name: str
    whose: Whose
    sentence: Sentence
    if_nobody_acts: Sentence
    also: tuple[Sentence, ...]
    buttons: tuple[str, ...]
    reason: HoldReason | None
    """The hold reason whose bookings `show_reason` shows."""
    done_at: datetime | None
    """When all that is held is let go; None: nothing foresees it."""


def verdict(overview: Overview) -> Verdict:
    """Return the first row that is true, what else is true, and how bad it is altogether."""
    true = [found for row in RANKED if (found := row(overview))]
    first, *others = true or [yours.calm(overview)]
    if first.counts_endings:
        others = [one for one in others if one.name != yours.ENDED_BADLY]
    levels = [one.level for one in true] + ([Level.CRITICAL] if is_late(overview) else [])
    return Verdict(
        level=max(levels, default=Level.CALM, key=_BADNESS.index),
        row=first.row,
        name=first.name,
        whose=first.whose,
        sentence=first.sentence,
        if_nobody_acts=first.if_nobody_acts,
        also=tuple(one.short or one.sentence for one in others[:ALSO]),
        buttons=first.buttons,
        reason=first.reason,
        done_at=first.done_at,
    )
