"""Faults around callbacks: the API, the worker that sends them and their receiver die, freeze, or misbehave.

Each returns whether it was met. The receiver that is dead is so all the time.
"""

import random
from functools import partial

from tests.chaos.environment import ChaosEnvironment
from tests.chaos.faults.servers import Strike
from tests.chaos.processes.receiver import CUTS, HANGS, LATE, STATUSES
from tests.chaos.telling.fleet import API, CALLBACKS, RECEIVER

LASTS = (2.0, 5.0)  # seconds
WORKERS = ("worker 1", "worker 2", "maintenance")


def killed(name: str, environment: ChaosEnvironment, _rng: random.Random) -> bool:
    """Kill a process and its children, wherever they are; it is started again."""
    environment.workers.signal(name, "SIGKILL")
    return True


def worker_killed(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Kill a worker of the bookings, or that of the periodic tasks."""
    environment.workers.signal(rng.choice(WORKERS), "SIGKILL")
    return True


def frozen(name: str, environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Freeze a process for a while."""
    environment.workers.signal(name, "SIGSTOP")
    try:
        environment.pause(rng.uniform(*LASTS))
    finally:
        environment.workers.signal(name, "SIGCONT")
    return True


def gone(name: str, environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have a process killed, and away for a while."""
    with environment.workers.down(name):
        environment.pause(rng.uniform(*LASTS))
    return True


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
    **{f"{name}: killed": partial(killed, name) for name in (API, CALLBACKS, RECEIVER)},
    **{f"{name}: frozen": partial(frozen, name) for name in (API, CALLBACKS, RECEIVER)},
    **{f"{name}: away": partial(gone, name) for name in (API, CALLBACKS, RECEIVER, "beat")},
    "a worker: killed": worker_killed,
    **{f"receiver: {mode}": partial(misbehaves, mode) for mode in (*STATUSES, LATE, HANGS, CUTS)},
}
