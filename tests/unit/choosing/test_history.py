"""What would have been chosen at earlier submissions: spans of main's commits, with those of merged branches."""

from pathlib import Path

from tests.mutation.choice.history import submissions
from tests.mutation.choice.last import git
from tests.unit.choosing.small_tree import NAMED, commit, small_tree, write


def test_submissions_are_spans_of_commits_with_those_that_were_merged(tmp_path: Path) -> None:
    """Newest first; each with what differs from the commit before it."""
    root = small_tree(tmp_path / "small")
    second = git(root, "rev-parse", "HEAD").strip()
    git(root, "checkout", "--quiet", "-b", "branch")
    for text in ("2", "3"):
        write(root, {"product/one.py": text})
        commit(root)
    git(root, "checkout", "--quiet", "-")
    write(root, {"product/two.sql": "2"})
    third = commit(root)
    git(root, *NAMED, "merge", "--quiet", "--no-edit", "branch")
    merged = git(root, "rev-parse", "HEAD").strip()

    def told(of: int) -> list[tuple[str, str, set[str]]]:
        return [(first, last, set(choice.breakages)) for first, last, choice in submissions(root, 9, of)]

    assert told(1)[:2] == [(third, merged, {"kept", "one"}), (second, third, {"kept", "two"})]
    assert told(3)[0] == (third, merged, {"kept", "one"})
    assert told(4) == [(second, merged, {"kept", "one", "two"})]
