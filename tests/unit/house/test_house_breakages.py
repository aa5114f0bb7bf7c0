"""Each breakage fits the code as it is: else `make breakages` would break nothing, minutes after a change."""

import ast
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.mutation.breakages import BREAKAGES, Breakage
from tests.mutation.changes import CHANGE_RULES
from tests.mutation.evidence import RULES

ROOT = Path(__file__).parents[3]


@cache
def text_of(path: Path) -> str:
    """Return a file's text; many breakages name one."""
    return path.read_text("utf-8")


@cache
def inherited() -> str:
    """Return what tests may inherit."""
    return "".join(text_of(found) for found in (ROOT / "tests" / "support").glob("*.py"))


def problem_of(breakage: Breakage) -> str | None:
    """Say why a breakage does not fit the code; None: it does."""
    if problem := breakage.problem(ROOT):
        return problem
    path, *names = breakage.test.split("[")[0].split("::")
    text = text_of(ROOT / path) + inherited()
    is_there = all(re.search(rf"(?:def|class) {name}\b", text) for name in names)
    return None if is_there else f"{breakage.name}: there is no {breakage.test}"


def test_each_breakage_fits_its_file_and_names_a_test() -> None:
    """Its text stands there once, and the test that must notice is in the file that it names.

    One test for all of them: pytest and xdist need more time for a test than it takes to look.
    """
    assert len(BREAKAGES) > 500
    assert [problem for one in BREAKAGES if (problem := problem_of(one))] == []
    assert [problem for one in (*RULES, *CHANGE_RULES) if (problem := one.problem(ROOT))] == []


def test_a_breakage_that_does_not_fit_is_seen() -> None:
    """Its text, the file of its test, or the test is not there."""
    one = BREAKAGES[0]
    path = one.test.partition("::")[0]

    assert problem_of(one) is None
    assert problem_of(replace(one, old="no such text")) is not None
    assert problem_of(replace(one, test="tests/no_such_file.py")) is not None
    assert problem_of(replace(one, test=f"{path}::test_that_is_not_there")) is not None


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests" / "mutation").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_file_that_is_broken_is_named_once(path: Path) -> None:
    """Entries of one file share a partial, so that a file that moves is one change here."""
    named = Counter(
        node.value.value
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "file" and isinstance(node.value, ast.Constant)
    )

    assert {file: count for file, count in named.items() if count > 1} == {}


def test_no_two_breakages_have_one_name() -> None:
    """Each can be run by its name."""
    names = [breakage.name for breakage in BREAKAGES]
    assert len(names) == len(set(names))
