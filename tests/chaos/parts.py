"""The parts of `make promises`, each a fleet's run of its own: what is asked for, with whose key, at which Cal.com."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import SecretStr

from tests.chaos.blind import MAX_AGE
from tests.chaos.environment import SETTLE
from tests.chaos.kinds import HOST, KINDS
from tests.chaos.schedule import KINDS_LANES, LANES, Lanes, Planned, plan

# Kinds of one set of hosts: whoever is one of them is shown all of their bookings.
ONE_SET = frozenset(kind for kind, order in KINDS.items() if "round_robin" not in order.get("kind", ""))


@dataclass(frozen=True)
class Part:
    """One part. Seconds throughout; `lags` is how old the replicas are, which answer in turn.

    `sight`: the kinds of which the key's list shows every booking. `host`: who the key's user is, where it is a host.
    `settle` stands far above the longest work and the longest lag together: what lasts longer promise 2 excepts.
    """

    bookings: int
    faults: int
    seconds: float
    lanes: Lanes = field(default_factory=lambda: KINDS_LANES, repr=False)
    of_kinds: bool = True  # else a few kinds, at a Cal.com where every POST books
    key: str = "cal_test_owner"
    host: str | None = None
    sight: frozenset[str] = frozenset()
    loses_sight: bool = False  # half-way: the permission goes, and the key still books
    lags: tuple[float, ...] = (0.02, 0.1)
    settle: float = 10.0
    settle_answered: float = 2.0

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return what the product is told of it."""
        return {
            "calcom_api_key": SecretStr(self.key),
            "calcom_settle_seconds": self.settle,
            "calcom_settle_answered_seconds": self.settle_answered,
            **({"hold_max_age": MAX_AGE} if self.of_kinds else {}),
        }


PARTS: dict[str, Part] = {
    "faults": Part(5000, 208, 840, LANES, of_kinds=False, settle=SETTLE),
    "all": Part(400, 30, 100, sight=frozenset(KINDS)),
    "host": Part(500, 36, 125, key=f"cal_test_{HOST}", host=HOST, sight=ONE_SET),
    "admin": Part(400, 30, 100, key="cal_test_teamadmin"),
    "lag": Part(350, 26, 90, sight=frozenset(KINDS), lags=(8.0,), settle=20.0, settle_answered=5.0),
    "lost": Part(350, 26, 90, key="cal_test_fickle", loses_sight=True),
}


def planned(
    seed: int, names: Collection[str] = (), only: Collection[str] = (), **given: float | None
) -> Iterator[tuple[str, Part, list[Planned]]]:
    """Yield the parts of these names, or all, each with its faults; those of all kinds share one deal.

    `given` stands instead of a part's own `bookings`, `faults` and `seconds`.

    Raises:
        ValueError: `only` leaves no fault.
    """
    before = 0
    for name, part in PARTS.items():
        asked = replace(part, **{of: value for of, value in given.items() if value is not None})
        if not names or name in names:
            shared = before if part.of_kinds else 0
            yield name, asked, plan(seed, asked.faults, only, lanes=part.lanes, before=shared)
        before += asked.faults if part.of_kinds else 0
