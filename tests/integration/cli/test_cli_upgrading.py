"""docs/upgrading.md: its commands as typed, what it names, and what new code does before the migration."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from db import revisions
from db.engine import make_engine
from resilience.exceptions import AppointmentDatabaseException
from tests.support.fleet import request
from tests.support.schema.before import make_as_before
from worker import enqueue_booking
from worker.settings.model import Settings

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "upgrading.md").read_text("utf-8")
COMMANDS = [
    line.strip()
    for block in re.findall(r"^ *```\n(.*?)^ *```$", GUIDE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
DEPLOYING = (ROOT / "docs" / "deploying.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(booking [a-z][^`]*)`", GUIDE + DEPLOYING)))


@pytest.fixture
def old(settings: Callable[..., dict[str, str]], empty_database_url: str, simulator: Any) -> Iterator[Engine]:
    """Hand out a database of before 0.1.0 with one booking, and the settings of a worker on it."""
    simulator.settings(rate_limit=0)
    settings(ALERT_URLS="", DATABASE_URL=empty_database_url)
    engine = make_engine(empty_database_url)
    make_as_before(engine)
    yield engine
    engine.dispose()


def test_its_commands_lead_to_the_newest_tables(old: Engine, call: Callable[..., Any]) -> None:
    """As typed, in their order; a booking that waits goes on to wait."""
    assert "booking migrate" in COMMANDS
    for command in COMMANDS:
        ran = call(*shlex.split(command)[1:])
        assert ran.code == 0 if "migrate" in command else ran.code in (0, 1), ran.said
    assert revisions.schema_state(old).problem is None
    with old.connect() as conn:
        assert conn.execute(text("SELECT status FROM appointments")).scalars().all() == ["pending"]


def test_every_migration_is_named(engine: Engine) -> None:
    """A release that brings one says here what it does."""
    assert [name for name in (one.id for one in revisions.status(engine)) if name not in GUIDE] == []


def test_new_code_without_its_tables_accepts_nothing(
    settings: Callable[..., dict[str, str]], empty_database_url: str, call: Callable[..., Any]
) -> None:
    """A caller and an operator are told what to do."""
    settings(DATABASE_URL=empty_database_url)
    with pytest.raises(AppointmentDatabaseException, match="run `booking migrate`"):
        enqueue_booking(request(1))
    refused = call("breaker", "open", "--why", "it is tested")
    assert refused.code == 1
    assert "run `booking migrate`" in refused.said


@pytest.mark.parametrize("command", NAMED)
def test_each_command_that_a_deployer_is_told_exists(call: Callable[..., Any], command: str) -> None:
    """With the options that it is named with, in docs/deploying.md, too."""
    words = shlex.split(command)[1:]
    ran = call(*(words[:2] if words[0] in {"breaker", "keys"} else words[:1]), "--help")
    assert ran.code == 0
    for option in (word for word in words if word.startswith("--")):
        assert option in ran.out, option


def test_each_setting_that_it_names_is_one() -> None:
    """Of ours, or of docker-compose's file."""
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)(?:=[^`]*)?`", GUIDE)) - {"RECONNECT", "WRONG"}
    example = (ROOT / "deploy" / "compose.env.example").read_text("utf-8")
    compose = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    assert named <= {name.upper() for name in Settings.model_fields} | compose
