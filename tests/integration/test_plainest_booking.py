"""The plainest booking stays short to read: how many files it meets, and how many lines they have."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWN = {"files": 16, "lines": 1810}  # four are for claims and ends that are written together
ALL = {"files": 34, "lines": 3850}  # one is the client's: the deadlines that it shares; one notes which accounts call


@pytest.mark.long
def test_the_plainest_booking_meets_few_files() -> None:
    """Claimed, posted, 201, confirmed: who reads how a booking is made reads these whole files, and no other."""
    script = [sys.executable, "benchmarks/plainest_booking.py", "--json"]
    found = json.loads(subprocess.check_output(script, cwd=ROOT, text=True))

    listed = re.findall(r"^1\. \[(\S+)\]", (ROOT / "docs" / "architecture.md").read_text("utf-8"), re.MULTILINE)
    assert listed == list(found["files"]), "docs/architecture.md names them in their order"
    own, every = found["today"]["own"], found["today"]["all"]
    assert {"tasks/booking.py", "db/sql/claim.sql", "tasks/calcom/client.py"} <= found["files"].keys()
    assert (own["files"] <= OWN["files"], own["lines"] <= OWN["lines"]) == (True, True), found
    assert (every["files"] <= ALL["files"], every["lines"] <= ALL["lines"]) == (True, True), found
