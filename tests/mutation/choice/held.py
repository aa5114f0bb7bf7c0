"""Compare by which tests each promise is held, at a revision and now: `python -m tests.mutation.choice.held REV`.

A promise is held by the tests that its breakages name. Those that went are named: another one must have their claim.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.mutation.breakages import BREAKAGES
from tests.mutation.choice.last import tree_at, unpacked
from tests.mutation.trials.trial import ROOT

Named = Mapping[str, tuple[int, str]]
"""The breakages of a tree by their names, each as the number of its promise and its test."""
_READ = """
import json
from tests.mutation.breakages import BREAKAGES
print(json.dumps({one.name: [one.promise, one.test] for one in BREAKAGES}))
"""


def main() -> int:
    """Print a line for each promise, and what went; return the exit code."""
    made = argparse.ArgumentParser(prog="python -m tests.mutation.choice.held", description=__doc__)
    made.add_argument("since", metavar="REV", help="the revision that this tree is compared with")
    asked = made.parse_args()
    with tempfile.TemporaryDirectory(prefix="held-") as folder:
        try:
            unpacked(ROOT, tree_at(ROOT, asked.since), Path(folder))
        except subprocess.CalledProcessError:
            print(f"there is no revision {asked.since} here", file=sys.stderr)  # noqa: T201
            return 2
        argv = [sys.executable, "-B", "-c", _READ]
        before = json.loads(subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout)
    print(*differences(before, {one.name: (one.promise, one.test) for one in BREAKAGES}), sep="\n")  # noqa: T201
    return 0


def differences(before: Named, now: Named) -> Iterator[str]:
    """Yield a line for each promise, with those for the tests and breakages of before that are not there now."""
    held, holds = _tests(before.values()), _tests(now.values())
    for promise in sorted(held | holds):
        yield f"promise {promise}: {len(held[promise])} tests before, {len(holds[promise])} now"
        yield from (f"  went: {test}" for test in sorted(held[promise] - holds[promise]))
    yield f"breakages: {len(before)} before, {len(now)} now"
    yield from (f"  went: {name}" for name in sorted(before.keys() - now.keys()))


def _tests(named: Iterable[tuple[int, str]]) -> defaultdict[int, set[str]]:
    tests = defaultdict[int, set[str]](set)
    for promise, test in named:
        tests[promise].add(test)
    return tests


if __name__ == "__main__":
    sys.exit(main())
