"""docs/upgrading.md: its commands there and back, what is lost, and what new workers do before the migration."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text

from db import revisions
from resilience.exceptions import AppointmentDatabaseException
from tests.support.fleet import request
from worker import enqueue_booking
from worker.celery_app import app
from worker.settings.model import Settings

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "upgrading.md").read_text("utf-8")
BEFORE = "0006_keys"
COMMANDS = [
    line.strip()
    for block in re.findall(r"^ *```\n(.*?)^ *```$", GUIDE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
DEPLOYING = (ROOT / "docs" / "deploying.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(booking [a-z][^`]*)`", GUIDE + DEPLOYING)))
A_ROW_OF_BEFORE = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at,
    attendee_name, attendee_email, attendee_time_zone
)
VALUES ('k', false, 'h', 'c', 't', 110, '2030-03-01T09:00:00Z', 'Pat Example', 'pat@example.com', 'Europe/Berlin')
RETURNING id
"""


@pytest.fixture
def old(settings: Callable[..., dict[str, str]], engine: Engine, simulator: Any) -> Engine:
    """Hand out a database as the release before left it, with the settings of a worker."""
    simulator.settings(rate_limit=0)
    settings(ALERT_URLS="")
    revisions.migrate(engine, BEFORE)
    return engine


def schema(engine: Engine) -> set[str]:
    """Name the tables, and the columns as TABLE.COLUMN."""
    seen = inspect(engine)
    tables = set(seen.get_table_names())
    return tables | {f"{table}.{column['name']}" for table in tables for column in seen.get_columns(table)}


def test_its_commands_lead_there_and_back(old: Engine, call: Callable[..., Any]) -> None:
    """As typed, in their order; a booking that waits goes on to wait."""
    with old.begin() as conn:
        (number,) = conn.execute(text(A_ROW_OF_BEFORE)).one()
    assert {"booking migrate", f"booking migrate --to {BEFORE}"} <= set(COMMANDS)
    for command in COMMANDS:
        ran = call(*shlex.split(command)[1:])
        assert ran.code == 0 if "migrate" in command else ran.code in (0, 1), ran.said
        if command == "booking migrate":
            assert revisions.schema_state(old).problem is None

    assert revisions.current(old) == BEFORE
    with old.connect() as conn:
        assert conn.execute(text("SELECT id, status FROM appointments")).all() == [(number, "pending")]


def test_all_that_going_back_loses_is_named(engine: Engine) -> None:
    """Every table and column that is dropped, and every migration that is new."""
    new = schema(engine)
    revisions.migrate(engine, BEFORE)
    lost = new - schema(engine)

    whole = {name for name in lost if "." not in name}
    gone = whole | {name for name in lost if "." in name and name.partition(".")[0] not in whole}
    rows = re.findall(r"^\| (`.*?) \|", GUIDE.split("## Back again")[1], re.MULTILINE)
    assert gone == set(re.findall(r"`([\w.]+)`", "".join(rows)))
    names = [revision.id for revision in revisions.status(engine)]
    assert all(name in GUIDE for name in names[names.index(BEFORE) :])


def test_new_code_on_the_tables_of_before_accepts_nothing_and_leaves_bookings_as_they_are(
    old: Engine, call: Callable[..., Any]
) -> None:
    """A booking of before waits for the migration, and an order says what to do."""
    with old.begin() as conn:
        (number,) = conn.execute(text(A_ROW_OF_BEFORE)).one()
    with pytest.raises(AppointmentDatabaseException, match="run `booking migrate`"):
        enqueue_booking(request(1))
    app.loader.import_default_modules()
    assert not app.tasks["tasks.booking.book_appointment"].apply(args=(number,)).successful()
    refused = call("breaker", "open", "--why", "it is tested")
    assert refused.code == 1
    assert "run `booking migrate`" in refused.said

    with old.connect() as conn:
        assert conn.execute(text("SELECT id, status FROM appointments")).all() == [(number, "pending")]


@pytest.mark.parametrize("command", NAMED)
def test_each_command_that_a_deployer_is_told_exists(call: Callable[..., Any], command: str) -> None:
    """With the options that it is named with, in docs/deploying.md, too."""
    words = shlex.split(command)[1:]
    ran = call(*(words[:2] if words[0] == "breaker" else words[:1]), "--help")
    assert ran.code == 0
    for option in (word for word in words if word.startswith("--")):
        assert option in ran.out, option


def test_each_setting_that_it_names_is_one() -> None:
    """Of ours, or of docker-compose's file."""
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)(?:=[^`]*)?`", GUIDE)) - {"RECONNECT", "WRONG"}
    example = (ROOT / "deploy" / "compose.env.example").read_text("utf-8")
    compose = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    assert named
    assert named <= {name.upper() for name in Settings.model_fields} | compose


def test_the_defaults_that_it_names_are_so() -> None:
    """What an upgrade switches on by itself is said as it is."""
    table = re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)` \|", GUIDE, re.MULTILINE)
    assert table
    for name, default in table:
        assert str(Settings.model_fields[name.lower()].default) == default, name
