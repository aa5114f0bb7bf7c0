"""What lets no call go, whatever the breaker says: a refused key, settings that lead to something else."""

from dataclasses import dataclass, field
from typing import Any

from resilience.circuit_breaker.wire import Report
from tests.breaker_model.scope import Caller, Obstacle


@dataclass
class Blocks:
    """Since when (ms) a key is refused and settings lead elsewhere; where something else has answered a call."""

    blocked: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)
    page: dict[str, str] = field(default_factory=dict)
    cleared: int = 0
    next_trial: int = 0

    def obstacle(self, at: Caller, *, trial: bool) -> Obstacle:
        """Say what stands in the way of a call; of trials one goes in `trial_every`, whatever is blocked."""
        cause = "credentials" if at.key in self.blocked else "configuration"
        if not trial:
            shut = at.key in self.blocked or at.configuration in self.wrong
            return Obstacle(cause, -1) if shut else Obstacle()
        wait = min(self.next_trial - at.now, at.limits.trial_every)
        return Obstacle(cause, wait) if wait > 0 else Obstacle()

    def hear(self, at: Caller, report: Report) -> None:
        """Take in an outcome; a refusal that was on its way when blocks were lifted puts none up again."""
        match report.outcome:
            case "credentials" if report.granted_at > self.cleared or self.cleared > at.now:
                self.blocked[at.key] = at.now
            case "configuration" if report.trial:
                self.wrong[at.configuration] = at.now
            case "configuration":
                self.page.setdefault(at.configuration, at.endpoint)
            case "success" if report.trial:  # the service takes this key, and it is the service
                self.blocked.pop(at.key, None)
                self.wrong.pop(at.configuration, None)
                self.cleared = at.now
            case "success" if self.page.get(at.configuration) == at.endpoint:
                del self.page[at.configuration]

    def lift(self, now: int) -> None:
        """Lift all, for an operator."""
        self.blocked, self.wrong, self.page, self.cleared = {}, {}, {}, now

    def fields(self) -> dict[str, Any]:
        """Name what is kept as the hash does."""
        known: dict[str, Any] = {"trial": self.next_trial, "cleared": self.cleared}
        for prefix, causes in (("blocked", self.blocked), ("wrong", self.wrong), ("page", self.page)):
            known |= {f"{prefix}:{name}": since for name, since in causes.items()}
        return known
