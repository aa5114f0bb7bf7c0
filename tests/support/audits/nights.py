"""An audit of a night, on a clock of the test's own: each pause takes no time, and moves it on."""

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from db.audits import nights
from db.audits.nights import NightlyAudit
from tasks import dependencies
from tasks.audit.calls import NightlyCalls
from tasks.audit.nightly import audit_night

if TYPE_CHECKING:
    from collections.abc import Callable


class Night:
    """Audit one night as a process would that is asked to, time after time."""

    def __init__(self, night: date, simulator: Any) -> None:
        self.night, self.simulator = night, simulator
        self.now = 0.0
        self.sent: list[float] = []
        self.on_pause: Callable[[], object] = lambda: None
        with dependencies.current().engine.begin() as conn:
            nights.begin(conn, night)

    def take(self) -> NightlyAudit | None:
        """Take it up, if it may be."""
        with dependencies.current().engine.begin() as conn:
            return nights.take(conn, self.night, lease_seconds=60)

    def calls(self, audit: NightlyAudit) -> NightlyCalls:
        """Give the calls of a process that has taken it up."""
        return NightlyCalls(dependencies.current(), audit, pause=self._pause, clock=lambda: self.now)

    def go_on(self) -> bool:
        """Take it up and audit; return whether it was there to be taken up."""
        audit = self.take()
        if audit is not None:
            audit_night(self.calls(audit), audit)
            self._count()
        return audit is not None

    def most_in(self, seconds: float) -> int:
        """Return how many calls were sent, at most, in so many seconds."""
        return max(sum(one <= other < one + seconds for other in self.sent) for one in self.sent)

    def gaps(self) -> list[float]:
        """Return the seconds between one call and the next."""
        return [later - earlier for earlier, later in pairwise(self.sent)]

    def _pause(self, seconds: float) -> None:
        self._count()
        self.on_pause()
        self.now += seconds

    def _count(self) -> None:
        """Note at what time of this clock the calls of the journal were sent: between two pauses it stands still."""
        reads = [entry for entry in self.simulator.journal() if entry["method"] == "GET"]
        self.sent += [self.now] * (len(reads) - len(self.sent))
