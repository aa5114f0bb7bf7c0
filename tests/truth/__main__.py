"""Hold the Resilience page beside the world while kinds of trouble, and pairs of them, come and go.

Each text of the page is read as claims, and each claim is compared with PostgreSQL, Redis, the simulator, or what was
done. The exit code is 1 when a claim was false, when a text was read from which no claim is known, or when fewer than
500 claims were compared; 130 after Ctrl-C. Needs Debian's Chromium.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence

from tests.truth.run import Result, run
from tests.truth.troubles import OF_ACCOUNTS, PAIRS, TROUBLES
from worker.console import screen
from worker.local.embedded import EmbeddedError
from worker.local.graceful_shutdown import GracefulShutdown

ENOUGH = 500  # claims
SECONDS = 10.0
SHOWN = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    asked = _parser().parse_args(arguments)
    names = [tuple(one.split("+")) for one in asked.only] or [*((name,) for name in TROUBLES), *PAIRS]
    names.sort(key=lambda one: not OF_ACCOUNTS.isdisjoint(one))
    if unknown := sorted({name for one in names for name in one} - TROUBLES.keys()):
        print(f"no such trouble: {', '.join(unknown)}; there are {', '.join(TROUBLES)}", file=sys.stderr)  # noqa: T201
        return 2
    logging.disable(logging.WARNING)  # what is dealt is said
    say = (lambda _: None) if asked.quiet else screen.note
    try:
        with GracefulShutdown():
            result = run(names, seconds=asked.seconds, say=say)
    except KeyboardInterrupt:
        return 130
    except EmbeddedError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    kept = not result.false and not result.unread and len(result.claims) >= asked.at_least
    sys.stdout.write(f"{_json(result, kept=kept) if asked.json else _text(result)}\n")
    return 0 if kept else 1


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="make truth", description=__doc__)
    made.add_argument(
        "--only", nargs="+", default=[], metavar="TROUBLE", help="these, or pairs as 'outage+order' (all)"
    )
    made.add_argument("--seconds", type=float, default=SECONDS, help="how long each lasts (%(default)s)")
    made.add_argument("--at-least", type=int, default=ENOUGH, help="claims that must be compared (%(default)s)")
    made.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    made.add_argument("--quiet", action="store_true", help="do not tell each trouble as it comes")
    return made


def _text(result: Result) -> str:
    lines = [
        f"{len(result.claims):,} claims compared, {len(result.false)} false, {len(result.unread)} texts not understood"
    ]
    for one in result.false[:SHOWN]:
        lines.append(f"  false: {one.name}: {one.words!r} in {one.seen.told.text!r} at {one.seen.at:%H:%M:%S}")
        lines += [f"    @: {moment.at:%Y-%m-%d %H:%M:%S}" for moment in one.seen.told.moments]
        lines += [f"    {told}" for told in one.seen.world.story(one.seen.at)]
    lines += [
        f"  not understood, {times} times: {region}: {text!r}"
        for (region, text), times in [*result.unread.items()][:SHOWN]
    ]
    return "\n".join(lines)


def _json(result: Result, *, kept: bool) -> str:
    false = [
        {
            "claim": one.name,
            "words": one.words,
            "text": one.seen.told.text,
            "region": one.seen.told.region,
            "at": one.seen.at.isoformat(),
        }
        for one in result.false
    ]
    unread = [{"region": region, "text": text, "times": times} for (region, text), times in result.unread.items()]
    return json.dumps({"kept": kept, "claims": len(result.claims), "false": false, "unread": unread})


if __name__ == "__main__":
    sys.exit(main())
