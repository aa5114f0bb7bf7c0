"""The pace of releasing held work, in this process: `lua/window.lua` once more, for the time in which Redis is gone."""

from dataclasses import dataclass, field

from resilience.permit import CallOutcome

FAILURES = (CallOutcome.FAILURE_SERVICE, CallOutcome.FAILURE_ENDPOINT)


@dataclass(slots=True)
class ReleaseWindow:
    """Let one go, then two, four, ...: no stampede after an outage."""

    size: int = 1
    fence: str = ""
    """The epochs for which the size was earned; after a change of state it is one again."""
    waiting: dict[str, int] = field(default_factory=dict)
    """Released, their permit not yet asked for: item -> end of its lease in ms."""
    sending: dict[str, int] = field(default_factory=dict)

    def open(self, fence: str, now: int) -> None:
        """Forget what belongs to other epochs, and whoever never came back."""
        if self.fence != fence:
            self.fence, self.size = fence, 1
            self.waiting.clear()
            self.sending.clear()
        self.waiting = {item: ends for item, ends in self.waiting.items() if ends > now}
        self.sending = {item: ends for item, ends in self.sending.items() if ends > now}

    def done(self, fence: str, outcome: CallOutcome, *, mine: bool, release_max: int) -> None:
        """Hear an outcome; `mine`: of an item that this window had released."""
        if self.fence != fence:
            return
        if outcome in FAILURES:
            self.size = 1
        elif mine and outcome is CallOutcome.SUCCESS:
            self.size = min(self.size + 1, release_max)

    def free(self, release_max: int, *, probing: bool) -> int:
        """Give how many more may be in flight."""
        size = 1 if probing else min(self.size, release_max)
        return size - len(self.waiting) - len(self.sending)
