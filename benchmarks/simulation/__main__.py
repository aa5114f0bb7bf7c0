"""Show what an outage of Cal.com does to a deployment of your size, before it happens: a minute, and no servers.

Requests come while Cal.com answers 503 for a while. The breaker opens after a few failures, what comes is held, one
probe goes each time OPEN is over, and when Cal.com is back the held are let go in order: one, two, four, ... at once.
The breaker, its release window and the rate limit are the rules that the product's scripts are tested against; what a
step costs was measured in a real run (--check compares the model with real runs).
"""

import argparse
import json
import math
import random
import sys
from collections.abc import Sequence
from dataclasses import MISSING, asdict, fields
from pathlib import Path

from benchmarks.simulation import check, drawing
from benchmarks.simulation.conditions import Conditions, Costs
from benchmarks.simulation.fleet import Fleet
from benchmarks.simulation.recording import Recording
from benchmarks.simulation.trace import Measures, measure

EXAMPLES = """examples:
  make simulate                                                   two workers, one booking a second, five minutes
  make simulate ARGS="--workers 20 --rate 50 --limit 0"           no limit of our own: what the fleet can do
  make simulate ARGS="--workers 1000 --threads 16 --rate 300 --limit 0 --outage 60 --window 1024"
  make simulate ARGS="--outage 3600 --open 60 --svg outage.svg"   draw it, too
  make simulate ARGS=--check                                      the model beside the recorded real runs
  make simulate ARGS="--record mine.json --before 8 --outage 30 --after 60"
                                                                  a real run on this machine, for --check mine.json
"""
FLAGS = {
    "workers": "worker processes, one a core",
    "threads": "threads of each",
    "rate": "requests a second",
    "latency": "seconds that a call takes at Cal.com",
    "failing": "seconds that a call takes that fails",
    "limit": "CALCOM_RATE_LIMIT_PER_MINUTE, 0: none; Cal.com grants a key 120 a minute unless told otherwise",
    "outage": "seconds for which Cal.com is down",
    "open": "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT, seconds",
    "threshold": "CIRCUIT_BREAKER_THRESHOLD, failures in a row",
    "window": "HOLD_RELEASE_MAX, held bookings in flight at most, 0: as many as the workers take",
    "settle": "CALCOM_SETTLE_SECONDS, for which an unclear call may still turn into a booking",
    "database_cores": "cores of the database",
    "before": "seconds of good weather before the outage",
    "after": "seconds after it, in which requests keep coming",
    "bulk": "requests that come at once, in the middle of the outage",
    "errors": "share of calls that are answered 500 by chance while Cal.com works",
    "spread": "share by which a call is longer or shorter, by chance",
    "lost": "share of the threads that are killed after the outage",
    "lost_after": "seconds after it at which they are killed",
}
WORDS = {
    "calls_until_open": "calls that failed until the breaker was open",
    "probes": "probes",
    "calls_while_open": "other calls while it was open",
    "held_peak": "held at most",
    "first_booked_after": "s after Cal.com's return: the first booking",
    "drained_after": "s after it: nobody is held any more",
    "drain_rate": "bookings a second in between",
    "wait_p95": "s from asked to booked, 95 % of all",
    "calm_p50": "s from asked to booked, before the outage, half of them",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code: 2 for figures that cannot be, 1 for a model that is off."""
    asked = _parser().parse_args(arguments)
    try:
        costs = Recording.read(asked.costs).costs
        if asked.check is not None:
            return _check(asked.check, costs, as_json=asked.json)
        day = Conditions(**{name: getattr(asked, name) for name in FLAGS}, even=asked.even or asked.record is not None)
        if asked.record is not None:
            from benchmarks.simulation.real_run import record  # noqa: PLC0415 - only this needs servers and workers

            record(day).write(asked.record)
            return 0
        _simulate(asked, day, costs)
    except (ValueError, OSError) as error:
        print(f"simulate: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="make simulate ARGS=...",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    yours = made.add_argument_group("your figures")
    defaults = {one.name: one.default for one in fields(Conditions) if one.default is not MISSING}
    for name, meaning in FLAGS.items():
        kind, default = type(defaults[name]), defaults[name]
        flag, metavar = f"--{name.replace('_', '-')}", "N" if kind is int or name == "rate" else "S"
        yours.add_argument(flag, type=kind, default=default, metavar=metavar, help=f"{meaning} ({default:g})")
    yours.add_argument("--even", action="store_true", help="requests at an even pace, not by chance")
    yours.add_argument("--seed", type=int, default=1, metavar="N", help="of chance: the same seed, the same day (1)")
    shown = made.add_argument_group("what is shown")
    shown.add_argument("--json", action="store_true", help="print one JSON object instead of the table and the chart")
    shown.add_argument("--svg", type=Path, metavar="FILE", help="draw it into this file, too")
    real = made.add_argument_group("real runs")
    real.add_argument(
        "--costs",
        type=Path,
        default=check.CALIBRATION,
        metavar="FILE",
        help="the recording from which it is taken what a step costs (the one of the project)",
    )
    real.add_argument(
        "--check",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="compare the model with recordings (those in benchmarks/simulation/recorded)",
    )
    real.add_argument("--record", type=Path, metavar="FILE", help="make a real run with your figures, and record it")
    return made


def _simulate(asked: argparse.Namespace, day: Conditions, costs: Costs) -> None:
    """Simulate a day, print it, and draw it."""
    fleet = Fleet(day, costs, random.Random(asked.seed))  # noqa: S311 - chance, not secrets
    run = fleet.run()
    found, ceilings = measure(run), _ceilings(day, costs)
    fleet_of = f"{day.workers} x {day.threads} threads, {day.rate:g} requests/s"
    title = f"{fleet_of}; Cal.com is down for {day.outage:g} s; OPEN {day.open:g} s"
    if asked.svg is not None:
        asked.svg.write_text(drawing.svg(run, day, title), "utf-8")
    if asked.json:
        figures = {name: value if math.isfinite(value) else None for name, value in found._asdict().items()}
        told = {"conditions": asdict(day), "costs": costs.rounded(), "measures": figures, "ceilings": ceilings}
        print(json.dumps(told | {"still_held": len(fleet.held)}))
        return
    print(f"{title}\n")
    print(drawing.chart(run, day))
    print()
    for name, value in found._asdict().items():
        print(f"{_figure(name, value):>12}  {WORDS[name]}")
    print("\nAt most so many bookings a second, by each part; the first is what holds this deployment back:")
    for name, value in sorted(ceilings.items(), key=lambda one: one[1]):
        print(f"{value:12.1f}  {name}")
    if fleet.held:
        print(f"\n{len(fleet.held)} are still held {day.after:g} s after Cal.com's return", end=": ")
        slow = min(ceilings.values()) <= day.rate
        print("requests come faster than they can be booked" if slow else "give it more time (--after)")


def _figure(name: str, value: float) -> str:
    if not math.isfinite(value):
        return "not yet"
    return f"{value:.0f}" if Measures.__annotations__[name] in (int, "int") else f"{value:.2f}"


def _ceilings(day: Conditions, costs: Costs) -> dict[str, float]:
    """Return how many bookings a second each part allows."""
    call = costs.enter + day.latency + costs.leave
    found = {
        "threads": day.workers * day.threads / call,
        "worker CPU": day.workers / costs.worker,
        f"database CPU, {day.database_cores} cores": day.database_cores / costs.database,
        "Redis CPU, one core": 1 / costs.redis,
    }
    if day.window:
        found["release window (HOLD_RELEASE_MAX), while held bookings are let go"] = day.window / call
    if day.limit:
        found["rate limit (CALCOM_RATE_LIMIT_PER_MINUTE)"] = 1e6 / day.limits.emission_interval
    return {name: round(value, 2) for name, value in found.items()}


def _check(paths: Sequence[Path], costs: Costs, *, as_json: bool) -> int:
    """Print how far the model is from real runs."""
    found = check.deviations(paths or sorted(check.RECORDED.glob("*.json")), costs)
    if as_json:
        print(json.dumps([{**one._asdict(), "deviation": one.share} for one in found]))
    else:
        print(check.table(found))
    return 0 if all(one.is_small for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
