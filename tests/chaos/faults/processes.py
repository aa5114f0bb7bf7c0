"""Faults of the product's own processes: killed or frozen, at a step or anywhere; wrong clocks; another release."""

import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from tests.chaos.faults.servers import POST, Strike, emptied
from tests.chaos.faults.steps import STEPS
from tests.chaos.processes import crew
from tests.chaos.stage import LEASE, SETTLE, Stage

WORKERS = ("worker 1", "worker 2")
EVERYBODY = (*WORKERS, "maintenance", "caller")
# Longer than the lease. Not longer than lease and settle time together: that is where promise 2 ends, should the
# process be frozen just between its last look at the lease and its first byte.
FREEZE = (LEASE + 2.0, LEASE + SETTLE - 1.5)
MEET_SECONDS = 6.0  # so long a step is waited for, and
PROVOKED_SECONDS = 15.0  # one that does not come with every booking
HOUR = 3600


def killed(stage: Stage, rng: random.Random) -> bool:
    """Kill a process, wherever it is."""
    stage.crew.signal(rng.choice(EVERYBODY), "SIGKILL")
    return True


def ended(stage: Stage, rng: random.Random) -> bool:
    """Ask a process to end; one that takes long is killed, as by a container's runtime."""
    name = rng.choice(EVERYBODY)
    stage.crew.signal(name, "SIGTERM")
    stage.pause(crew.SOFT_SECONDS)
    return True


def frozen(stage: Stage, rng: random.Random) -> bool:
    """Freeze a process for longer than its leases; what it wakes to is no longer its own."""
    name = rng.choice(EVERYBODY)
    stage.crew.signal(name, "SIGSTOP")
    try:
        stage.pause(rng.uniform(*FREEZE))
    finally:
        stage.crew.signal(name, "SIGCONT")
    return True


def at_step(step: str, what: signal.Signals, stage: Stage, rng: random.Random) -> bool:
    """Kill or freeze whoever comes to a step next; see to it that somebody does."""
    stage.orders.give(step, what)
    _PROVOKED.get(step, _nothing)(stage, rng)
    try:
        within = PROVOKED_SECONDS if step in _PROVOKED else MEET_SECONDS
        pid = stage.until(lambda: stage.orders.obeyed(step), within)
    finally:
        stage.orders.withdraw(step)
    if pid is None or what is signal.SIGKILL:
        return pid is not None
    try:
        stage.pause(rng.uniform(*FREEZE))
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    return True


def _nothing(_stage: Stage, _rng: random.Random) -> None:
    """Leave it to the load: this step comes with every booking."""


def _unknown(stage: Stage, _rng: random.Random) -> None:
    """Make some outcomes unknown, so that somebody looks."""
    stage.calcom.order("POST", "/_faults", {"kind": "commit_then_reset", "match": POST, "count": 3, "seconds": 5})


def _held(stage: Stage, _rng: random.Random) -> None:
    """Open the breaker, so that bookings are held and released."""
    stage.dependencies.breaker.force_open("fire", "a step of the release")
    stage.pause(1.5)
    stage.dependencies.breaker.reset("fire", "a step of the release")


def _unbooked(stage: Stage, _rng: random.Random) -> None:
    """Make some outcomes unknown, and have nothing booked: after a settled look they are posted again."""
    stage.calcom.order("POST", "/_faults", {"kind": "hang", "match": POST, "count": 3, "seconds": 5})


def _outage(stage: Stage, _rng: random.Random) -> None:
    """Have the breaker open by itself, and close again."""
    stage.calcom.order("POST", "/_faults", {"kind": "status", "name": "unavailable", "seconds": 4})


_PROVOKED: dict[str, Callable[[Stage, random.Random], object]] = {
    "a look has seen Cal.com's list": _unknown,
    "a deciding look has seen Cal.com's list": _unbooked,
    "its event type is asked": _unbooked,
    "its lease is renewed": _unbooked,
    "others may go": _outage,
    "the sweeper has taken it up": lambda stage, rng: (killed_worker(stage, rng), emptied(stage, rng)),
    "the breaker gives held ones room": _held,
    "held ones are released, not sent": _held,
}


def killed_worker(stage: Stage, rng: random.Random) -> None:
    """Kill a worker of the bookings."""
    stage.crew.signal(rng.choice(WORKERS), "SIGKILL")


def no_beat(stage: Stage, rng: random.Random) -> bool:
    """Have no beat for a while."""
    with stage.crew.down("beat"):
        stage.pause(rng.uniform(3, 8))
    return True


def two_beats(stage: Stage, rng: random.Random) -> bool:
    """Have a second beat for a while."""
    stage.crew.start(crew.beat("beat 2", "east"))
    try:
        stage.pause(rng.uniform(4, 8))
    finally:
        stage.crew.end("beat 2")
    return True


def wrong_clock(name: str, seconds: float, stage: Stage, rng: random.Random) -> bool:
    """Run a process with a wrong clock for a while."""
    role = stage.crew.role(name)
    with stage.crew.instead(crew.changed(role, FIRE_CLOCK=str(seconds))):
        stage.until(lambda: stage.crew.is_ready(name), MEET_SECONDS)
        stage.pause(rng.uniform(4, 8))
    return True


def another_release(stage: Stage, rng: random.Random) -> bool:
    """Run a worker with other settings beside the rest for a while."""
    others = {
        "HOLD_RELEASE_MAX": "4",
        "CIRCUIT_BREAKER_THRESHOLD": "5",
        "RETRY_MAX_ATTEMPTS": "1",
        "RETRY_DELAYS": "0.1",
        "CALCOM_SETTLE_SECONDS": "8",
    }
    stage.crew.start(crew.worker("worker 3", "west", "threads", 4, **others))
    try:
        stage.until(lambda: stage.crew.is_ready("worker 3"), MEET_SECONDS)
        stage.pause(rng.uniform(3, 6))
    finally:
        stage.crew.end("worker 3")
    return True


FAULTS: dict[str, Strike] = {
    **{f"killed when {step}": partial(at_step, step, signal.SIGKILL) for step in STEPS},
    **{f"frozen when {step}": partial(at_step, step, signal.SIGSTOP) for step in STEPS},
    "a process: killed": killed,
    "a process: ended": ended,
    "a process: frozen": frozen,
    "beat: none": no_beat,
    "beat: two": two_beats,
    "clock: a worker's an hour ahead": partial(wrong_clock, "worker 1", HOUR),
    "clock: a worker's an hour behind": partial(wrong_clock, "worker 2", -HOUR),
    "clock: the maintenance worker's an hour ahead": partial(wrong_clock, "maintenance", HOUR),
    "clock: the maintenance worker's an hour behind": partial(wrong_clock, "maintenance", -HOUR),
    "another release: other settings": another_release,
}
