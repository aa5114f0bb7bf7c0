"""A rule that is not kept at its full size is found, and each rule that has one is a part of `make promises`."""

import re
from pathlib import Path

import pytest

from tests.chaos.sizes import ROOT, SIZES, is_kept

RULE = """
from tests.sizes import sizes

@sizes(1, 2, many={many})
def test_fewer_than_a_hundred(size, counted):
    counted("rows", size)
    assert size < 100

def test_without_a_size():
    assert False
"""


def kept(file: Path, text: str) -> bool:
    """Return whether the rules of a file are kept at their full size."""
    file.write_text(text)
    return is_kept(str(file), "-c", str(ROOT / "pyproject.toml"))


def test_a_rule_is_kept_at_its_full_size(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has no size is left out, and what was counted is printed."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)  # which may have more printed
    assert kept(tmp_path / "test_rule.py", RULE.format(many=99))
    assert "test_fewer_than_a_hundred[99]: passed: rows 99\n1 passed, 1 deselected" in capfd.readouterr().out


@pytest.mark.long
@pytest.mark.parametrize("text", [RULE.format(many=1_000), "def test_without_a_size(): pass"])
def test_a_rule_that_is_not_kept_at_its_full_size_is_found(tmp_path: Path, text: str) -> None:
    """Though it is kept with few rows; and one that is not there."""
    assert not kept(tmp_path / "test_rule.py", text)


def test_each_rule_with_a_size_is_a_part_of_its_own() -> None:
    """None is forgotten."""
    tests = (path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__))
    sized = {
        str(path.relative_to(ROOT)) for path in tests if re.search("^@sizes\\(", path.read_text("utf-8"), re.MULTILINE)
    }
    assert sized == set(SIZES.values())
