"""The schedule of a run: which faults strike, in which order, with what chance of their own; all of it from one seed.

Two lanes strike side by side, so that faults also meet each other: one hurts what the product stands on, the other the
product's own processes and messages. Each lane deals all its faults, shuffled, before any comes again.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass

from tests.chaos.accounts import faults as account_faults
from tests.chaos.faults import calcom, changes_alone, doors, hearers, hosts, messages, processes, servers
from tests.chaos.faults.servers import Strike
from tests.chaos.telling import faults as telling_faults

Lanes = dict[str, dict[str, Strike]]

LANES: Lanes = {
    "servers": {**servers.FAULTS, **changes_alone.FAULTS},
    "processes": {**processes.FAULTS, **messages.FAULTS},
}
# Of all kinds: what makes outcomes unknown. Without refusals that are not true, for what follows from a refusal is what
# is judged, and without another release, whose settle time is not the part's.
OF_KINDS = (
    "Valkey: emptied",
    "Valkey: killed",
    "Postgres: killed",
    "Postgres: connections ended",
    "network to calcom",
    "network to postgres: cut",
    *(f"Cal.com: {name}" for name in ("books", "answers", "cuts", "hangs", "resets", "50", "key refused", "throttled")),
    "killed when it",  # is claimed, sent, answered, moved, and all between; not on the ways of the release
    "killed when a change",
    "killed when a cancel",
    "killed when a move",
    "killed when a look",
    "killed when a deciding look",
    "frozen when it is sent",
    "frozen when its lease is checked",
    "a process: killed",
    "a process: frozen",
    "messages: doubled",
    "revoked from Flower",
    "changes alone",
)
KINDS_LANES: Lanes = {
    lane: {name: strike for name, strike in named.items() if name.startswith(OF_KINDS)} for lane, named in LANES.items()
}
KINDS_LANES["servers"] |= calcom.FAULTS
# Faults that leave an outcome unknown, and no evidence about the booking.
_UNKNOWN = ("Cal.com: books, then resets", "Cal.com: books, then 504", "Cal.com: 502 while", "Cal.com: resets while")
_LOST = {name: strike for name, strike in KINDS_LANES["servers"].items() if name.startswith(_UNKNOWN)}
DOORS_LANES: Lanes = {"servers": doors.FAULTS, "processes": KINDS_LANES["processes"]}
HOSTS_LANES: Lanes = {
    "servers": {**_LOST, "network to calcom: cut": LANES["servers"]["network to calcom: cut"]},
    "hosts": hosts.FAULTS,
}
# Without what refuses all keys, or holds all: what holds one account's bookings is to be that account's own trouble.
ACCOUNTS_LANES: Lanes = {
    "servers": {
        name: strike
        for name, strike in KINDS_LANES["servers"].items()
        if not name.startswith(("Cal.com: key refused", "changes alone"))
    },
    "processes": KINDS_LANES["processes"],
    "accounts": account_faults.FAULTS,
}
# Nothing that has Cal.com refuse or lose a booking: each that was committed is booked, and no other.
CLIENT_LANES: Lanes = {
    "servers": {
        name: strike
        for name, strike in LANES["servers"].items()
        if name.startswith(
            ("Postgres: killed", "Postgres: frozen", "Postgres: connections ended", "network to postgres")
        )
    },
    "host": {**hearers.FAULTS, "Valkey: killed, restarted": LANES["servers"]["Valkey: killed, restarted"]},
}

# As above, so that each booking comes to its end; and Cal.com is down now and then, so that they come to it late.
TELLING_LANES: Lanes = {
    "servers": {
        name: strike
        for name, strike in LANES["servers"].items()
        if name.startswith(
            (
                "Valkey: emptied",
                "Valkey: killed",
                "Postgres: killed",
                "Postgres: frozen",
                "Postgres: connections ended",
                "network to postgres",
                "Cal.com: 503",
                "Cal.com: books, then resets",
            )
        )
    },
    "telling": telling_faults.FAULTS,
}


@dataclass(frozen=True)
class Planned:
    """One fault to come; `seed` is what its own chance comes from."""

    lane: str
    fault: str
    seed: int


def plan(seed: int, faults: int, only: Collection[str] = (), *, lanes: Lanes = LANES, before: int = 0) -> list[Planned]:
    """Return the faults of a run, lane by lane; `only` keeps those whose name begins with one of these.

    `before`: so many of the same deal were other parts'.

    Raises:
        ValueError: None is left.
    """
    decks = {lane: [name for name in named if _wanted(name, only)] for lane, named in lanes.items()}
    total = sum(map(len, decks.values()))
    if not total:
        raise ValueError(f"no fault begins with any of: {', '.join(only)}")
    planned = []
    for lane, deck in decks.items():
        rng = random.Random(f"{seed} {lane}")  # noqa: S311 - chance for faults, not for secrets
        first, end = (round(count * len(deck) / total) for count in (before, before + faults))
        dealt: list[str] = []
        while deck and len(dealt) < end:
            dealt += rng.sample(deck, k=len(deck))
        planned += [Planned(lane, name, rng.randrange(2**32)) for name in dealt[:end]][first:]
    return planned


def _wanted(name: str, only: Collection[str]) -> bool:
    return not only or any(name.startswith(one) for one in only)
