"""docs/architecture.md tells the truth: every table, key, periodic task and room is in it, and no other."""

import re
from pathlib import Path

import pytest

from resilience.shared_state.scripts import breaker_keys, stats_keys
from tasks.ticks.work import WORK
from tests.support.schema.models import all_tables
from worker.schedule import schedule

ROOT = Path(__file__).parents[3]
PACKAGES = ("worker", "tasks", "resilience", "db", "client/booking_client", "simulator")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading, without its head."""
    [text] = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def names(cell: str) -> list[str]:
    """Return what a cell names in code style."""
    return re.findall(r"`([^`]+)`", cell)


def test_every_table_is_there() -> None:
    """A table that nobody describes is a table that nobody dares to drop."""
    assert sorted(row[0].strip("`") for row in rows("Every table")) == sorted(all_tables().tables)


def test_every_statement_that_writes_an_event_is_named() -> None:
    """An entry of a timeline is found where it is written."""
    writers = {
        path.stem
        for folder in ("db/sql", "client/booking_client/sql")
        for path in (ROOT / folder).glob("*.sql")
        if re.search(r"INTO (/\* schema \*/)?appointment_events", path.read_text("utf-8"))
    }
    [row] = [row for row in rows("Every table") if row[0] == "`appointment_events`"]

    assert set(names(row[2])) == writers


def test_every_key_of_a_script_is_there() -> None:
    """The breaker's, an endpoint's, those of one of several accounts, and those that only count."""
    described = {name for row in rows("Every key in Redis") for name in names(row[0]) if name.startswith("{")}

    assert described == {
        *breaker_keys("calcom", "ENDPOINT"),
        *breaker_keys("calcom", "ENDPOINT", apart=True),
        *breaker_keys("calcom", "ENDPOINT", "KEY", "KEY"),
        *stats_keys("calcom"),
        *stats_keys("database"),
        "{http}:key:ID",
        "{http}:wrong:SHARE",
        "{slots}:answer:QUESTION",
        "{slots}:reading:QUESTION",
        "{slots}:readings",
    }


def test_every_periodic_task_is_there_with_its_period() -> None:
    """As beat sends them, and as a look starts them."""
    sent = {entry["task"]: f"{entry['schedule']:g} s" for entry in schedule(3).values()}
    started = {work.task: f"{work.every:g} s" for work in WORK}

    described = {names(row[0])[0]: row[1:3] for row in rows("Every periodic task")}

    assert {task: every for task, (every, _) in described.items()} == sent
    looks = {task: look.partition(",")[0] for task, (_, look) in described.items() if look != "the same"}
    assert looks == {**started, "tasks.maintenance.breaker_transitions.record_transitions": "each look"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_is_there(package: str) -> None:
    """Each folder of a package that holds code of ours is named in its row."""
    [row] = [row for row in rows("The packages") if row[0].startswith(f"[{package}/]")]
    folders = {
        path.name
        for path in (ROOT / package).iterdir()
        if path.is_dir() and any(file.suffix in {".py", ".lua", ".sql"} for file in path.iterdir())
    }

    assert {
        name.rstrip("/") for cell in row for name in names(cell) if name.endswith("/") and "/lib" not in name
    } == folders


def test_the_readme_and_the_promises_page_make_the_same_promises() -> None:
    """The same, in the same order; the README may say more behind a name."""
    page = re.findall(r"^\| \d \| \*\*(.+?)\.?\*\*", (ROOT / "docs" / "promises.md").read_text("utf-8"), re.MULTILINE)
    [table] = re.findall(
        r"^## The promises\n(.*?)(?=^## )", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    readme = [line.strip("|").split(" | ")[0].strip() for line in table.splitlines()[2:] if line.startswith("|")]

    assert len(page) == 7
    assert [promise[: len(name)] for promise, name in zip(readme, page, strict=True)] == page


def test_every_link_leads_to_a_file() -> None:
    """The maps of the house are the first thing that goes stale."""
    for document in ("docs/architecture.md", "docs/glossary.md", "CONTRIBUTING.md"):
        folder = (ROOT / document).parent
        links = re.findall(r"\]\(([^)#]+)", (ROOT / document).read_text("utf-8"))
        assert [link for link in links if not (folder / link).exists()] == [], document
