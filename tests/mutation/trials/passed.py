"""What has passed unbroken already, as a run of the tests of the same tree says in its JUnit file."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

from _pytest.junitxml import bin_xml_escape, mangle_test_address

from tests.tree import PROPERTY

FILES = Path("build", "tests")
"""`make test-all` writes its files there."""


def passed(folder: Path, tree: str | None, cases: Iterable[str]) -> frozenset[str]:
    """Return those of `cases`, node ids of pytest, that ran in this tree and passed each time.

    A file of another tree says nothing, nor one that says of no tree.
    """
    good, bad = set[tuple[str, str]](), set[tuple[str, str]]()
    for file in sorted(folder.glob("*.xml")) if tree is not None else ():
        suites = ET.parse(file).getroot()  # noqa: S314 - pytest wrote it for us
        found = suites.find(f"./testsuite/properties/property[@name='{PROPERTY}']")
        if found is None or found.get("value") != tree:
            continue
        for case in suites.iter("testcase"):
            name = case.get("classname", ""), case.get("name", "")
            (bad if _failed(case) else good).add(name)
    return frozenset(case for case in cases if _named(case) in good - bad)


def _failed(case: ET.Element) -> bool:
    return any(case.find(kind) is not None for kind in ("error", "failure", "skipped"))


def _named(case: str) -> tuple[str, str]:
    """Return how a JUnit file names a case."""
    *places, name = mangle_test_address(case)
    return ".".join(places), bin_xml_escape(name)
