"""List what would have been chosen at earlier submissions: `python -m tests.mutation.choice.history [--of 25]`.

A submission is taken for a span of at least so many commits, back from HEAD, compared with the commit before its first;
with `--of 1` it is each commit of main, a merged branch being one.
"""

import argparse
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

from tests.mutation.choice.choosing import Choice, choose
from tests.mutation.choice.last import git, listed_at
from tests.mutation.trials.trial import ROOT


def main() -> None:
    """Print a line for each submission, and the sizes of all."""
    made = argparse.ArgumentParser(prog="python -m tests.mutation.choice.history", description=__doc__)
    made.add_argument("--spans", type=int, default=30, help="so many submissions (30)")
    made.add_argument("--of", type=int, default=10, help="of so many commits each (10)")
    asked = made.parse_args()
    sizes, shares = list[int](), list[float]()
    print("commits            chosen    of  share  searches  because of")  # noqa: T201
    for first, last, choice in submissions(ROOT, asked.spans, asked.of):
        sizes.append(len(choice.breakages))
        shares.append(len(choice.breakages) / choice.of)
        commits = f"{first[:8]} {last[:8]}"
        size = f"{sizes[-1]:6}  {choice.of:4}  {shares[-1]:5.0%}  {len(choice.searches):8}"
        print(f"{commits}  {size}  {_why(choice)}", flush=True)  # noqa: T201
    ninth = sorted(sizes)[int(len(sizes) * 0.9)]
    every = sum(share == 1 for share in shares)
    figures = f"min {min(sizes)}, median {statistics.median(sizes):g}, p90 {ninth}, max {max(sizes)}"
    print(f"{figures}; all in {every} of {len(sizes)}")  # noqa: T201


def submissions(root: Path, spans: int, of: int) -> Iterator[tuple[str, str, Choice]]:
    """Yield the commit before a submission, its last one, and what was to run."""
    with tempfile.TemporaryDirectory(prefix="submissions-") as made:
        tree = Path(made, "tree")
        git(root, "clone", "--quiet", "--shared", "--no-checkout", str(root), str(tree))
        for first, last in islice(_spans(root, of), spans):
            git(tree, "checkout", "--quiet", "--force", "--detach", last)
            if (now := listed_at(tree, last)) is not None:
                yield first, last, choose(tree, now, first)


def _spans(root: Path, of: int) -> Iterator[tuple[str, str]]:
    """Cut the line of commits, newest first, where this many lie between: those of a merged branch count, too."""
    lines = [line.split() for line in git(root, "rev-list", "--parents", "HEAD").splitlines()]
    parents = {commit: before for commit, *before in lines}
    main = git(root, "rev-list", "--first-parent", "HEAD").split()
    seen, came = set[str](), dict[str, int]()
    for commit in reversed(main):
        known, ahead = len(seen), [commit]
        while ahead:
            if (one := ahead.pop()) not in seen:
                seen.add(one)
                ahead += parents.get(one, ())
        came[commit] = len(seen) - known
    last, between = main[0], 0
    for commit, first in pairwise(main):
        between += came[commit]
        if between >= of:
            yield first, last
            last, between = first, 0


def _why(choice: Choice) -> str:
    if choice.since.startswith("all"):
        return choice.since
    return ", ".join(f"{count} {reason}" for reason, count in Counter(choice.breakages.values()).most_common(4))


if __name__ == "__main__":
    main()
