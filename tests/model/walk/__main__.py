"""Walk records that `python -m tests.chaos --logs FOLDER` has kept: `python -m tests.model.walk FILE ...`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tests.model.walk.record import read_file
from tests.model.walk.walk import walk


def main(arguments: Sequence[str] | None = None) -> int:
    """Walk each file, tell where the model stops, and return the exit code."""
    made = argparse.ArgumentParser(prog="python -m tests.model.walk", description=__doc__)
    made.add_argument("files", nargs="+", type=Path, metavar="FILE")
    stopped = 0
    for file in made.parse_args(arguments).files:
        done = walk(read_file(file))
        stopped += len(done.stops)
        for stop in done.stops:
            print("\n".join(stop.lines()))  # noqa: T201 - a command
        print(f"{file}: {done.summary()}", flush=True)  # noqa: T201 - a command
    return 1 if stopped else 0


if __name__ == "__main__":
    raise SystemExit(main())
