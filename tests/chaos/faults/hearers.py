"""Faults around a host's transactions: its listeners die, and broker and workers are down while it commits."""

import random
from contextlib import ExitStack
from functools import partial

from tests.chaos.environment import ChaosEnvironment
from tests.chaos.faults.processes import WORKERS
from tests.chaos.faults.servers import Strike
from tests.chaos.processes import host, listener
from tests.chaos.processes.host import DOWN, Fate

SHARE = 2  # of the wanted commits, one in so many is made in one time without broker and workers
WITHIN = 120.0  # seconds, with a Postgres that the other lane hurts
FLEET = (*WORKERS, "maintenance", "beat")


def nothing_runs(environment: ChaosEnvironment, _rng: random.Random) -> bool:
    """Kill the broker, every worker and beat; start them when the host has committed its share without them."""
    mark = environment.orders_file.with_name(DOWN)
    wanted = _committed(environment) + -(-environment.part.bookings // SHARE)
    environment.valkey.kill()
    try:
        with ExitStack() as down:
            for name in FLEET:
                down.enter_context(environment.workers.down(name))
            mark.touch()
            down.callback(mark.unlink)
            return bool(environment.until(lambda: _committed(environment) >= wanted, WITHIN))
    finally:
        environment.valkey.restart()


def _committed(environment: ChaosEnvironment) -> int:
    return host.met(environment.orders_file)[Fate.WHILE_DOWN]


def killed(name: str, environment: ChaosEnvironment, _rng: random.Random) -> bool:
    """Kill a listener, wherever it is; the next one goes on from its cursor."""
    environment.workers.signal(name, "SIGKILL")
    return True


def frozen(name: str, environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Freeze a listener for a while."""
    environment.workers.signal(name, "SIGSTOP")
    try:
        environment.pause(rng.uniform(1, 5))
    finally:
        environment.workers.signal(name, "SIGCONT")
    return True


def dispatcher_killed(environment: ChaosEnvironment, _rng: random.Random) -> bool:
    """Kill the process that publishes and notifies."""
    environment.workers.signal("maintenance", "SIGKILL")
    return True


FAULTS: dict[str, Strike] = {
    "broker and workers: down": nothing_runs,
    "maintenance: killed": dispatcher_killed,
    **{f"{name}: killed": partial(killed, name) for name in listener.NAMES},
    **{f"{name}: frozen": partial(frozen, name) for name in listener.NAMES},
}
