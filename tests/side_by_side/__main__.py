"""A deploy, judged: workers of an old version beside the new ones, on the same servers, through an outage of Cal.com.

Run it with `make side-by-side`, or with `make side-by-side OLD=REV` for another revision. The old version starts on its
own tables; they are migrated under it; the new client stores requests that only old workers can book. The rest of 300
requests come from callers of both versions, and from that client, while Cal.com goes down and comes back; meanwhile the
first bookings are cancelled and moved by the new version. Every call names the version whose code made it. The exit
code is 1 when a booking was lost or made twice, when a change was not done or the old version, which does not know any,
sent one, when either version called while the shared breaker was open, when more than one probe went out in a window,
or when the breaker's record is not that of one breaker.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.side_by_side.environment import CannotRun
from tests.side_by_side.run import Asked, Run, run
from worker.local.embedded import EmbeddedError
from worker.local.graceful_shutdown import GracefulShutdown

OLD = "HEAD"  # no release is before 0.1.0: the last commit, beside what is not committed yet; later a tag

FEWEST = 100


def main() -> int:
    """Run from the command line; return the exit code."""
    parser = _parser()
    asked = parser.parse_args()
    if asked.requests < FEWEST:
        parser.error(f"--requests: at least {FEWEST}, so that there are some before, in and after the outage")

    def say(text: str) -> None:
        if not asked.quiet:
            sys.stderr.write(f"{text}\n")

    try:
        with GracefulShutdown():
            size = Asked(asked.old, asked.requests, asked.rate, asked.outage, asked.open)
            ended = run(size, logs=asked.logs, say=say)
    except KeyboardInterrupt:
        return 130
    except CannotRun as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    except EmbeddedError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(_json(ended) if asked.json else _text(ended))  # noqa: T201
    return 0 if ended.sentence.kept else 1


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="make side-by-side", description=__doc__)
    made.add_argument("--old", default=OLD, metavar="REV", help=f"the revision that is being replaced ({OLD})")
    made.add_argument("--requests", type=int, default=300, metavar="N", help="bookings in all (300)")
    made.add_argument("--rate", type=float, default=10.0, metavar="N", help="requests a second (10)")
    made.add_argument("--outage", type=float, default=16.0, metavar="S", help="how long Cal.com is down (16)")
    made.add_argument("--open", type=float, default=4.0, metavar="S", help="CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT (4)")
    made.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    made.add_argument("--quiet", action="store_true", help="do not tell what is being done")
    made.add_argument("--logs", type=Path, help="keep every process's log in this folder")
    return made


def _json(ended: Run) -> str:
    return json.dumps({**asdict(ended), "kept": ended.sentence.kept})


def _text(ended: Run) -> str:
    found = ended.sentence
    lines = [line for lines in asdict(found).values() for line in lines]
    counts = f"{len(found.lost)} lost, {len(found.twice)} twice, {len(found.while_open)} calls while open"
    lines += [
        f"{ended.requests} requests, {ended.confirmed} confirmed; calls: {_each(ended.calls)}",
        f"{ended.windows} windows; probes: {_each(ended.probes)}",
        f"beside {ended.old}: {counts}, {len(found.second_probes)} windows with a second probe",
    ]
    return "\n".join(lines)


def _each(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {side}" for side, count in sorted(counts.items())) or "none"


if __name__ == "__main__":
    sys.exit(main())
