"""What the page asks of Postgres reads next to nothing, however much is kept: each list and search by an index."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def read() -> Any:
    """Count the blocks of each read beside 1,000 bookings, 100 of them held, and beside twenty times as many."""
    command = [sys.executable, "-m", "page.reads", "--json"]
    ran = subprocess.run(command, cwd=ROOT / "benchmarks", capture_output=True, text=True, timeout=300, check=False)
    assert ran.stdout, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.long
def test_nothing_that_the_page_reads_grows_with_what_is_kept(read: Any) -> None:
    """At most half as much again, and two blocks for higher indexes."""
    assert {
        "overview",
        "scrape",
        "charts, 168 h",
        "list: held, by start",
        "look on: of a type",
        "search: correlation id",
    } <= read["many"].keys()
    assert read["grown"] == []


OF_BOOKINGS = ("status", "held_asked", "held_start", "correlation", "booking_uid", "unknown")
OF_ACTIONS = ("calls", "who", "action", "who_action")


@pytest.mark.long
@pytest.mark.parametrize(
    "index",
    [*(f"appointments_{name}" for name in OF_BOOKINGS), *(f"operator_actions_{name}" for name in OF_ACTIONS)],
)
def test_no_index_of_the_page_is_for_nothing(read: Any, index: str) -> None:
    """Without it some list or search reads more."""
    assert read["without"][index] != []
