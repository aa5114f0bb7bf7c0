"""Faults of Cal.com while nothing waits but cancels and moves: they are held, and go by themselves when it is over.

Nobody asks for a booking meanwhile, and the customers wait with their changes until no booking is live: else a booking
that is held for the same would have the harmless call made, and be the probe.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from tests.chaos.environment import ChaosEnvironment
from tests.chaos.faults.doors import DAY
from tests.chaos.faults.servers import POST, Strike
from tests.chaos.processes.caller import SILENT

QUIET = 40.0  # seconds until no booking is live: longer than any settle time of a part
MET = 8.0  # seconds within which a change meets the fault: somebody has waited with one
MINUTES = 12  # a page's pause doubles: 1, 2, 4; and the other lane kills who would let them go
_LIVE = """
    SELECT FROM appointments
    WHERE status IN ('pending', 'booking', 'retrying', 'held') AND hold_reason IS DISTINCT FROM 'blind_key' LIMIT 1
"""
_HELD = "SELECT id, appointment_id FROM booking_changes WHERE status = 'held' AND hold_reason = %(reason)s"


def alone(orders: dict[str, Any], reason: str, environment: ChaosEnvironment, _rng: random.Random) -> bool:
    """Have changes alone be held for a reason, end its cause, and wait until they have gone; who stays is told."""
    with _nobody_books(environment):
        if not environment.until(lambda: not environment.sql(_LIVE), QUIET):
            return False
        [made] = environment.calcom.order("POST", "/_faults", {"seconds": MET, **orders})["faults"]
        environment.waits.clear()
        held = environment.until(lambda: environment.sql(_HELD, reason=reason), MET)
        environment.calcom.order("DELETE", f"/_faults?id={made['id']}")
        within = MINUTES * environment.part.minute
        if not environment.until(lambda: not environment.sql(_HELD, reason=reason), within):
            for change, booking in environment.sql(_HELD, reason=reason):
                alone_so_long = f"alone, and not gone {within:g} s after its cause was over"
                environment.stayed.append(f"booking {booking}: its change {change} is held ({reason}), {alone_so_long}")
    return bool(held)


@contextmanager
def _nobody_books(environment: ChaosEnvironment) -> Iterator[None]:
    """Have the caller ask for nothing, and the customers keep their changes to themselves until they are told."""
    silent = environment.receipts.with_suffix(SILENT)
    environment.waits.set()
    silent.touch()
    try:
        yield
    finally:
        silent.unlink()
        environment.waits.clear()


_OF: dict[str, tuple[dict[str, Any], str]] = {
    "key refused": ({"kind": "status", "name": "invalid_key"}, "credentials"),
    "another server answers": ({"kind": "html", "status": 403}, "configuration"),
    "a page answers what they send": ({"kind": "html", "status": 403, "match": POST}, "configuration"),
    "429, asks for a day": ({"kind": "status", "name": "throttled", "retry_after": DAY, "count": 1}, "throttled"),
}
FAULTS: dict[str, Strike] = {f"changes alone: {name}": partial(alone, *given) for name, given in _OF.items()}
