"""What one of 1,000 accounts costs: to accept a booking of it, and to ask and report, beside one that is alone."""

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from environment import deployment, some
from guarded_call import PLENTY, guarded, microseconds
from many_accounts.making import ENCRYPTION, add, some_of

from booking_client.request.model import BookingRequest
from resilience.circuit_breaker.account import CallingAccount
from tasks import dependencies
from tasks.accounts.callers import Callers
from tasks.dependencies import Dependencies
from worker import enqueue_booking
from worker.local import embedded

ACCOUNTS, PAIRS = 1_000, 5
BLOCK, BLOCKS = 50, 8  # requests of each kind in turn, and turns in a pair


def pairs() -> Iterator[dict[str, float]]:
    """Measure in turns, the account that is alone and each of many."""
    with embedded.servers(postgres=False) as servers:
        many = [
            CallingAccount(number, f"key{number}", "it", PLENTY, alone=False, neighbours=ACCOUNTS)
            for number in range(2, ACCOUNTS + 2)
        ]
        kinds = {"alone": guarded(servers.redis_url), "many": guarded(servers.redis_url, many)}
        for _ in range(PAIRS):
            took = microseconds(kinds, blocks=20, calls=50)
            yield {"accounts_guarded_call": took["many"] / took["alone"]}
    with deployment(account_encryption_keys=ENCRYPTION):
        names = add(ACCOUNTS)
        among = dependencies.current()
        # It never hears of the others: its statements and scripts are those of an account that is alone.
        alone = replace(among, callers=Callers(among.engine, among.caller, clock=lambda: 0.0))
        for pair in range(PAIRS + 1):
            took_alone, took_among = _accept(pair * 2 * BLOCK * BLOCKS, names, alone, among)
            if pair:  # the first warms up
                yield {"accounts_enqueue_one": statistics.median(took_among) / statistics.median(took_alone)}


def _accept(
    first: int, names: Sequence[str], alone: Dependencies, among: Dependencies
) -> tuple[list[float], list[float]]:
    took: tuple[list[float], list[float]] = [], []
    for block in range(BLOCKS):
        begin = first + 2 * block * BLOCK
        for times, deps, wanted in (
            (took[0], alone, some(begin, BLOCK)),
            (took[1], among, some_of(names[block * BLOCK :], begin + BLOCK, BLOCK)),
        ):
            dependencies.fill(lambda: deps)  # noqa: B023 - called within this turn
            times.extend(map(_seconds, wanted))
    return took


def _seconds(wanted: BookingRequest) -> float:
    begun = time.perf_counter()
    enqueue_booking(wanted)
    return time.perf_counter() - begun
