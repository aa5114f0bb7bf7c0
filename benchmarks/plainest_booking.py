"""How much code the plainest booking meets: claimed, posted, answered with 201, confirmed, on a closed breaker.

A file counts when a function of it is entered between the claim and the acknowledgement (what dataclasses write is no
function of a file, nor is the body of a module or a class), and so does each .sql and .lua file of what is sent in that
time. It counts whole: all its lines, blank ones and comments too (`wc -l`). The process has booked once before.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from worker.local.environment import environment
from worker.settings.model import Settings

ROOT = Path(__file__).parents[1]
APART = ("tasks/calcom/", "resilience/", "client/")  # Cal.com's client, the patterns, what callers have too


@dataclass(frozen=True)
class Size:
    """How many files a booking meets, and how many lines they have together."""

    files: int
    lines: int


@dataclass(frozen=True)
class Way:
    """What a plain booking meets: its own code (without the client and the patterns), and all of it."""

    own: Size
    all: Size


BEFORE = Way(own=Size(14, 1978), all=Size(32, 4060))  # 977511c, traced by this script (--of); 29 and 3,996 are Python


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    asked = _parser().parse_args(arguments)
    settings = Settings.load(database_url=None, redis_url=None)
    with environment(settings, simulator=("--rate-limit", "0", "--latency", "0", "0")) as ready:
        ready.migrate()
        lines = trace(ready.servers.database_url, ready.servers.redis_url, ready.calcom.url, asked.of)
    print(_json(lines) if asked.json else _text(lines))


def trace(database_url: str, redis_url: str, calcom_url: str, of: Path = ROOT) -> dict[str, int]:
    """Return the files of the version in the folder `of` that a plain booking meets, and their lines.

    The database is migrated, Redis empty, Cal.com quick and without a limit.
    """
    tracer = Path(__file__).with_name("trace_booking.py")
    environment = {
        "PYTHONPATH": os.pathsep.join((str(of), str(of / "client"))),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CALCOM_BASE_URL": calcom_url,
        "CALCOM_API_KEY": "cal_test_owner",
        "CALCOM_RATE_LIMIT_PER_MINUTE": "0",
    }
    argv = [sys.executable, str(tracer), str(of)]
    ended = subprocess.run(argv, env=environment, cwd=of, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(ended.stderr)
    files: list[str] = json.loads(ended.stdout.splitlines()[-1])
    return {file: (of / file).read_bytes().count(b"\n") for file in files}


def way(lines: Mapping[str, int]) -> Way:
    """Return the size of the files that were met."""
    return Way(_size(count for file, count in lines.items() if not file.startswith(APART)), _size(lines.values()))


def _size(lines: Iterable[int]) -> Size:
    counts = list(lines)
    return Size(len(counts), sum(counts))


def _json(lines: Mapping[str, int]) -> str:
    return json.dumps({"before": asdict(BEFORE), "today": asdict(way(lines)), "files": lines})


def _text(lines: Mapping[str, int]) -> str:
    today = way(lines)
    told = [f"{count:6,}  {file}" for file, count in lines.items()]
    for name, size in (("977511c", BEFORE), ("today", today)):
        own, every = size.own, size.all
        told.append(
            f"{name:<8} without tasks/calcom, resilience and client {own.files} files, {own.lines:,} lines; "
            f"in all {every.files} files, {every.lines:,} lines"
        )
    return "\n".join([told[-2], *told[:-2], told[-1]])


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--of", type=Path, default=ROOT, metavar="DIR", help="a folder with another version to trace")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


if __name__ == "__main__":
    main()
