"""The parts of `make promises`, each a fleet's run of its own: what is asked for, with whose key, at which Cal.com."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from cryptography.fernet import Fernet
from pydantic import SecretStr

from tests.chaos.blind import MAX_AGE, Knowledge
from tests.chaos.environment import SETTLE
from tests.chaos.kinds import COLUMN, HOST, KINDS, PERSONAL
from tests.chaos.said import fleet as said
from tests.chaos.schedule import (
    ACCOUNTS_LANES,
    CLIENT_LANES,
    DOORS_LANES,
    HOSTS_LANES,
    KINDS_LANES,
    LANES,
    TELLING_LANES,
    Lanes,
    Planned,
    plan,
)
from tests.chaos.telling import fleet as telling

EVERY = frozenset(KINDS)
MINUTE = 60.0  # the product's own


class Shown(StrEnum):
    """Whose bookings the key's list has."""

    ALL = "all"
    HOST = "what its user organizes"
    NONE = "none"


@dataclass(frozen=True)
class Part:
    """One part. Seconds throughout; `lags` is how old the replicas are, which answer in turn.

    `shown`: which bookings the key's list has. `sight`: the kinds of which that is every one by right: those that its
    user owns. `told`: the kinds of which the key is told whether their hosts are asked about free addresses; `column`:
    some are. `types_stay`: every type is there and has its hosts all the time. Without an `operator` nobody sends a
    suspect again. `minute` is how long one lasts between two harmless calls: short where keys and settings are hurt
    all the time, for else little goes meanwhile.
    `settle` stands far above the longest work and the longest lag together: what lasts longer promise 2 excepts.
    """

    bookings: int
    faults: int
    seconds: float
    lanes: Lanes = field(default_factory=lambda: KINDS_LANES, repr=False)
    of_kinds: bool = True  # else a few kinds, at a Cal.com where every POST books
    key: str = "cal_test_owner"
    shown: Shown = Shown.NONE
    sight: frozenset[str] = frozenset()
    told: frozenset[str] = EVERY
    column: bool = False
    types_stay: bool = True
    operator: bool = True
    minute: float = 5.0
    accounts: int = 0  # so many beside `default`, each with a key that sees everything
    by_name: bool = False  # only when it is named: not with all parts
    by_host: bool = False  # so many transactions of each fate; else so many bookings by our own caller
    by_http: bool = False  # asked for over HTTP and called back, while Cal.com's webhooks lie
    calm: float = 0.0  # share of its seconds in which nothing is hurt yet
    loses_sight: bool = False  # half-way: the permission goes, and the key still books
    lags: tuple[float, ...] = (0.02, 0.1)
    settle: float = 10.0
    settle_answered: float = 2.0

    @property
    def calm_seconds(self) -> float:
        """Return for how many seconds nothing is hurt, from the beginning."""
        return self.calm * self.seconds

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return what the product is told of it."""
        return {
            "calcom_api_key": SecretStr(self.key),
            "calcom_settle_seconds": self.settle,
            "calcom_settle_answered_seconds": self.settle_answered,
            **({"account_encryption_keys": Fernet.generate_key().decode()} if self.accounts else {}),
            **({"hold_max_age": MAX_AGE} if self.of_kinds else {}),
            **said.settings(),
            **(telling.settings() if self.by_http else {}),
        }

    def knowledge(self, switched: Collection[int]) -> Knowledge:
        """Return what the key can know at the end."""
        return Knowledge(
            sight=self.sight,
            lists=lambda line: self.shown is Shown.ALL or (self.shown is Shown.HOST and line.organizer == HOST),
            told=self.told,
            column=COLUMN if self.column else frozenset(),
            kind_known=not self.loses_sight,
            switched=switched,
        )


PARTS: dict[str, Part] = {
    "faults": Part(3000, 131, 520, LANES, of_kinds=False, settle=SETTLE),
    "all": Part(350, 26, 90, shown=Shown.ALL, sight=PERSONAL),
    "host": Part(400, 30, 100, key=f"cal_test_{HOST}", shown=Shown.HOST, sight=PERSONAL),
    "admin": Part(350, 26, 90, key="cal_test_teamadmin", told=EVERY - PERSONAL),
    "lag": Part(300, 24, 85, shown=Shown.ALL, sight=PERSONAL, lags=(8.0,), settle=20.0, settle_answered=5.0),
    "lost": Part(300, 24, 85, key="cal_test_fickle", loses_sight=True),
    "doors": Part(350, 38, 150, DOORS_LANES, shown=Shown.ALL, sight=PERSONAL, operator=False, minute=MINUTE),
    "hosts": Part(
        350,
        30,
        120,
        HOSTS_LANES,
        key=f"cal_test_{HOST}",
        shown=Shown.HOST,
        sight=PERSONAL,
        column=True,
        types_stay=False,
        operator=False,
        minute=MINUTE,
    ),
    "accounts": Part(
        2000,
        110,
        480,
        ACCOUNTS_LANES,
        shown=Shown.ALL,
        sight=PERSONAL,
        operator=False,
        minute=MINUTE,
        accounts=59,
        by_name=True,
    ),
    "client": Part(350, 24, 150, CLIENT_LANES, of_kinds=False, by_host=True, settle=SETTLE),
    # A fifth of them tells a receiver that is dead; whether it makes others wait is seen before anything else is hurt.
    "callbacks": Part(
        1250, 44, 260, TELLING_LANES, of_kinds=False, by_http=True, by_name=True, calm=0.23, settle=SETTLE
    ),
}


def planned(
    seed: int, names: Collection[str] = (), only: Collection[str] = (), **given: float | None
) -> Iterator[tuple[str, Part, list[Planned]]]:
    """Yield the parts of these names, or all, each with its faults; those of the same lanes share one deal.

    All are those that need not be named.

    `given` stands instead of a part's own `bookings`, `faults` and `seconds`.

    Raises:
        ValueError: `only` leaves no fault.
    """
    dealt: Counter[int] = Counter()
    for name, part in PARTS.items():
        asked = replace(part, **{of: value for of, value in given.items() if value is not None})
        if name in names or not (names or part.by_name):
            yield name, asked, plan(seed, asked.faults, only, lanes=part.lanes, before=dealt[id(part.lanes)])
        dealt[id(part.lanes)] += asked.faults
