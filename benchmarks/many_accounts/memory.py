"""How much memory a worker of 64 threads holds when 10,000 accounts have booked, beside as many bookings of one."""

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence

from beside_celery.stage import start_answerer
from environment import deployment, until
from many_accounts.making import ENCRYPTION, add, ask
from worker_rss import THREADS, WITHIN, confirmed, rss

from worker.local.embedded import Guard
from worker.local.processes import fleet

COUNT, BATCH = 10_000, 1_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print the bytes."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument(
        "--accounts", type=int, default=COUNT, metavar="N", help=f"accounts that book ({COUNT:,}; 0: one)"
    )
    made.add_argument("--count", type=int, default=COUNT, metavar="N", help=f"bookings ({COUNT:,})")
    asked = made.parse_args(arguments)
    print(json.dumps({"rss": _held(asked.accounts, asked.count)}))


def pairs() -> Iterator[dict[str, float]]:
    """Run it for one account and for many, in a process each: what one has met must not be held by the other."""
    held = []
    for accounts in (0, COUNT):
        command = [sys.executable, "-m", "many_accounts.memory", "--accounts", str(accounts)]
        held.append(json.loads(subprocess.check_output(command))["rss"])
    print(f"  {held[0] / 1e6:.1f} MB, {held[1] / 1e6:.1f} MB with {COUNT:,} accounts", file=sys.stderr, flush=True)
    yield {"accounts_rss": held[1] / held[0]}


def _held(accounts: int, count: int) -> int:
    """Return the bytes that the worker holds when so many bookings are confirmed."""
    with Guard() as guard:
        answerer = start_answerer(guard, 0.0)
        with deployment(calcom_base_url=answerer.url, account_encryption_keys=ENCRYPTION) as ready:
            names = add(accounts) if accounts else []
            worker = ready.processes.start_all(fleet(THREADS))["worker 1"]
            for first in range(0, count, BATCH):
                ask(names[first % len(names) :] if names else [], first, BATCH)
                until(lambda: confirmed() >= first + BATCH, within=WITHIN, pause=threading.Event().wait)  # noqa: B023
            return rss(worker)


if __name__ == "__main__":
    main()
