"""What lets no call go, whatever the breaker says: a refused key, settings that lead to something else."""

from dataclasses import dataclass, field
from typing import Any

from resilience.circuit_breaker.wire import OutcomeReport
from tests.breaker_model.scope import Admission, Caller


@dataclass
class Blocks:
    """Since when (ms) a key is refused and settings lead elsewhere; where something else has answered a call."""

    blocked: dict[str, int] = field(default_factory=dict)
    misconfigured: dict[str, int] = field(default_factory=dict)
    paged: dict[str, str] = field(default_factory=dict)
    unblocked_at: int = 0
    next_trial: int = 0

    def admission(self, at: Caller, *, trial: bool) -> Admission:
        """Say what stands in the way of a call; of trials one goes in `trial_every`, whatever is blocked."""
        cause = "credentials" if at.key in self.blocked else "configuration"
        if not trial:
            shut = at.key in self.blocked or at.configuration in self.misconfigured
            return Admission(cause, -1) if shut else Admission()
        wait = self.next_trial - at.now  # longer than `trial_every` only by a clock that was set back
        return Admission(cause, wait) if 0 < wait <= at.limits.trial_every else Admission()

    def apply_outcome(self, at: Caller, report: OutcomeReport) -> None:
        """Take in an outcome; a refusal that was on its way when blocks were lifted puts none up again."""
        match report.outcome:
            case "credentials" if report.granted_at > self.unblocked_at or self.unblocked_at > at.now:
                self.blocked[at.key] = at.now
            case "configuration" if report.trial:
                self.misconfigured[at.configuration] = at.now
            case "configuration":
                self.paged.setdefault(at.configuration, at.endpoint)
            case "success" if report.trial:  # the service takes this key, and it is the service
                self.blocked.pop(at.key, None)
                self.misconfigured.pop(at.configuration, None)
                self.unblocked_at = at.now
            case "success" if self.paged.get(at.configuration) == at.endpoint:
                del self.paged[at.configuration]

    def lift(self, now: int) -> None:
        """Lift all, for an operator."""
        self.blocked, self.misconfigured, self.paged, self.unblocked_at = {}, {}, {}, now

    def fields(self) -> dict[str, Any]:
        """Name what is kept as the hash does."""
        known: dict[str, Any] = {"trial": self.next_trial, "cleared": self.unblocked_at}
        for prefix, causes in (("blocked", self.blocked), ("wrong", self.misconfigured), ("page", self.paged)):
            known |= {f"{prefix}:{name}": since for name, since in causes.items()}
        return known
