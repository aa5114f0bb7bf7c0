"""Send a release of dist/ to a package index: `make publish INDEX=URL`, then the same with ARGS=--yes.

`make release` writes its checksums once the wheels have booked: a folder without them, or with other files, is refused.
Without --yes nothing is sent. The user and the password for the index are TWINE_USERNAME and TWINE_PASSWORD in the
environment, never an argument. Twine stands in this interpreter's environment.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from release import ROOT, SUMS, ReleaseError, checksums, version_of

KINDS = (
    "booking_worker_client-*.whl",
    "booking_worker_client-*.tar.gz",
    "booking_worker-*.whl",
    "booking_worker-*.tar.gz",
)
"""What an index takes, the client first: a worker needs the client of its own version."""
PATIENCE = 300.0  # seconds for one file, of a megabyte; twine itself would wait for ever


def main(arguments: Sequence[str]) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="make publish", description="Send a release to a package index.")
    parser.add_argument("version", nargs="?", help="of dist/ (that of pyproject.toml)")
    parser.add_argument("--index", metavar="URL", required=True, help="where files are uploaded to: INDEX=URL of make")
    parser.add_argument("--yes", action="store_true", help="send the files; without it they are only checked")
    parser.add_argument("--only", metavar="FILE", nargs="+", help="the files that a run which failed has not sent")
    parser.add_argument("--folder", type=Path, default=ROOT / "dist", help="where the releases are (dist)")
    asked = parser.parse_args(arguments)
    try:
        files = chosen(files_of(asked.folder / (asked.version or version_of(ROOT))), asked.only)
        _publish(files, asked.index, yes=asked.yes)
    except ReleaseError as error:
        print(f"publish: {error}", file=sys.stderr)
        return 1
    return 0


def files_of(folder: Path) -> list[Path]:
    """Return the files of a release for an index, in the order in which they are sent.

    Raises:
        ReleaseError: The folder has no release, or other files than those that have booked.
    """
    try:
        sums = (folder / SUMS).read_text("utf-8")
    except OSError:
        raise ReleaseError(f"{folder} has no release that has booked: `make release` makes one") from None
    if checksums(folder) != sums:
        raise ReleaseError(f"{folder} has other files than those that have booked: `make release` makes them again")
    found = [sorted(folder.glob(kind)) for kind in KINDS]
    if any(len(one) != 1 for one in found):
        raise ReleaseError(f"{folder} has not each of {', '.join(KINDS)} once")
    return [one for group in found for one in group]


def chosen(files: Sequence[Path], names: Sequence[str] | None) -> list[Path]:
    """Return the files of these names; None: all.

    Raises:
        ReleaseError: A name is that of no file.
    """
    if unknown := set(names or ()) - {one.name for one in files}:
        raise ReleaseError(f"the release has no {', '.join(sorted(unknown))}")
    return [one for one in files if names is None or one.name in names]


def _publish(files: Sequence[Path], index: str, *, yes: bool) -> None:
    """Check all files as an index does, and send them one by one.

    Raises:
        ReleaseError: One was refused; with the names of those that were not sent.
    """
    _twine("an index would refuse them", "check", "--strict", *map(str, files))
    for number, file in enumerate(files):
        if yes:
            left = " ".join(one.name for one in files[number:])
            options = ("--non-interactive", "--disable-progress-bar", "--repository-url", index)
            _twine(f"the index has not taken it: go on by ARGS='--yes --only {left}'", "upload", *options, str(file))
        print(f"  {'sent' if yes else 'would send'} {file.name}", flush=True)
    if not yes:
        print("Nothing was sent. ARGS=--yes sends them; what an index has, nobody can replace.")


def _twine(else_: str, *words: str) -> None:
    try:
        subprocess.run([sys.executable, "-m", "twine", *words], check=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise ReleaseError(f"{else_} (no answer came: leave out the first one if the index has it)") from None
    except subprocess.CalledProcessError:
        raise ReleaseError(else_) from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
