"""Who calls, as the breaker knows it: the limit of each account, read without its key."""

import time
from collections.abc import Callable, Iterable

from sqlalchemy import Engine

from booking_client.states import DEFAULT_ACCOUNT
from db import accounts
from db.models.accounts import AccountPace
from resilience.circuit_breaker.account import CallingAccount
from tasks.accounts.recent import Recent

FRESH = 10.0  # seconds: an account that changes meanwhile has its messages paced as before, which harms nobody
SOON = 1.0  # seconds after which the release notices that an account was added
DEFAULT = "default"
_KEPT = 4096

Known = tuple[float, CallingAccount]


class Callers:
    """Say who calls for an account; `first` is account 1, alone. `clock` is monotonic, in seconds.

    A process that has only begun takes account 1 for alone as long as nobody asks whether it is, or names another one.
    """

    def __init__(self, engine: Engine, first: CallingAccount, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._first = first
        self._clock = clock
        self._known: Recent[str, Known] = Recent(_KEPT)
        self._known[DEFAULT] = clock(), first
        self._asked = False

    def named(self, names: Iterable[str | None]) -> dict[str | None, CallingAccount]:
        """Return who calls for these accounts, None: account 1; one that is not there, or closed, is left out."""
        wanted = {name or DEFAULT for name in names}
        found = self._read(wanted, FRESH)
        return {None if name == DEFAULT else name: caller for name, caller in found.items()}

    def is_alone(self) -> bool:
        """Return whether account 1 is the only account here."""
        found = self._read({DEFAULT}, SOON if self._asked else -1.0)
        self._asked = True
        return found[DEFAULT].alone

    def of(self, pace: AccountPace) -> CallingAccount:
        """Return who calls for this account, from what was read of it.

        The settings of another account than 1 are known by its key only: code that needs them opens the door to it.
        """
        if pace.id == DEFAULT_ACCOUNT:
            return caller_of(pace, self._first.key, self._first.configuration)
        return caller_of(pace, pace.key_fingerprint or "", "")

    def _read(self, names: set[str], longest: float) -> dict[str, CallingAccount]:
        now = self._clock()
        known = {name: one for name in names if (one := self._known.get(name)) and now - one[0] <= longest}
        if missing := names - known.keys():
            with self._engine.connect() as conn:
                read = accounts.paces(conn, missing | {DEFAULT})
            for name, pace in read.items():
                known[name] = self._known[name] = now, self.of(pace)
        return {name: known[name][1] for name in names if name in known}


def caller_of(account: AccountPace | accounts.Account, key: str, configuration: str) -> CallingAccount:
    """Return who calls for an account with this key and these settings, both by their fingerprints."""
    return CallingAccount(
        account.id, key, configuration, account.calls_per_minute,
        alone=account.alone, neighbours=account.neighbours, service=account.service,
    )  # fmt: skip
