"""The fire suite: real workers, servers and a Cal.com, all hurt by a seeded schedule; nothing lost, nothing twice.

Run it with `make promises SEED=1`. It prints the seed and each fault as it strikes, and the same seed deals the same
faults again. The exit code is 1 when a booking was lost, booked twice, contradicts Cal.com's books at the end or did so
when it ended, is held as untellable though it can be told, is a suspect of what is over, or is held so that only a
person could release it, for another reason than the two that are a person's, and the same of a cancel or a move; when a
figure that is kept counted is not what a full count finds; or when a host's order and its booking are not one, or a
listener missed an end; or when a callback was not delivered in order, or a false webhook was believed; or when a caller
was told what was not so, or did not stay so; or when the model cannot take a step that a booking, a change or a call
took; or when a rule is not kept at its full size.
"""

import argparse
import json
import random
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from tests.chaos.parts import PARTS, Part, planned
from tests.chaos.run import EmbeddedError, Run, run
from tests.chaos.schedule import Planned
from tests.chaos.sizes import SIZES, is_kept
from tests.sizes import SEED
from worker.local.graceful_shutdown import GracefulShutdown


def main() -> int:
    """Run from the command line; return the exit code."""
    asked = _parser().parse_args()
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    try:
        given = {"bookings": asked.bookings, "faults": asked.faults, "seconds": asked.seconds}
        named, sized = ([one for one in asked.part or () if one in of_kind] for of_kind in (PARTS, SIZES))
        parts = [] if sized and not named else list(planned(seed, named, asked.only, **given))
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    if asked.plan:
        for name, _, faults in parts:
            for one in faults:
                print(f"{name:8}  {one.lane:9}  {one.fault}")  # noqa: T201
        return 0
    ended = []
    try:
        with GracefulShutdown():
            kept = {name: is_kept(SIZES[name], f"{SEED}={seed}") for name in sized}
            for name, part, faults in parts:
                ended.append(_run(name, part, faults, seed=seed, asked=asked))
    except KeyboardInterrupt:
        return 130
    except EmbeddedError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    if ended:
        print(_json(seed, ended) if asked.json else "\n".join(map(_text, ended)))  # noqa: T201
    return 0 if all(kept.values()) and all(one.verdict.kept for one in ended) else 1


def _run(name: str, part: Part, faults: list[Planned], *, seed: int, asked: argparse.Namespace) -> Run:
    def say(text: str) -> None:
        if not asked.quiet:
            sys.stderr.write(f"{text}\n")

    say(f"part {name}, seed {seed}: {part.bookings} bookings, {len(faults)} faults in {part.seconds:g} s")
    ended = run(name, part, faults, seed=seed, logs=asked.logs and asked.logs / name, say=say)
    say(_summary(ended))
    return ended


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="make promises", description=__doc__)
    made.add_argument("--seed", type=int, help="deals the faults (default: by chance, and said)")
    by_name = [*(name for name, part in PARTS.items() if part.by_name), *SIZES]
    named = f"of {', '.join((*PARTS, *SIZES))} (default: all but {', '.join(by_name)})"
    made.add_argument("--part", nargs="+", choices=[*PARTS, *SIZES], metavar="NAME", help=named)
    made.add_argument("--bookings", type=int, help="ask for at least so many in each part")
    made.add_argument("--faults", type=int, help="try so many faults in each: now and then one is not met")
    made.add_argument("--seconds", type=float, help="spread them over so long in each")
    made.add_argument("--only", nargs="+", default=[], metavar="NAME", help="faults whose names begin so")
    made.add_argument("--plan", action="store_true", help="print the schedule and do nothing")
    made.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    made.add_argument("--quiet", action="store_true", help="do not tell each fault as it strikes")
    made.add_argument("--logs", type=Path, help="keep every process's log in this folder")
    return made


def _json(seed: int, ended: list[Run]) -> str:
    kept = all(one.verdict.kept for one in ended)
    return json.dumps({"seed": seed, "kept": kept, "parts": [asdict(one) for one in ended]})


def _text(ended: Run) -> str:
    lines = [*ended.stories, "", f"{'fault':60} {'often':>5}  {'moved on':>8}"]
    lines += [f"{name:60} {often:5}  {seconds:6.1f} s" for name, often, seconds in ended.table]
    lines += ["", f"{'kind':30} ended"]
    lines += [f"{kind:30} {_counts(counts)}" for kind, counts in ended.kinds.items()]
    lines += [f"{what:30} {_counts(counts)}" for what, counts in ended.changes.items()]
    lines += [f"held as untellable: {cell}: {count}" for cell, count in sorted(ended.cells.items())]
    return "\n".join([*lines, "", _summary(ended)])


def _counts(counts: Mapping[str, float]) -> str:
    return ", ".join(f"{count:g} {end}" for end, count in sorted(counts.items()))


def _summary(ended: Run) -> str:
    found, longest = ended.verdict, max((seconds for *_, seconds in ended.table), default=0.0)
    counts = f"{len(found.lost)} lost, {len(found.double)} double, {len(found.contradictions)} contradictions"
    changes = sum(sum(ends.values()) for ends in ended.changes.values())
    return (
        f"part {ended.part}, seed {ended.seed}: {ended.bookings} bookings, {changes} changes, {ended.faults} faults in "
        f"{ended.seconds:.0f} s: {counts}, {len(found.blind)} held without need, "
        f"{len(found.waiting)} suspects of what is over, "
        f"{len(found.by_hand)} held that only a person could release (left held: {_counts(ended.held) or 'none'}), "
        f"{len(found.of_others)} by another account, {len(found.miscounted)} figures miscounted, "
        f"{len(found.transactions)} of a host's transactions untrue, {len(found.callbacks)} callbacks or reports wrong"
        f", {len(found.untrue)} untrue words to callers ({_counts(ended.said)})"
        f", {len(found.unwalked)} steps that the model cannot take ({_counts(ended.walked)})"
        f"; moved on within {longest:.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
