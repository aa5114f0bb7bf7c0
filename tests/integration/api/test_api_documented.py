"""docs/integrating.md tells the truth: each block of it runs, and its table of errors is the code's."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.api.served import Api
from worker.api.problems import TYPES

PAGE = (Path(__file__).parents[3] / "docs" / "integrating.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """Return the page's blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_each_block_runs_in_its_order(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Curl's by a shell, Python's as one program; the answer has the fields of the one that is shown."""
    monkeypatch.setenv("BOOKING_URL", api.url)
    monkeypatch.setenv("BOOKING_KEY", api.key().key)
    [curl], [shown] = blocks("bash"), map(json.loads, blocks("json"))
    page: dict[str, Any] = {}

    ran = subprocess.run(["/bin/sh", "-c", curl], check=True, capture_output=True, text=True, timeout=60)
    for block in blocks("python"):
        exec(compile(block, "docs/integrating.md", "exec", dont_inherit=True), page)  # noqa: S102 - that is the test

    booked = json.loads(ran.stdout)
    assert (booked.keys(), booked["start"]) == (shown.keys(), shown["start"])
    assert page["same"]["id"] == page["booking"]["id"] != booked["id"]
    assert [one["id"] for one in page["found"]] == [booked["id"], page["booking"]["id"]]
    assert [one["status"] for one in page["results"]] == [202, 202]


def test_the_table_of_errors_is_the_codes() -> None:
    """Each type with its status, and no other."""
    rows = re.findall(r"^\| (\d{3}) \| (`[^|]+`) \|", PAGE, re.MULTILINE)
    told = {name: int(status) for status, names in rows for name in re.findall(r"`([a-z0-9-]+)`", names)}

    assert told == {name: kind.status for name, kind in TYPES.items()}
