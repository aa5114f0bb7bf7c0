"""All texts of the page that a claim is read from."""

import re
from collections.abc import Iterator
from datetime import datetime

from tests.truth.claims import figures, story, verdict
from tests.truth.claims.grammar import Forecast, Pattern, Seen
from tests.truth.world import Past

QUEUED = ("breaker_open", "in_line", "throttled")

PATTERNS: tuple[Pattern, ...] = (
    *verdict.OURS,
    *verdict.THEIRS,
    *verdict.YOURS,
    *verdict.NOTES,
    *figures.FIGURES,
    *story.STORY,
)


def forecasts(seen: Seen) -> Iterator[Forecast]:
    """Yield what a text says of moments to come."""
    if seen.told.region == "nothing" and (found := re.fullmatch(r"If you do nothing: done (?:at|in) about @\.", seen.told.text)):
        yield Forecast(seen, "done", seen.told.moments[0].at, _emptied)


def _emptied(past: Past) -> datetime | None:
    return next((one.at for one in past.snapshots if one.record and not one.record.held_count(*QUEUED)), None)
