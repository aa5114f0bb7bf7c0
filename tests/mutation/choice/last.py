"""The last whole run of the breakages that was green, and what has changed in the tree since then."""

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from tests.mutation.breakage import Breakage

KEPT = Path("tests", "mutation", "last_whole_run.json")
Listed = Mapping[str, Sequence[str]]
"""The breakages of a tree by their names, each as its file, old text, new text and test."""
# A list of another tree is read by its own modules; what each of them has had as long as there is a list.
_READ = """
import json
from tests.mutation.breakages import BREAKAGES
print(json.dumps({one.name: [one.file, one.old, one.new, one.test] for one in BREAKAGES}))
"""


@dataclass(frozen=True, slots=True)
class WholeRun:
    """A run of the whole list in which each breakage was caught, and each search green."""

    commit: str
    caught: int
    breakages: Mapping[str, int]
    """How many, by the package of the broken file."""
    searches: Mapping[str, int]
    """How many tests passed, by the file of the search."""


def git(root: Path, *arguments: str) -> str:
    """Run git below `root` and return what it prints.

    Raises:
        CalledProcessError: git refused.
    """
    argv = ["git", "-C", str(root), *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def kept(root: Path) -> WholeRun | None:
    """Return the run that stands in the tracked file; None: there is none."""
    path = root / KEPT
    return WholeRun(**json.loads(path.read_text("utf-8"))) if path.is_file() else None


def keep(root: Path, commit: str, breakages: Iterable[Breakage], searches: Mapping[str, int]) -> None:
    """Write a whole run that was green into the tracked file."""
    packages = Counter(one.file.removeprefix("client/").partition("/")[0] for one in breakages)
    run = WholeRun(commit, packages.total(), dict(sorted(packages.items())), dict(sorted(searches.items())))
    (root / KEPT).write_text(json.dumps(asdict(run), indent=2) + "\n", "utf-8")


def clean_commit(root: Path) -> str | None:
    """Return the commit that the tree is; None: something in it is not committed, or there is no git."""
    try:
        return None if git(root, "status", "--porcelain").strip() else git(root, "rev-parse", "HEAD").strip()
    except subprocess.CalledProcessError:
        return None


def commit_of(root: Path, revision: str) -> str | None:
    """Return the commit that a revision names; None: none."""
    try:
        return git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except subprocess.CalledProcessError:
        return None


def is_before(root: Path, commit: str) -> bool:
    """Return whether a commit is one that the tree came from; one that a shallow clone lacks is not."""
    try:
        git(root, "merge-base", "--is-ancestor", commit, "HEAD")
    except subprocess.CalledProcessError:
        return False
    return True


def changed(root: Path, commit: str) -> dict[str, str | None]:
    """Return the files that differ from a commit (changed, new or gone, committed or not), each as it was there.

    None: it was not there.
    """
    differ = git(root, "diff", "--name-only", "--no-renames", "-z", commit)
    new = git(root, "ls-files", "--others", "--exclude-standard", "-z")
    return at(root, commit, [name for name in (differ + new).split("\0") if name])


def at(root: Path, commit: str, names: Sequence[str]) -> dict[str, str | None]:
    """Return the texts of files as they were at a commit; None: it was not there."""
    asked = "".join(f"{commit}:{name}\n" for name in names)
    argv = ["git", "-C", str(root), "cat-file", "--batch"]
    told = io.BytesIO(subprocess.run(argv, check=True, capture_output=True, input=asked.encode()).stdout)
    return {name: _next(told) for name in names}


def _next(told: io.BytesIO) -> str | None:
    """Read the next file of what `git cat-file --batch` says."""
    line = told.readline()
    if line.endswith(b" missing\n"):
        return None
    text = told.read(int(line.rpartition(b" ")[2])).decode(errors="replace")
    told.read(1)
    return text


def listing(breakages: Iterable[Breakage]) -> Listed:
    """Return this tree's own list."""
    return {one.name: [one.file, one.old, one.new, one.test] for one in breakages}


def listed(folder: Path) -> Listed | None:
    """Return the list of breakages of the tree in a folder; None: it cannot be read as today's."""
    argv = [sys.executable, "-B", "-c", _READ]  # what is only read has no new file in it
    ran = subprocess.run(argv, cwd=folder, check=False, capture_output=True, text=True)
    return json.loads(ran.stdout) if ran.returncode == 0 else None


def listed_at(root: Path, commit: str) -> Listed | None:
    """Return the list of breakages as it was at a commit."""
    return _listed_in(root, tree_at(root, commit))


@cache
def _listed_in(root: Path, tree: str) -> Listed | None:
    """Return the list of breakages of a tree of git, which most commits leave as it is."""
    with tempfile.TemporaryDirectory(prefix="breakages-") as folder:
        unpacked(root, tree, Path(folder))
        return listed(Path(folder))


def tree_at(root: Path, commit: str) -> str:
    """Return the tree of the breakages' modules as they were at a commit.

    Raises:
        CalledProcessError: There is no such commit.
    """
    return git(root, "rev-parse", f"{commit}:tests/mutation").strip()


def unpacked(root: Path, tree: str, folder: Path) -> None:
    """Write the breakages' modules of a tree of git below `folder`."""
    archive = folder / "lists.tar"
    git(root, "archive", "--prefix=tests/mutation/", f"--output={archive}", tree)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
