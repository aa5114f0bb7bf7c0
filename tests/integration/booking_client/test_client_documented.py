"""docs/calling.md tells the truth: each block of it runs, and each field and error is in it."""

import builtins
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
import psycopg
import pytest
from django.conf import settings as django_settings
from fastapi.testclient import TestClient

import booking_client
from booking_client import BookingRequest, ChangeOutcome, ChangeStatus, Outcome, Receipt, Status
from booking_client.states import FINAL, OVER

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "calling.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TESTING = "# test_orders.py\n"


def configure_django(url: str) -> None:
    """Configure Django as its own project would, with booking-worker's database as the default one."""
    parts = urlsplit(url)
    default = {"ENGINE": "django.db.backends.postgresql", "NAME": parts.path[1:], "USER": parts.username}
    default |= {"PASSWORD": parts.password, "HOST": parts.hostname, "PORT": str(parts.port)}
    if not django_settings.configured:
        django_settings.configure(DATABASES={"default": default}, USE_TZ=True)
        django.setup()


@pytest.mark.fresh_database
def test_each_block_runs_in_its_order(database_url: str, settings: Callable[..., dict[str, str]]) -> None:
    """As one program; what a block defines is called."""
    settings()
    page: dict[str, Any] = {}
    for block in BLOCKS:
        if not block.startswith(TESTING):
            exec(compile(block, "docs/calling.md", "exec", dont_inherit=True), page)  # noqa: S102 - that is the test

    assert page["outcome"].status == "pending"
    said = re.search(r"print\(moved\.sentence\)  # (.*)", PAGE)
    assert said is not None
    assert page["moved"].sentence == said[1]
    assert "start" in page["problems"]
    assert page["follow"](None) is None
    with psycopg.connect(database_url) as conn:  # the first booking was moved, and answers for its old time
        assert conn.execute("SELECT id, booking FROM orders ORDER BY id").fetchall() == [(1, 1), (2, 1)]
        conn.execute("DROP TABLE orders; CREATE TABLE orders (id bigint PRIMARY KEY, booking bigint)")
    with TestClient(page["app"]) as client:
        asked = {"event_type_id": 110, "start": "2030-03-02T09:00:00Z"}
        assert client.post("/bookings", json=asked).status_code == 422
        asked["attendee"] = {"name": "Bo", "email": "bo@example.com", "time_zone": "Europe/Berlin"}  # type: ignore[assignment]
        told = client.post("/bookings", json=asked).json()
        assert (told["status"], told["duplicate"]) == ("pending", False)
        assert client.get(f"/bookings/{told['appointment_id']}").json()["status"] == "pending"
        assert client.get("/bookings/999").status_code == 404
        ordered = client.post("/orders/8", json=asked).json()
        assert (ordered["appointment_id"], ordered["duplicate"]) == (told["appointment_id"], True)
        assert client.portal is not None
        client.portal.call(page["async_engine"].dispose)
    with psycopg.connect(database_url) as conn:
        assert conn.execute("SELECT id, booking FROM orders").fetchall() == [(8, told["appointment_id"])]
    page["bookings"].close()
    page["engine"].dispose()


@pytest.mark.fresh_database
@pytest.mark.long
def test_the_block_of_django_runs_in_a_project(database_url: str, tmp_path: Path) -> None:
    """In a process of its own: a project is configured once."""
    program = tmp_path / "project.py"
    blocks = [block for block in BLOCKS if "django" in block or "bookings = Bookings(" in block]
    asked = "\nfrom tests.integration.booking_client.test_client_documented import configure_django\n"
    begun = f"{asked}import os\nconfigure_django(os.environ['DATABASE_URL'])\n"
    program.write_text(f"{begun}{''.join(blocks)}\nassert place_order(7) == 1\n")
    with psycopg.connect(database_url) as conn:
        conn.execute("CREATE TABLE orders (id bigint PRIMARY KEY, booking bigint)")
    environment = {"DATABASE_URL": database_url, "PYTHONPATH": str(ROOT)}

    subprocess.run([sys.executable, str(program)], env=environment, check=True, timeout=120)

    with psycopg.connect(database_url) as conn:
        assert conn.execute("SELECT id, booking FROM orders").fetchall() == [(7, 1)]


@pytest.mark.long
def test_the_block_of_a_test_passes(tmp_path: Path) -> None:
    """By pytest, in a folder that has nothing else."""
    [block] = [block for block in BLOCKS if block.startswith(TESTING)]
    (tmp_path / "test_orders.py").write_text(block)

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


def test_each_field_of_a_request_has_its_row() -> None:
    """No other has."""
    [table] = re.findall(r"^## The request\n(.*?)(?=^`)", PAGE, re.MULTILINE | re.DOTALL)

    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(BookingRequest.model_fields)


@pytest.mark.parametrize(("column", "of"), [("receipt", Receipt), ("outcome", Outcome)])
def test_each_field_of_an_answer_has_its_row(column: str, of: type[Receipt | Outcome]) -> None:
    """And no row is of another field."""
    [table] = re.findall(r"^## What comes back\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| (`.*?`) \| (\w+)", table, re.MULTILINE)
    named = {name for names, where in rows if where in {column, "both"} for name in re.findall(r"`(\w+)`", names)}

    assert named == {one.name for one in fields(of)}


def test_each_field_and_status_of_a_change_has_its_row() -> None:
    """With those that are an end after the others."""
    [table] = re.findall(r"^## Cancel and move\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    [row] = re.findall(r"^\| `status` .*$", table, re.MULTILINE)
    going, ended = (re.findall(r"`(\w+)`", part) for part in row.removeprefix("| `status`").split("or the end"))

    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == {one.name for one in fields(ChangeOutcome)}
    assert (set(going), set(ended)) == (set(ChangeStatus) - OVER, set(OVER))


def test_each_status_is_on_the_page() -> None:
    """With those that are an end after the others."""
    row = re.findall(r"^\| `status` .*$", PAGE, re.MULTILINE)[0]
    going, ended = (re.findall(r"`(\w+)`", part) for part in row.removeprefix("| `status`").split("or the end"))

    assert (set(going), set(ended)) == (set(Status) - FINAL, set(FINAL))


def test_each_error_has_its_row() -> None:
    """And is imported from where the page imports it."""
    [table] = re.findall(r"^## Every error\n(.*?)(?=^`)", PAGE, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `([\w.]+)`", table, re.MULTILINE)
    named = {name for name in rows if "." not in name and not hasattr(builtins, name)}
    errors = {name for name in booking_client.__all__ if is_an_error(getattr(booking_client, name))}

    assert named == errors - {"AppointmentException"}  # their common base


def is_an_error(thing: Any) -> bool:
    """Return whether a public name is an error's."""
    return isinstance(thing, type) and issubclass(thing, Exception)
