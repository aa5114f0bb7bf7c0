"""How many bookings a second go through a fleet with 1,000 accounts, beside the same fleet with one."""

import threading
from collections.abc import Iterator
from functools import partial

from beside_celery.stage import THREADS, WORKERS, Fleet, start_answerer, work_off
from environment import deployment
from many_accounts.making import ENCRYPTION, add, ask, be_alone

from worker.local.embedded import Guard
from worker.local.processes import fleet

PAIRS, COUNT, ACCOUNTS = 5, 1_000, 1_000
LATENCY = 0.05  # seconds
NOTICED = 2.0  # seconds after which each worker knows whether `default` is alone


def pairs() -> Iterator[dict[str, float]]:
    """Work off bookings of one account, then one of each of many; the first turn warms up."""
    with Guard() as guard:
        answerer = start_answerer(guard, LATENCY)
        with deployment(calcom_base_url=answerer.url, account_encryption_keys=ENCRYPTION) as ready:
            pids = ready.processes.start_all(fleet(*[THREADS] * WORKERS))
            ours = Fleet("booking-worker", [pid for name, pid in pids.items() if "worker" in name], [*pids.values()])
            names = add(ACCOUNTS)
            for turn in range(PAIRS + 1):
                rates = {}
                for alone in (True, False):
                    first = (2 * turn + alone) * COUNT
                    be_alone(ready.settings, alone=alone)
                    threading.Event().wait(NOTICED)
                    asking = partial(ask, [] if alone else names, first, COUNT)
                    rates[alone], _ = work_off(ours, answerer, asking, COUNT)
                if turn:
                    yield {"accounts_throughput": rates[False] / rates[True]}
