"""A row of the ranking that is true now: its sentence, whose matter it is, and how bad it is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from db.lifecycle import HoldReason
from tasks.overview.sentences import Sentence


class Level(StrEnum):
    """How bad a row is."""

    CALM = "calm"
    WARNING = "warning"
    CRITICAL = "critical"


class Whose(StrEnum):
    """Whose matter a row is."""

    OURS = "ours"
    ORDERED = "ordered"
    CALCOM = "Cal.com"
    LIMIT = "the limit"
    YOURS = "yours"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class TrueRow:
    """A row of the ranking that is true now."""

    row: int
    name: str
    whose: Whose
    level: Level
    sentence: Sentence
    if_nobody_acts: Sentence = ()
    """What happens if nobody does anything."""
    buttons: tuple[str, ...] = ()
    short: Sentence = ()
    """The row's sentence when another row comes first; empty: the same sentence."""
    reason: HoldReason | None = None
    """The hold reason whose bookings `show_reason` shows."""
    done_at: datetime | None = None
    """When all held bookings will probably be released."""
    counts_endings: bool = False
    """Whether its sentence counts the bookings that ended badly."""
    held: int = 0
    """How many bookings its cause holds."""
