"""Where alerts go, as tasks see it: names and a bounded way to deliver. worker/alerts/sinks.py does it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Message:
    """What a sink is told; the title carries everything that matters."""

    title: str
    body: str
    resolved: bool = False


class Sinks(Protocol):
    """Name what is needed of the places in ALERT_URLS."""

    names: tuple[str, ...]
    """One a sink, without secrets: they stand in logs and tables."""
    limit: float
    """Seconds after which `deliver` has ended, whatever the sinks do."""

    def deliver(self, messages: Sequence[tuple[str, Message]]) -> Iterator[tuple[int, str | None]]:
        """Send each to the sink named; yield each one's place and its trouble (None: taken), as they become known."""
