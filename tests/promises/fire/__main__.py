"""The fire suite: real workers, servers and a Cal.com, all hurt by a seeded schedule; nothing lost, nothing twice.

Run it with `make promises SEED=1`. It prints the seed and each fault as it strikes, and the same seed deals the same
faults again. The exit code is 1 when a booking was lost, booked twice, or contradicts Cal.com's books.
"""

import argparse
import json
import random
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "plugins"))

from fire_run import EmbeddedError, Run, run
from fire_schedule import plan

from worker.endings import Ending


def main() -> int:
    """Run from the command line; return the exit code."""
    asked = _parser().parse_args()
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed

    def say(text: str) -> None:
        if not asked.quiet:
            sys.stderr.write(f"{text}\n")

    try:
        planned = plan(seed, asked.faults, asked.only)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    say(f"seed {seed}: {asked.bookings} bookings, {len(planned)} faults in {asked.seconds:g} s")
    if asked.plan:
        for one in planned:
            print(f"{one.lane:9}  {one.fault}")  # noqa: T201
        return 0
    try:
        with Ending():
            ended = run(planned, seed=seed, bookings=asked.bookings, seconds=asked.seconds, logs=asked.logs, say=say)
    except KeyboardInterrupt:
        return 130
    except EmbeddedError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(_json(ended) if asked.json else _text(ended))  # noqa: T201
    return 0 if ended.verdict.kept else 1


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="make promises", description=__doc__)
    made.add_argument("--seed", type=int, help="deals the faults (default: by chance, and said)")
    made.add_argument("--bookings", type=int, default=5000, help="ask for at least so many (5000)")
    made.add_argument("--faults", type=int, default=208, help="try so many faults (208): now and then one is not met")
    made.add_argument("--seconds", type=float, default=840, help="spread over so long (840)")
    made.add_argument("--only", nargs="+", default=[], metavar="NAME", help="faults whose names begin so")
    made.add_argument("--plan", action="store_true", help="print the schedule and do nothing")
    made.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    made.add_argument("--quiet", action="store_true", help="do not tell each fault as it strikes")
    made.add_argument("--logs", type=Path, help="keep every process's log in this folder")
    return made


def _json(ended: Run) -> str:
    return json.dumps(asdict(ended))


def _text(ended: Run) -> str:
    lines = [*ended.stories, "", f"{'fault':60} {'often':>5}  {'moved on':>8}"]
    lines += [f"{name:60} {often:5}  {seconds:6.1f} s" for name, often, seconds in ended.table]
    found = ended.verdict
    counts = f"{len(found.lost)} lost, {len(found.double)} double, {len(found.contradictions)} contradictions"
    lines += [
        "",
        f"seed {ended.seed}: {ended.bookings} bookings, {ended.faults} faults in {ended.seconds:.0f} s: {counts}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
