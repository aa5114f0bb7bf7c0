"""The pace of held work by its rules: one, then two, then four, ...; from the least after each change of state."""

from dataclasses import dataclass, field
from typing import Any

Epochs = tuple[int, int]
"""Of the service and of the endpoint whose work is held."""


@dataclass
class Ramp:
    """Held items on their way, each with the end of its lease in ms, and how many may be."""

    size: int = 1
    epoch_fence: Epochs | None = None
    """For which the size was earned."""
    waiting: dict[str, int] = field(default_factory=dict)
    sending: dict[str, int] = field(default_factory=dict)

    def refresh(self, epochs: Epochs, now: int, lease: int, least: int) -> None:
        """Start again with other epochs; forget what lapsed, and what a clock that was set back has left."""
        if self.epoch_fence != epochs:
            self.epoch_fence, self.size, self.waiting, self.sending = epochs, least, {}, {}
        self.waiting = {item: ends for item, ends in self.waiting.items() if now < ends <= now + lease}
        self.sending = {item: ends for item, ends in self.sending.items() if now < ends <= now + lease}

    def send(self, item: str, ends: int) -> bool:
        """Let a released item be sent; return whether it was released."""
        if self.waiting.pop(item, None) is None:
            return False
        self.sending[item] = ends
        return True

    def apply_outcome(self, outcome: str, least: int, most: int) -> None:
        """Grow by one for each success of what was sent: doubles with each round."""
        if outcome == "success":
            self.size = min(self.size + 1, most)
        elif outcome in ("failure_service", "failure_endpoint"):
            self.size = least

    def free(self, most: int, *, probing: bool) -> int:
        """Return the places that are free; a breaker that is half-open has one."""
        return (1 if probing else min(self.size, most)) - len(self.waiting) - len(self.sending)

    def fields(self) -> dict[str, Any]:
        """Name what is kept as the hash does."""
        return {"window": self.size, "fence": "" if self.epoch_fence is None else "{},{}".format(*self.epoch_fence)}
