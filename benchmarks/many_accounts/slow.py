"""How long the bookings of one account take while Cal.com answers another one after 20 s, beside the same without it.

Each may make 100 calls a minute. The one asks for 20 bookings at a time, some less than it may, and most of them wait
in its line; the other for 60 at once. The simulator answers.
"""

import statistics
import sys
import threading
import time
from collections.abc import Iterator

from environment import benchmark_environment, until
from many_accounts.making import ENCRYPTION, add, some_of
from sqlalchemy import text

from tasks import dependencies
from worker import enqueue_bookings

LIMIT, WORKERS = 100, (32, 32)  # calls a minute of each account; threads of each worker
LATENCY, SLOW = 0.1, 20.0  # seconds of a call
AT_ONCE, ROUNDS, EVERY = 20, 5, 15.0  # bookings; seconds from round to round
OF_THE_SLOW = 60
_TIMES = """
SELECT extract(epoch FROM updated_at - requested_at) FROM appointments WHERE status = 'confirmed' AND id = ANY (:ids)
"""
_pause = threading.Event().wait


def pairs() -> Iterator[dict[str, float]]:
    """Measure the one account alone, and from the other one's requests on; each in a fleet whose window is new."""
    alone, beside = (_p95(_day(slow=slow)) for slow in (False, True))
    print(f"  p95 {alone:.1f} s alone, {beside:.1f} s beside the slow one", file=sys.stderr, flush=True)
    yield {"accounts_slow": beside / alone}


def _day(*, slow: bool) -> list[float]:
    given = {"account_encryption_keys": ENCRYPTION, "calcom_rate_limit_per_minute": LIMIT}
    with benchmark_environment(WORKERS, latency=LATENCY, **given) as ready:
        healthy, other = add(2)
        ready.calcom.order("POST", "/_settings", {"keys": {"cal_bench_2": "host10", "cal_bench_3": "host11"}})
        match = {"method": "POST", "path": "/v2/bookings", "key": "cal_bench_3"}
        ready.calcom.order("POST", "/_faults", {"kind": "latency", "delay": SLOW, "after": True, "match": match})
        if slow:
            enqueue_bookings(some_of([other], 10_000, OF_THE_SLOW))
        return _ask(healthy, 20_000)


def _ask(account: str, first: int) -> list[float]:
    """Ask in rounds; return the seconds from each request to its booking."""
    ids: list[int] = []
    begun = time.monotonic()
    for number in range(ROUNDS):
        _pause(max(0.0, begun + number * EVERY - time.monotonic()))
        wanted = some_of([account], first + number * AT_ONCE, AT_ONCE)
        ids += [one.appointment_id for one in enqueue_bookings(wanted)]
    until(lambda: len(_times(ids)) == len(ids), within=240, pause=_pause)
    return _times(ids)


def _times(ids: list[int]) -> list[float]:
    with dependencies.current().engine.connect() as conn:
        return [float(took) for took in conn.execute(text(_TIMES), {"ids": ids}).scalars()]


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]
