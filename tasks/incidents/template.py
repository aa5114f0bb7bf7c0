"""The texts of a kind of incident, and what callers hear in several of them."""

from dataclasses import dataclass

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
