"""Which accounts called lately, by the rules: of so many of them the failures must be that open the breaker for all."""

from dataclasses import dataclass, field

from tests.breaker_model.scope import Caller

MOST, FRESH, RECENT = 3, 60_000, 600_000  # accounts; ms within which a call is not noted again; ms for which it counts


@dataclass
class Callers:
    """The last accounts that called while their own breakers were closed: key and ms of each, the newest first."""

    known: dict[str, int] = field(default_factory=dict)

    def note(self, key: str, now: int) -> None:
        """Note a call; if this account, or three others, called within a minute, nothing changes."""
        fresh = [known for known, at in self.known.items() if abs(now - at) < FRESH]
        if key in fresh or len(fresh) >= MOST:
            return
        others = {known: at for known, at in self.known.items() if known != key}
        self.known = dict([(key, now), *others.items()][:MOST])

    def to_open(self, at: Caller) -> int:
        """Return of how many accounts failures in a row must be to open the breaker for all: of those that call."""
        recent = sum(abs(at.now - then) < RECENT for then in self.known.values())
        return min(at.to_open, max(2, recent))

    @property
    def text(self) -> str:
        """Return what is kept of them, as the hash does."""
        return " ".join(f"{key}={at}" for key, at in self.known.items())
