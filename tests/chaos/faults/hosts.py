"""What changes at Cal.com and no answer shows it: hosts are locked, exchanged, renamed, taken off; types switched.

Hosts are as before when the fault is over, and the next one waits until nothing is open that was posted before: what
was booked without one host doubles when the other is missing, too, and promise 2 excepts that (hosts are exchanged
while a booking is open). A type that is switched stays so: one that was switched twice between two looks is the same to
anybody outside, and promise 2 excepts it as well (docs/promises.md).
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

from tests.chaos import kinds
from tests.chaos.environment import ChaosEnvironment
from tests.chaos.faults.servers import Strike
from tests.chaos.kinds import HOST, IDS, KIND_OF, KINDS, OTHER, THIRD

FOR = (4.0, 9.0)  # seconds that a fault lasts
OPEN_FOR = 60  # seconds within which all that was posted is known, or held as untellable: a net
_OPEN = (
    "SELECT 1 FROM appointments WHERE (outcome_unknown OR status = 'booking')"
    " AND hold_reason IS DISTINCT FROM 'blind_key' AND coalesce(sent_at, updated_at) <= %(moment)s LIMIT 1"
)
TAKEN_OFF = 10  # bookings at a time
CONFIRM = "+confirm"
# Which types may be switched: those whose confirmation is all or nothing, and those that ask about nobody yet.
CONFIRMABLE = frozenset(IDS[kind] for kind, order in KINDS.items() if "threshold" not in order.get("kind", ""))
ASKABLE = frozenset(
    IDS[kind] for kind in KINDS.keys() - kinds.COLUMN if "confirm" not in kind and "threshold" not in kind
)
TEAMS = [IDS[kind] for kind, order in KINDS.items() if "team_slug" in order]
COLLECTIVE = [IDS[kind] for kind, order in KINDS.items() if "collective" in order.get("kind", "")]


def left_out(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Lock the key's host or the other one, or block his address: no booking has him, and nothing says so."""
    name = rng.choice([HOST, OTHER])
    if rng.random() < 0.5:
        return _for_a_while(
            environment,
            rng,
            lambda locked: environment.calcom.order("PATCH", "/_users", {"username": name, "locked": locked}),
        )
    return _for_a_while(
        environment,
        rng,
        lambda blocked: environment.calcom.order(
            "POST", "/_settings", {"blocked_emails": [f"{name}@example.test"] if blocked else []}
        ),
    )


def renamed(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Give the key's user another address, be it by its letter case alone."""
    address = rng.choice([f"{HOST.upper()}@example.test", f"{HOST}@example.net"])
    return _for_a_while(
        environment,
        rng,
        lambda other: environment.calcom.order(
            "PATCH", "/_users", {"username": HOST, "address": address if other else None}
        ),
    )


def exchanged(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Exchange the other host of every team's type; he is back later."""
    return _for_a_while(
        environment, rng, lambda other: _put(environment, TEAMS, [THIRD, HOST] if other else kinds.TEAM)
    )


def taken_out(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Take the key's user out of one team's type, and put him back; between, the key may not read the type."""
    number = rng.choice(TEAMS)
    environment.switched.add(number)
    return _for_a_while(
        environment, rng, lambda out: _put(environment, [number], [OTHER, THIRD] if out else kinds.TEAM)
    )


def _put(environment: ChaosEnvironment, numbers: Sequence[int], hosts: Sequence[str]) -> None:
    for number in numbers:
        environment.calcom.order("PATCH", "/_event_types", {"id": number, "hosts": hosts})


def taken_off(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Take the key's user off some bookings that he does not organize."""
    _nothing_open(environment)
    rows = [
        row
        for row in environment.calcom.bookings()
        if row["eventTypeId"] in COLLECTIVE and f"{HOST}@example.test" in [one["email"] for one in row["attendees"][1:]]
    ]
    for row in rng.sample(rows, k=min(len(rows), TAKEN_OFF)):
        environment.calcom.order(
            "POST", "/_persons", {"do": "take_off", "uid": row["uid"], "email": f"{HOST}@example.test"}
        )
    return bool(rows)


def confirmation_switched(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Switch a type's confirmation on, or off, once the product knows the type."""
    return _switch(environment, rng, CONFIRMABLE, lambda kind: {"kind": _other(kind)})


def column_on(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Let a type ask its host about free addresses, once the product knows it without that."""
    return _switch(environment, rng, ASKABLE, lambda _: {"confirms_free_email": True})


def _other(kind: str) -> str:
    if kind == "confirm":
        return "plain"
    return kind.removesuffix(CONFIRM) if kind.endswith(CONFIRM) else f"{kind}{CONFIRM}"


def _switch(
    environment: ChaosEnvironment, rng: random.Random, able: frozenset[int], change: Callable[[str], dict[str, Any]]
) -> bool:
    known = {number for (number,) in environment.sql("SELECT calcom_id FROM calcom_event_types WHERE NOT deleted")}
    left = sorted(known & able - environment.switched)
    if not left:
        return False
    number = rng.choice(left)
    environment.switched.add(number)
    kind = KINDS[KIND_OF[number]].get("kind", "plain")
    environment.calcom.order("PATCH", "/_event_types", {"id": number, **change(kind)})
    environment.pause(rng.uniform(*FOR))
    return True


def _nothing_open(environment: ChaosEnvironment) -> None:
    [(moment,)] = environment.sql("SELECT now()")
    for _ in range(OPEN_FOR):
        if not environment.sql(_OPEN, moment=moment):
            return
        environment.pause(1.0)


def _for_a_while(environment: ChaosEnvironment, rng: random.Random, change: Callable[[bool], object]) -> bool:
    _nothing_open(environment)
    change(True)
    try:
        environment.pause(rng.uniform(*FOR))
    finally:
        change(False)
    return True


FAULTS: dict[str, Strike] = {
    "host: left out without a word": left_out,
    "host: renamed": renamed,
    "host: exchanged": exchanged,
    "host: taken out and put back": taken_out,
    "host: taken off": taken_off,
    "type: confirmation switched": confirmation_switched,
    "type: asks about free addresses": column_on,
}
