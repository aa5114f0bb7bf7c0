"""How much CPU an idle deployment takes in a second, all of its processes together, beside 40 ms."""

import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from beside_celery.stage import cpu_of
from environment import deployment

from worker.local.environment import Environment
from worker.local.processes import fleet
from worker.settings.model import Settings

THREADS = (64, 64)
ALLOWED = 0.040  # seconds of CPU a second
SETTLING, MINUTE, ROUNDS = 20.0, 60.0, 3  # each task runs once a minute at least


def pairs() -> Iterator[dict[str, float]]:
    """Wait a minute, and another one; nothing is asked for."""
    limit = Settings.model_fields["calcom_rate_limit_per_minute"].default
    with deployment(simulator=(), calcom_rate_limit_per_minute=limit) as ready:
        pids = ready.processes.start_all(fleet(*THREADS)) | _servers(ready)
        _pause(SETTLING)
        for _ in range(ROUNDS):
            before = {name: _cpu(pid) for name, pid in pids.items()}
            _pause(MINUTE)
            taken = {name: (_cpu(pid) - before[name]) / MINUTE for name, pid in pids.items()}
            for name, seconds in [*taken.items(), ("all", sum(taken.values()))]:
                print(f"  {name:12}{1000 * seconds:6.1f} ms a second", file=sys.stderr, flush=True)
            yield {"idle_cost": sum(taken.values()) / ALLOWED}


def _servers(ready: Environment) -> dict[str, int]:
    return {one.name: one.pid for one in (ready.servers.postgres, ready.servers.valkey) if one.pid is not None}


def _cpu(pid: int) -> float:
    """Return the seconds of CPU that a process and its children have taken, also those that have ended."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_of(pid) + sum(cpu_of(int(child)) for child in children)


_pause = Event().wait
