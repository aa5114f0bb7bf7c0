"""How long bookings, cancels and moves take while one endpoint of Cal.com is sick for ten minutes, beside a quiet day.

Three deployments at once, of two workers of eight threads, so that all have the same machine: on a quiet day, on one on
which only POST /v2/bookings answers 500, and on one on which only reschedule does. Each is asked for the same, evenly:
every three seconds one booking, one cancel and one move. The times are the record's, from wish to end. Ends with
1 when the p95 of what another endpoint answers is more than 1.5 times as long as on the quiet day, or one of these has
not been done. What held one of them, and each opening of a breaker, is printed.
"""

import argparse
import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from functools import partial
from multiprocessing import get_context
from statistics import quantiles
from typing import Any, TypeVar

from environment import Calcom, benchmark_environment, in_batches, some, start_of, until
from sqlalchemy import text

from resilience.circuit_breaker.types import State
from resilience.exceptions import AppointmentDatabaseException
from tasks import dependencies
from worker import cancel_booking, enqueue_booking, enqueue_bookings, reschedule_booking

QUIET, BOOKINGS, MOVES = "quiet", "bookings sick", "moves sick"
HEALTHY = {BOOKINGS: ("cancel", "move"), MOVES: ("booking", "cancel")}
"""What goes on such a day as on a quiet one."""
SECONDS, EVERY = 600.0, 3.0
WORKERS = (8, 8)  # threads of each
LATENCY = 0.1  # seconds of a call
BEFORE, WITHIN = 600.0, 120.0  # seconds that the bookings which are changed may take before, and the last ones
PATIENT = 5  # times that the same wish is sent
MUST = 1.5
BROKEN = {"kind": "status", "status": 500, "shape": "A", "message": "Internal server error"}  # the service lives
_PREPARED = "SELECT id, calcom_booking_uid FROM appointments WHERE status = 'confirmed' ORDER BY id"
_BOOKED = """
    SELECT extract(epoch FROM updated_at - requested_at)::float8 FROM appointments
    WHERE id = ANY (:ids) AND status = 'confirmed'
"""
_CHANGED = """
    SELECT extract(epoch FROM updated_at - requested_at)::float8 FROM booking_changes
    WHERE id = ANY (:ids) AND status = 'done'
"""
_HELD = """
    SELECT count(*) FROM appointments WHERE id = ANY (:ids) AND (circuit_breaker_open_at_booking IS NOT NULL OR EXISTS (
        SELECT FROM appointment_events WHERE appointment_id = appointments.id AND kind IN ('held', 'change_held')))
"""
_WHY = """
    SELECT concat_ws(': ', kind, detail ->> 'why') AS why, count(*) AS number FROM appointment_events
    WHERE appointment_id = ANY (:ids) AND kind IN ('held', 'change_held') GROUP BY 1
"""
Accepted = TypeVar("Accepted")
Day = dict[str, dict[str, float]]
"""Of each kind of wish: how many there were, were done and were held, and the p50 and p95 of its seconds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return the exit code."""
    asked = _parser().parse_args(arguments)
    days = _days(asked.seconds)
    if asked.json:
        print(json.dumps(days))
    else:
        _print(days)
    return 0 if all(ratio <= MUST for ratio in _ratios(days).values()) else 1


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help="how long it is sick (600)")
    made.add_argument("--json", action="store_true", help="print one line of JSON")
    return made


def pairs() -> Iterator[dict[str, float]]:
    """Measure the whole ten minutes once."""
    days = _days(SECONDS)
    _print(days)
    yield _ratios(days)


def _days(seconds: float) -> dict[str, Day]:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as each:
        return dict(zip((QUIET, BOOKINGS, MOVES), each.map(partial(_day, seconds), (QUIET, *HEALTHY)), strict=True))


def _ratios(days: dict[str, Day]) -> dict[str, float]:
    """Return the p95 of what is well beside that of the quiet day, the worse of the two of each day.

    Raises SystemExit: one of them has not been done.
    """
    for day, kinds in HEALTHY.items():
        for kind in kinds:
            if days[day][kind]["done"] < days[day][kind]["asked"]:
                raise SystemExit(f"{day}: {days[day][kind]['done']} of {days[day][kind]['asked']} ({kind}) were done")
    names = {"sick_bookings": BOOKINGS, "sick_moves": MOVES}
    return {
        name: max(days[day][kind]["p95"] / days[QUIET][kind]["p95"] for kind in HEALTHY[day])
        for name, day in names.items()
    }


def _print(days: dict[str, Day]) -> None:
    for day, kinds in days.items():
        for kind, found in kinds.items():
            told = "{asked} asked, {done} done, {held} held, {posts} calls, p50 {p50:.3f} s, p95 {p95:.3f} s".format(
                **found
            )
            print(f"  {day:14}{kind:8} {told}", file=sys.stderr, flush=True)


def _day(seconds: float, day: str) -> Day:
    """Spend a day; return what became of each kind of wish."""
    count = round(seconds / EVERY)
    with benchmark_environment(WORKERS, latency=LATENCY) as ready:
        in_batches(0, 2 * count, lambda first, number: _accepted(lambda: enqueue_bookings(some(first, number))))
        until(lambda: len(_rows(_PREPARED)) == 2 * count, within=BEFORE, pause=_pause)
        prepared = _rows(_PREPARED)
        moved, cancelled = prepared[:count], prepared[count:]
        _sicken(ready.calcom, day, [one.calcom_booking_uid for one in moved])
        before, begun = ready.calcom.last(), time.monotonic()
        wishes: dict[str, list[int | None]] = {"booking": [], "cancel": [], "move": []}
        asked: dict[str, list[int | None]] = {name: [] for name in wishes}
        for number, (leaves, goes) in enumerate(zip(moved, cancelled, strict=True)):
            _pause(max(0.0, begun + number * EVERY - time.monotonic()))
            made, cancelled_by, moved_by = _ask(2 * count + number, goes.id, leaves.id, start_of(3 * count + number))
            for kind, wish, booking in (
                ("booking", made, made), ("cancel", cancelled_by, goes.id), ("move", moved_by, leaves.id)
            ):  # fmt: skip
                wishes[kind].append(wish)
                asked[kind].append(booking)
        _pause(max(0.0, begun + seconds - time.monotonic()))
        healthy = HEALTHY.get(day, tuple(wishes))
        _wait(wishes, healthy)
        calls = ready.calcom.journal(before)
        _explain(day, {kind: asked[kind] for kind in healthy})
        return {kind: _judged(kind, wishes[kind], asked[kind], calls) for kind in wishes}


def _ask(number: int, goes: int, leaves: int, to: datetime) -> tuple[int | None, int | None, int | None]:
    """Ask for a booking, a cancel and a move; return the numbers of the three."""
    [wanted] = some(number, 1)
    return (
        _accepted(lambda: enqueue_booking(wanted)).appointment_id,
        _accepted(lambda: cancel_booking(goes)).change_id,
        _accepted(lambda: reschedule_booking(leaves, to)).change_id,
    )


def _accepted(ask: Callable[[], Accepted]) -> Accepted:
    """Ask until it is accepted: a caller whose patience ends on a busy machine sends the same wish again."""
    for _ in range(PATIENT):
        with contextlib.suppress(AppointmentDatabaseException):
            return ask()
    raise TimeoutError("Postgres accepts nothing")


def _explain(day: str, healthy: dict[str, list[int | None]]) -> None:
    """Print what held those that should go, and each change of the breaker."""
    for kind, bookings in healthy.items():
        for row in _rows(_WHY, bookings):
            print(f"  {day:14}{kind:8} {row.number} times {row.why}", file=sys.stderr, flush=True)
    for change in dependencies.current().breaker.view.transitions(count=1000):
        if change.new is State.OPEN:
            print(f"  {day:14}{change.endpoint or 'service'} opened: {change.reason}", file=sys.stderr, flush=True)


def _sicken(calcom: Calcom, day: str, uids: Sequence[str]) -> None:
    paths = {
        QUIET: [],
        BOOKINGS: ["/v2/bookings"],
        MOVES: [f"/v2/bookings/{uid}/reschedule" for uid in uids],
    }[day]
    for path in paths:
        calcom.order("POST", "/_faults", {**BROKEN, "match": {"method": "POST", "path": path}})


def _wait(wishes: dict[str, list[int | None]], kinds: Sequence[str]) -> None:
    """Wait until these are done, as long as they may take; what is not done by then is counted."""

    def all_done() -> bool:
        return all(len(_times(kind, wishes[kind])) == len(wishes[kind]) for kind in kinds)

    try:
        until(all_done, within=WITHIN, pause=_pause)
    except TimeoutError as late:
        print(f"  {late}", file=sys.stderr, flush=True)


def _times(kind: str, ids: Sequence[int | None]) -> list[float]:
    return [row[0] for row in _rows(_BOOKED if kind == "booking" else _CHANGED, ids)]


def _judged(
    kind: str, wishes: Sequence[int | None], bookings: Sequence[int | None], calls: Sequence[dict[str, Any]]
) -> dict[str, float]:
    took, [held] = _times(kind, wishes), _rows(_HELD, bookings)
    cuts = quantiles(took, n=100) if len(took) > 1 else [float("nan")] * 99
    ending = {"booking": "bookings", "cancel": "cancel", "move": "reschedule"}[kind]
    posts = sum(call["method"] == "POST" and call["target"].endswith(f"/{ending}") for call in calls)
    return {
        "asked": len(wishes),
        "done": len(took),
        "held": held[0],
        "posts": posts,
        "p50": cuts[49],
        "p95": cuts[94],
    }


def _rows(query: str, ids: Sequence[int | None] = ()) -> list[Any]:
    with dependencies.current().engine.connect() as conn:
        return list(conn.execute(text(query), {"ids": list(ids)} if ":ids" in query else {}))


_pause = threading.Event().wait

if __name__ == "__main__":
    sys.exit(main())
