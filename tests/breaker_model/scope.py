"""One breaker by its rules: the service's, an endpoint's, or an account's for an endpoint."""

from dataclasses import dataclass, field
from typing import NamedTuple

from resilience.circuit_breaker.settings import NEVER, Limits

BUSY = 1000  # ms after which to ask again, when the one place is not for this call
SHORT = 10  # by which OPEN is divided while a part of the service works


class Caller(NamedTuple):
    """Who takes a step, about which endpoint, and when (ms)."""

    endpoint: str
    key: str
    configuration: str
    limits: Limits
    now: int
    account: str = ""
    """The account's id; '': it is alone."""
    neighbours: int = 1
    """How many accounts the service has."""
    settings: str = ""
    """The text of its settings; '': that of `limits`, whose limit is the settings' own."""

    @property
    def text(self) -> str:
        """Return the text of the settings, which is the same for accounts with different limits."""
        return self.settings or self.limits.text

    @property
    def to_open(self) -> int:
        """Return of how many accounts the failures in a row must be that open the breaker for all."""
        return min(3, self.neighbours)

    @property
    def limit_of(self) -> str:
        """Return whose limit this is: the key's, or '' the service's, which account 1 keeps."""
        return "" if self.account in ("", "1") else self.key


class Admission(NamedTuple):
    """Why a call may not go ('': it may), the ms to wait (-1: for somebody), and whether it would be a probe."""

    reason: str = ""
    wait: int = 0
    probing: bool = False


@dataclass
class Scope:
    """The state of a breaker; times in ms."""

    name: str
    epoch: int
    state: str = "closed"
    ends: int = 0
    opens: int = 0
    in_a_row: list[int] = field(default_factory=list)
    """When each of the failures in a row came."""
    owner: str = ""
    lease: int = 0
    mixed_at: int = 0
    """When a success last ended a row of failures."""
    prefix: str = ""
    """What its fields begin with."""
    failed_by: list[str] = field(default_factory=list)
    """The accounts of the last failures, the newest first; '-': nothing was sent, so no account is the cause."""
    probed_by: str = ""
    """The account of the last probe."""
    moved: bool = False
    """Whether its state was ever changed: its epoch is its own, not that of the generation."""

    def admission(self, at: Caller, *, probe_ok: bool, gives_way: bool = False, beside: bool = False) -> Admission:
        """Say what stands in the way of a call."""
        match self.state:
            case "open" | "forced_open":
                return Admission("breaker_open", self.ends - at.now if self.ends else -1)
            case "half_open" if at.now < self.lease and beside:
                return Admission()
            case "half_open" if at.now < self.lease:
                return Admission("breaker_open", self.lease - at.now)
            case "half_open" if not probe_ok:
                return Admission("breaker_open", BUSY)
            case "half_open" if gives_way and 0 <= at.now - self.epoch < BUSY:
                return Admission("breaker_open", self.epoch + BUSY - at.now)
        return Admission(probing=self.state == "half_open")

    def set_probe(self, owner: str, lease: int) -> None:
        """Give the one place of a half-open breaker away, or back."""
        self.owner, self.lease = owner, lease

    def forget_later(self, limits: Limits, now: int) -> None:
        """Believe no moment that only a clock that was set back can have left."""
        if self.state == "open":
            self.ends = min(self.ends, now + limits.open_max)
        self.lease = min(self.lease, now + limits.lease_for)

    def count_failure(self, at: Caller, account: str, to_open: int) -> bool:
        """Count a failure of a closed breaker; return whether the last `threshold` in a row came within `span`.

        `account`: by whom it was, if it opens the breaker only with those of others, of `to_open` accounts in all; '-':
        by no account's fault.
        """
        if at.limits.threshold > NEVER:
            return False
        if account:
            self.failed_by = [account, *(self.failed_by if self.in_a_row else ())][: at.limits.threshold]
        self.in_a_row.append(at.now)
        last = self.in_a_row[-at.limits.threshold :]
        accounts = len(set(self.failed_by) - {"-"}) + self.failed_by.count("-")
        enough = not account or accounts >= min(to_open, at.limits.threshold)
        return enough and len(last) == at.limits.threshold and at.now - last[0] <= at.limits.span

    def end_the_row(self, now: int) -> None:
        """Set the count of failures in a row back to nothing, by a success."""
        if self.in_a_row:
            self.in_a_row, self.mixed_at = [], now

    def is_mixed(self, limits: Limits, now: int) -> bool:
        """Say whether a success has ended a row of failures less than one OPEN ago: a part of the service works."""
        return 0 <= now - self.mixed_at < limits.open_for

    def forget_times(self) -> None:
        """Lose the times of the failures: they are as old as can be."""
        self.in_a_row = [0 for _ in self.in_a_row]

    @property
    def view(self) -> tuple[str, int, int, int]:
        """Give what every answer tells of it."""
        return self.state, self.epoch, self.ends, self.opens

    def fields(self) -> dict[str, str | int]:
        """Name what is kept as the hash does."""
        at = self.prefix
        return {
            f"{at}state": self.state, f"{at}epoch": self.epoch, f"{at}ends": self.ends, f"{at}opens": self.opens,
            f"{at}failures": len(self.in_a_row), f"{at}owner": self.owner, f"{at}lease": self.lease,
            f"{at}mixed_at": self.mixed_at, f"{at}failed_by": " ".join(self.failed_by),
            f"{at}probed_by": self.probed_by,
        }  # fmt: skip
