"""Who calls: the account that a call, a report or a release is for."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from resilience.circuit_breaker.settings import BreakerSettings

ENOUGH = 3
"""Failures in a row of this many accounts, or of all that call, two at least, open the breaker for all accounts."""
RECENT = 600_000
"""For so many milliseconds after its last call an account is one that calls (lua/lib/callers.lua)."""
FIRST = 1
"""The account that keeps the service's own limit and blocks: workers that know no accounts write the same ones."""
OWN_SERVICE = "calcom"
"""The service of account 1."""


@dataclass(frozen=True, slots=True)
class CallingAccount:
    """An account as the breaker knows it; the default is account 1, alone, which is guarded as if no others could be.

    An account that is not alone has a limit, blocks and a breaker of its own, kept by the fingerprint of its key.
    """

    id: int = FIRST
    key: str = ""
    """Fingerprint of the API key."""
    configuration: str = ""
    """Fingerprint of the settings that lead to the service."""
    rate_limit: int | None = None
    """The most calls in any `rate_window`, 0: no limit of our own; None: as the breaker's settings say."""
    alone: bool = True
    """Whether no other account is open."""
    neighbours: int = 1
    """How many accounts the service has, this one included."""
    service: str = OWN_SERVICE
    """The service that is called: each has a breaker of its own."""
    keyless: bool = False
    """The call is sent without a key: it counts against a limit that all such calls of the service share."""

    @property
    def own_key(self) -> str | None:
        """Return the fingerprint by which Redis keeps what is this account's own; None: it is alone."""
        return None if self.alone else self.key

    @property
    def limit_key(self) -> str:
        """Return the name of the limit: the key's fingerprint; '': it is the service's own limit."""
        if self.alone or (self.id == FIRST and not self.keyless):
            return ""
        return "keyless" if self.keyless else self.key

    @property
    def accounts_to_open(self) -> int:
        """Return of how many accounts failures in a row must be to open the breaker for all, if all of them call."""
        return min(ENOUGH, self.neighbours)

    def without_key(self) -> "CallingAccount":
        """Return the same account for a call that is sent without its key."""
        return replace(self, keyless=True, rate_limit=None)


class ClientIdentity(NamedTuple):
    """What every script receives about who calls, in the order of lua/lib/arguments.lua."""

    key: str
    configuration: str
    settings: str
    """The breaker's settings, as JSON: the same for all accounts."""
    emission_interval: int
    burst_tolerance: int
    account: str
    """The account's id; '': it is alone."""
    accounts_to_open: int


def identity(settings: BreakerSettings, account: CallingAccount) -> ClientIdentity:
    """Return what describes an account to the scripts."""
    return ClientIdentity(
        account.key, account.configuration, settings.limits.text, *settings.pace(account.rate_limit),
        "" if account.alone else str(account.id), account.accounts_to_open,
    )  # fmt: skip
