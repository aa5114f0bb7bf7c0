"""Each breakage fits the code as it is: else `make breakages` would break nothing, minutes after a change."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.mutation.breakages import BREAKAGES, Breakage

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda one: one.name)
def test_a_breakage_fits_its_file_and_names_a_test(breakage: Breakage) -> None:
    """Its text stands there once, and the test that must notice is in the file that it names."""
    assert breakage.problem(ROOT) is None
    path, *names = breakage.test.split("[")[0].split("::")
    text = (ROOT / path).read_text("utf-8")
    inherited = "".join(found.read_text("utf-8") for found in (ROOT / "tests" / "support").glob("*.py"))
    for name in names:
        is_there = re.search(rf"(?:def|class) {name}\b", text + inherited) is not None
        assert is_there, f"there is no {breakage.test}"


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
