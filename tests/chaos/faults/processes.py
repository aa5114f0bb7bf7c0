"""Faults of the product's own processes: killed or frozen, at a step or anywhere; wrong clocks; another release."""

import os
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from tests.chaos.environment import LEASE, SETTLE, ChaosEnvironment
from tests.chaos.faults.servers import POST, Strike, emptied
from tests.chaos.faults.steps import STEPS
from tests.chaos.processes import workers

WORKERS = ("worker 1", "worker 2")
EVERYBODY = (*WORKERS, "maintenance", "caller")
# Longer than the lease. Not longer than lease and settle time together: that is where promise 2 ends, should the
# process be frozen just between its last look at the lease and its first byte.
FREEZE = (LEASE + 2.0, LEASE + SETTLE - 1.5)
MEET_SECONDS = 6.0  # so long a step is waited for, and
PROVOKED_SECONDS = 15.0  # one that does not come with every booking
HOUR = 3600


def killed(names: Sequence[str], environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Kill one of these processes and its children, wherever it is; it is started again."""
    environment.workers.signal(rng.choice(names), "SIGKILL")
    return True


def ended(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Ask a process to end; one that takes long is killed, as by a container's runtime."""
    name = rng.choice(EVERYBODY)
    environment.workers.signal(name, "SIGTERM")
    environment.pause(workers.SOFT_SECONDS)
    return True


def frozen(names: Sequence[str], lasts: tuple[float, float], environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Freeze one of these processes for some seconds; after its leases what it wakes to is no longer its own."""
    name = rng.choice(names)
    environment.workers.signal(name, "SIGSTOP")
    try:
        environment.pause(rng.uniform(*lasts))
    finally:
        environment.workers.signal(name, "SIGCONT")
    return True


def away(name: str, lasts: tuple[float, float], environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have a process killed, and away for some seconds."""
    with environment.workers.down(name):
        environment.pause(rng.uniform(*lasts))
    return True


def at_step(step: str, what: signal.Signals, environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Kill or freeze the next process that comes to a step; see to it that one does."""
    environment.orders.give(step, what)
    _PROVOKED.get(step, _nothing)(environment, rng)
    try:
        within = PROVOKED_SECONDS if step in _PROVOKED else MEET_SECONDS
        pid = environment.until(lambda: environment.orders.obeyed(step), within)
    finally:
        environment.orders.withdraw(step)
    if pid is None or what is signal.SIGKILL:
        return pid is not None
    try:
        environment.pause(rng.uniform(*FREEZE))
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    return True


def _nothing(_environment: ChaosEnvironment, _rng: random.Random) -> None:
    """Leave it to the load: this step comes with every booking."""


def _unknown(environment: ChaosEnvironment, _rng: random.Random) -> None:
    """Make some outcomes unknown, so that somebody looks."""
    environment.calcom.order("POST", "/_faults", {"kind": "commit_then_reset", "match": POST, "count": 3, "seconds": 5})


def _held(environment: ChaosEnvironment, _rng: random.Random) -> None:
    """Open the breaker, so that bookings are held and released."""
    environment.dependencies.breaker.operators.force_open("fire", "a step of the release")
    environment.pause(1.5)
    # The order is taken back by who gave it. No reset, which would also lift what holds others: a key, a page, a wait.
    environment.dependencies.breaker.operators.auto("fire", "a step of the release")


def _unbooked(environment: ChaosEnvironment, _rng: random.Random) -> None:
    """Make some outcomes unknown, and have nothing booked: after a settled look they are posted again."""
    environment.calcom.order("POST", "/_faults", {"kind": "hang", "match": POST, "count": 3, "seconds": 5})


def _outage(environment: ChaosEnvironment, _rng: random.Random) -> None:
    """Have the breaker open by itself, and close again."""
    environment.calcom.order("POST", "/_faults", {"kind": "status", "name": "unavailable", "seconds": 4})


_PROVOKED: dict[str, Callable[[ChaosEnvironment, random.Random], object]] = {
    "a look has seen Cal.com's list": _unknown,
    "a deciding look has seen Cal.com's list": _unbooked,
    "its event type is asked": _unbooked,
    "its lease is renewed": _unbooked,
    "others may go": _outage,
    "the sweeper has taken it up": lambda environment, rng: (
        killed(WORKERS, environment, rng),
        emptied(environment, rng),
    ),
    "the breaker gives held ones room": _held,
    "held ones are released, not sent": _held,
}


def two_beats(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have a second beat for a while."""
    environment.workers.start(workers.beat("beat 2", "east"))
    try:
        environment.pause(rng.uniform(4, 8))
    finally:
        environment.workers.end("beat 2")
    return True


def wrong_clock(name: str, seconds: float, environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Run a process with a wrong clock for a while."""
    role = environment.workers.role(name)
    with environment.workers.instead(workers.changed(role, FIRE_CLOCK=str(seconds))):
        environment.until(lambda: environment.workers.is_ready(name), MEET_SECONDS)
        environment.pause(rng.uniform(4, 8))
    return True


def another_release(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Run a worker with other settings beside the rest for a while."""
    others = {
        "HOLD_RELEASE_MAX": "4",
        "CIRCUIT_BREAKER_THRESHOLD": "5",
        "RETRY_MAX_ATTEMPTS": "1",
        "RETRY_DELAYS": "0.1",
        "CALCOM_SETTLE_SECONDS": "8",
    }
    environment.workers.start(workers.worker("worker 3", "west", "threads", 4, **others))
    try:
        environment.until(lambda: environment.workers.is_ready("worker 3"), MEET_SECONDS)
        environment.pause(rng.uniform(3, 6))
    finally:
        environment.workers.end("worker 3")
    return True


FAULTS: dict[str, Strike] = {
    **{f"killed when {step}": partial(at_step, step, signal.SIGKILL) for step in STEPS},
    **{f"frozen when {step}": partial(at_step, step, signal.SIGSTOP) for step in STEPS},
    "a process: killed": partial(killed, EVERYBODY),
    "a process: ended": ended,
    "a process: frozen": partial(frozen, EVERYBODY, FREEZE),
    "beat: none": partial(away, "beat", (3.0, 8.0)),
    "beat: two": two_beats,
    "clock: a worker's an hour ahead": partial(wrong_clock, "worker 1", HOUR),
    "clock: a worker's an hour behind": partial(wrong_clock, "worker 2", -HOUR),
    "clock: the maintenance worker's an hour ahead": partial(wrong_clock, "maintenance", HOUR),
    "clock: the maintenance worker's an hour behind": partial(wrong_clock, "maintenance", -HOUR),
    "another release: other settings": another_release,
}
