"""Faults around callbacks: the API, the worker that sends them and their receiver die, freeze, or misbehave.

Each returns whether it was met. The receiver that is dead is so all the time.
"""

import random
from functools import partial

from tests.chaos.environment import ChaosEnvironment
from tests.chaos.faults.processes import WORKERS, away, frozen, killed
from tests.chaos.faults.servers import Strike
from tests.chaos.processes.receiver import CUTS, HANGS, LATE, STATUSES
from tests.chaos.said.fleet import API
from tests.chaos.telling.fleet import CALLBACKS, RECEIVER

LASTS = (2.0, 5.0)  # seconds
OURS = (API, CALLBACKS, RECEIVER)


def misbehaves(mode: str, environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have the receiver misbehave for a while."""
    assert environment.telling is not None
    file = environment.telling.mode
    draft = file.with_suffix(".draft")
    draft.write_text(mode)
    draft.rename(file)
    try:
        environment.pause(rng.uniform(*LASTS))
    finally:
        file.unlink()
    return True


FAULTS: dict[str, Strike] = {
    **{f"{name}: killed": partial(killed, (name,)) for name in OURS},
    **{f"{name}: frozen": partial(frozen, (name,), LASTS) for name in OURS},
    **{f"{name}: away": partial(away, name, LASTS) for name in (*OURS, "beat")},
    "a worker: killed": partial(killed, (*WORKERS, "maintenance")),
    **{f"receiver: {mode}": partial(misbehaves, mode) for mode in (*STATUSES, LATE, HANGS, CUTS)},
}
