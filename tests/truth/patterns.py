"""All texts of the page that a claim is read from."""

import re
from collections.abc import Iterator
from datetime import datetime

from tests.truth.claims import accounts, booking, figures, front_door, notes, ours, story, theirs, yours
from tests.truth.claims.grammar import Forecast, Pattern, Seen
from tests.truth.past import Past

QUEUED = ("breaker_open", "in_line", "throttled")

PATTERNS: tuple[Pattern, ...] = (
    *ours.OURS,
    *theirs.THEIRS,
    *yours.YOURS,
    *accounts.ACCOUNTS,
    *notes.NOTES,
    *figures.FIGURES,
    *front_door.FRONT_DOOR,
    *story.STORY,
    *booking.BOOKING,
)


def forecasts(seen: Seen) -> Iterator[Forecast]:
    """Yield what a text says of moments to come."""
    if seen.told.region == "nothing" and re.fullmatch(r"If you do nothing: done (?:at|in) about @\.", seen.told.text):
        yield Forecast(seen, "done", seen.told.moments[0].at, _emptied)


def _emptied(past: Past) -> datetime | None:
    return next((one.at for one in past.snapshots if one.record and not one.record.held_count(*QUEUED)), None)
