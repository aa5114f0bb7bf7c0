"""Where a booking may stand between two events: the model's row, with its moments as spans of the real clock."""

from collections.abc import Iterator
from typing import NamedTuple

from db.lifecycle import HoldReason, Status
from tests.model.rows import Row


class Span(NamedTuple):
    """A moment of which only this is known: not before `lo`, not after `hi`. Seconds."""

    lo: float
    hi: float

    def passed(self, at: "Span") -> Iterator[bool]:
        """Yield whether it may have passed, and may not have passed, at a moment."""
        if at.hi >= self.lo:
            yield True
        if at.lo < self.hi:
            yield False

    def after(self, seconds: float) -> "Span":
        """Return the moment so many seconds later."""
        return Span(self.lo + seconds, self.hi + seconds)

    def or_later(self, other: "Span") -> "Span":
        """Return the later one of two moments."""
        return Span(max(self.lo, other.lo), max(self.hi, other.hi))


NEVER = Span(0.0, 0.0)
DISPATCHED = -1.0
"""As `until`: the dispatcher may have held it since, as a client kept it, and no event says so."""


class State(NamedTuple):
    """One of the states in which a booking may be.

    `row` counts retries and looks in earnest; its moments stand beside it. `at`: since when it is in its status,
    `until`: before this moment it is not claimed, or released. `reason` of `row` is the hold's as operators see it.
    """

    row: Row
    at: float
    until: float = 0.0
    settle: Span = NEVER
    ends: Span = NEVER
    since: Span = NEVER  # askable_since
    flipped: float = 0.0  # when somebody else last wrote a column that a worker's claim reads

    def words(self) -> str:
        """Tell it."""
        row = self.row
        held = f"({row.reason})" if row.reason else ""
        return f"{row.status}{held}{', unknown' if row.unknown else ''}, {row.retries} retries"


class Cannot(NamedTuple):
    """Why a step cannot be taken out of a state."""

    why: str


BEGINNINGS = (
    Row(Status.PENDING),
    Row(Status.HELD, HoldReason.BREAKER_OPEN),
    Row(Status.HELD, HoldReason.THROTTLED),
    Row(Status.HELD, HoldReason.IN_LINE),
)
