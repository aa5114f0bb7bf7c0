"""A test passed unbroken when a JUnit file of the very same tree says so of each of its cases."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import tree
from tests.mutation.choice.last import git
from tests.mutation.trials.passed import FILES, passed

CASES = """
import os
import pathlib

import pytest


def test_good():
    pass


@pytest.mark.parametrize("one", ["a b", "c/d"])
def test_both(one):
    pass


@pytest.mark.parametrize("one", [1, 2])
def test_second(one):
    assert one == 1


def test_skipped():
    pytest.importorskip("a_package_that_nobody_has")


class TestIn:
    def test_class(self):
        pass


@pytest.fixture
def torn():
    yield
    assert os.getpid() == 0


def test_torn(torn):
    pass


def test_changes():
    if pathlib.Path("build", "change").exists():
        pathlib.Path("new.txt").write_text("")
"""
FILE = "tests/test_cases.py"
PASS = {f"{FILE}::{name}" for name in ("test_good", "test_both[a b]", "test_both[c/d]", "test_second[1]")}
PASS |= {f"{FILE}::TestIn::test_class", f"{FILE}::test_changes"}
REST = {f"{FILE}::{name}" for name in ("test_second[2]", "test_skipped", "test_torn", "test_missing")}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Make a small tree with tests, which ignores what is built."""
    root = tmp_path / "small"
    (root / "tests").mkdir(parents=True)
    (root / "build").mkdir()
    (root / "tests" / "tree.py").write_text(Path(tree.__file__).read_text("utf-8"), "utf-8")
    (root / FILE).write_text(CASES, "utf-8")
    (root / ".gitignore").write_text("build/\n__pycache__/\n", "utf-8")
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n', "utf-8")
    git(root, "init", "--quiet")
    return root


def run(root: Path, *arguments: str) -> None:
    """Run the small tree's tests, with a JUnit file where `make test-all` has it."""
    argv = [sys.executable, "-m", "pytest", "--disable-plugin-autoload", "--import-mode=importlib"]
    ours = ["-p", "tests.tree", "-p", "no:cacheprovider", f"--junitxml={FILES / 'all.xml'}"]
    ran = subprocess.run([*argv, *ours, *arguments], cwd=root, check=False, capture_output=True, text=True)
    assert (root / FILES / "all.xml").is_file(), ran.stdout + ran.stderr


@pytest.mark.parametrize("processes", [(), ("-p", "xdist", "-n", "1")])
def test_what_passed_in_this_tree_is_taken(small: Path, processes: tuple[str, ...]) -> None:
    """Neither a case that failed, at its end either, nor one that was skipped, nor one that is not there."""
    run(small, *processes)

    assert passed(small / FILES, tree.identity(small), PASS | REST) == PASS


def test_a_file_of_another_tree_is_not_taken(small: Path) -> None:
    """Whatever git would tell apart: a file that is new, changed, gone, or a program now."""
    run(small)
    seen = [tree.identity(small)]
    for change in (
        (small / "new.txt").touch,
        lambda: (small / "new.txt").write_text("another", "utf-8"),
        lambda: (small / "new.txt").chmod(0o755),
        (small / "pyproject.toml").unlink,
    ):
        change()
        seen.append(tree.identity(small))
        assert passed(small / FILES, seen[-1], PASS) == frozenset()

    assert len(set(seen)) == 5
    assert passed(small / FILES, None, PASS) == frozenset()
    assert passed(small / FILES, seen[0], PASS) == PASS


def test_a_run_in_which_the_tree_changed_says_of_no_tree(small: Path) -> None:
    """Its first tests may have met another product than its last ones."""
    (small / "build" / "change").touch()
    run(small)

    assert passed(small / FILES, tree.identity(small), PASS) == frozenset()


def test_a_run_that_was_stopped_says_of_no_tree(small: Path) -> None:
    """A test that was running then stands in the file without a failure."""
    run(small, "--exitfirst")

    assert passed(small / FILES, tree.identity(small), PASS) == frozenset()


def test_a_second_file_may_not_mend_the_first(small: Path) -> None:
    """A test that failed in one run of this tree, and passed in another, runs again."""
    run(small)
    text = (small / FILES / "all.xml").read_text("utf-8")
    assert text.count("assert 2 == 1") > 0
    begin = text.index("<testcase", text.index('name="test_second[1]"') + 1)
    mended = text[:begin] + '<testcase classname="tests.test_cases" name="test_second[2]" /></testsuite></testsuites>'
    (small / FILES / "alone.xml").write_text(mended, "utf-8")

    assert passed(small / FILES, tree.identity(small), PASS | REST) == PASS


def test_a_tree_without_git_has_no_identity(tmp_path: Path) -> None:
    """As a copy that is broken: its files say of no tree."""
    assert tree.identity(tmp_path) is None
