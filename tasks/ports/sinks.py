"""What a sink of alerts is, and what it delivers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class AlertMessage:
    """Hold what a sink delivers; the title alone must be enough."""

    title: str
    body: str
    resolved: bool = False


class Sinks(Protocol):
    """Describe the sinks in ALERT_URLS; worker/alerts/sinks.py delivers to them."""

    names: tuple[str, ...]
    """A name for each sink, without secrets: logs and tables contain it."""
    limit: float
    """Seconds after which `deliver` has certainly ended."""

    def deliver(self, messages: Sequence[tuple[str, AlertMessage]]) -> Iterator[tuple[int, str | None]]:
        """Send each message to the sink that is named with it.

        Yield the index of each message and its error (None: it is delivered), as soon as that is known.
        """
