"""Write down every call to the API as it happened: the judge's half of the truth."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 200_000  # entries; the oldest go first


@dataclass
class Entry:
    """One call. `t0` and `t1` are seconds of CLOCK_MONOTONIC, comparable within one machine; t1 None: still running."""

    n: int
    t0: float
    at: str
    method: str
    target: str
    event_type_id: int | None = None
    reference: str | None = None
    key: str | None = None  # as it was sent, good or not
    agent: str | None = None  # what the caller calls itself: User-Agent
    fault: str | None = None
    status: int | None = None  # None: nothing was answered
    whole: bool = False  # the answer left in full
    uid: str | None = None  # what this call has committed
    seat_uid: str | None = None
    committed_at: float | None = None
    t1: float | None = None


class Journal:
    """A bounded list of entries, numbered from 1."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._count = 0

    def begin(self, *, t0: float, at: str, method: str, target: str, agent: str | None) -> Entry:
        """Open an entry as soon as a request's headers are read."""
        self._count += 1
        entry = Entry(n=self._count, t0=t0, at=at, method=method, target=target, agent=agent)
        self._entries.append(entry)
        return entry

    @staticmethod
    def unlisted(method: str, target: str) -> Entry:
        """Make an entry that is in no journal: for orders to the simulator itself."""
        return Entry(n=0, t0=0.0, at="", method=method, target=target)

    def since(self, n: int) -> list[dict[str, Any]]:
        """List the entries numbered above n, oldest first."""
        found = []
        for entry in reversed(self._entries):
            if entry.n <= n:
                break
            found.append(asdict(entry))
        return found[::-1]

    def clear(self) -> None:
        """Forget all entries; numbering goes on, so that a reader's `since` stays good."""
        self._entries.clear()


def reference_of(metadata: Any) -> str | None:
    """Find the product's reference in a metadata object: the name by which a judge compares both sides."""
    found = metadata.get("bookingWorkerRef") if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else None
