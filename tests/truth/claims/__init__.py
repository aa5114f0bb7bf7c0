"""All texts of the page that a claim is read from."""

from collections.abc import Iterator

from tests.truth.claims import figures, story, verdict
from tests.truth.claims.grammar import Forecast, Pattern, Seen

PATTERNS: tuple[Pattern, ...] = (*verdict.OURS, *verdict.THEIRS, *figures.FIGURES, *story.STORY)


def forecasts(seen: Seen) -> Iterator[Forecast]:
    """Yield what a text says of moments to come."""
    return iter(())
