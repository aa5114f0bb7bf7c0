"""What lets no call go, whatever the breaker says: a refused key, settings that lead to something else."""

from dataclasses import dataclass, field
from typing import Any

from resilience.circuit_breaker.wire import OutcomeReport
from tests.breaker_model.scope import Admission, Caller

MOST = 60  # times `trial_every`: the longest pause between two trials of one of several keys


@dataclass
class Kept:
    """Since when (ms) a key is refused and settings lead elsewhere; where something else has answered a call."""

    blocked: dict[str, int] = field(default_factory=dict)
    misconfigured: dict[str, int] = field(default_factory=dict)
    paged: dict[str, str] = field(default_factory=dict)
    unblocked_at: int = 0
    next_trial: int = 0
    trials: int = 0
    """How many trials went since the block began, of one of several keys."""

    def lift(self, now: int) -> None:
        """Lift all, for an operator."""
        self.blocked, self.misconfigured, self.paged, self.unblocked_at = {}, {}, {}, now

    def fields(self) -> dict[str, Any]:
        """Name what is kept as the hash does."""
        known: dict[str, Any] = {"trial": self.next_trial, "trials": self.trials, "cleared": self.unblocked_at}
        for prefix, causes in (("blocked", self.blocked), ("wrong", self.misconfigured), ("page", self.paged)):
            known |= {f"{prefix}:{name}": since for name, since in causes.items()}
        return known


@dataclass
class Blocks:
    """What blocks the calls of one account: `home` is written; what the service's hash has counts as well."""

    home: Kept
    service: Kept

    def is_blocked(self, at: Caller) -> bool:
        """Return whether the key is refused."""
        return any(at.key in kept.blocked for kept in (self.home, self.service))

    def is_misconfigured(self, at: Caller) -> bool:
        """Return whether the settings lead elsewhere."""
        return any(at.configuration in kept.misconfigured for kept in (self.home, self.service))

    def paged(self, at: Caller) -> str | None:
        """Return the endpoint at which something else has answered."""
        return self.service.paged.get(at.configuration) or self.home.paged.get(at.configuration)

    def admission(self, at: Caller, *, trial: bool) -> Admission:
        """Say what stands in the way of a call; of trials one goes in a pause, whatever is blocked."""
        cause = "credentials" if self.is_blocked(at) else "configuration"
        if not trial:
            shut = self.is_blocked(at) or self.is_misconfigured(at)
            return Admission(cause, -1) if shut else Admission()
        wait = self.home.next_trial - at.now  # longer than the pause only by a clock that was set back
        return Admission(cause, wait) if 0 < wait <= _pause(at, self.home.trials - 1) else Admission()

    def take_trial(self, at: Caller) -> None:
        """Let the one trial go; the pauses of one of several keys grow: 1, 2, 4 ... 60."""
        self.home.next_trial = at.now + _pause(at, self.home.trials)
        self.home.trials += bool(at.account)

    def apply_outcome(self, at: Caller, report: OutcomeReport) -> None:
        """Take in an outcome; a refusal that was on its way when blocks were lifted puts none up again."""
        match report.outcome:
            case "credentials" if report.granted_at > self.home.unblocked_at or self.home.unblocked_at > at.now:
                if at.account and not self.is_blocked(at):
                    self.home.next_trial, self.home.trials = at.now + _pause(at, 0), 1
                self.home.blocked[at.key] = at.now
            case "configuration" if report.trial:
                self.home.misconfigured[at.configuration] = at.now
            case "configuration" if self.paged(at) is None:
                self.home.paged[at.configuration] = at.endpoint
            case "success" if report.trial:  # the service takes this key, and it is the service
                for kept in (self.home, self.service):
                    kept.blocked.pop(at.key, None)
                    kept.misconfigured.pop(at.configuration, None)
                self.home.unblocked_at = at.now
                self.home.trials *= not at.account
            case "success" if self.paged(at) == at.endpoint:
                for kept in (self.home, self.service):
                    kept.paged.pop(at.configuration, None)


def _pause(at: Caller, before: int) -> int:
    """Return the ms until the next trial; `before`: how many went before."""
    return int(at.limits.trial_every * (min(2 ** max(0, before), MOST) if at.account else 1))
