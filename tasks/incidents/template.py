"""The texts of a kind of incident, and what several of them have in common."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.words import plural

NORMAL = "One moment, I am booking it."
KEPT = "The calendar is not answering. Your request is kept in order, and we will confirm it."
LATER = "We will come back to you."
SLOWER = "It takes a little longer. We will confirm it."


@dataclass(frozen=True)
class Template:
    """The texts of a kind of incident; each takes facts in braces."""

    present: str
    past: str
    caller_message: str
    action: str


def always(title: str, caller_message: str, action: str) -> Template:
    """Return the texts of a kind whose title is the same during an incident and after it."""
    return Template(title, title, caller_message, action)


def named_bookings(ids: Sequence[int]) -> str:
    """Return how many bookings there are, and the first twenty by their numbers."""
    few = 20
    more = f" and {len(ids) - few:,} more" if len(ids) > few else ""
    return f"{plural(len(ids), 'booking')} ({', '.join(map(str, ids[:few]))}{more})"
