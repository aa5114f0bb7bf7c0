"""A fleet's one process with an account beside `default`, whose keys the simulator tells apart."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from db.accounts import Account
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.operations import accounts as operations
from tasks.operations.accounts import NewAccount

THEIRS, NEXT, OTHERS = "cal_test_host10", "cal_test_second_of_host10", "cal_test_host11"
FIVE = {"CIRCUIT_BREAKER_THRESHOLD": "5", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "60"}
SLOW = 7  # calls a minute: the next message goes nine seconds later


def asked(action: str = "test") -> ActionRequest:
    """Ask as an operator does."""
    return ActionRequest(who="ann", via="command line", action=action, why="for a test")


def add(name: str = "salon-7", key: str = THEIRS, *, first: bool = True, **more: Any) -> Account:
    """Add an account, as `booking accounts add` will."""
    wanted = NewAccount(name=name, **more)
    return operations.add(dependencies.current(), wanted, SecretStr(key), asked(), first=first)


@pytest.fixture
def encryption() -> str:
    """Make an encryption key."""
    return Fernet.generate_key().decode()


@pytest.fixture
def fleet_of(settings: Callable[..., dict[str, str]], simulator: Any, encryption: str) -> Callable[..., dict[str, str]]:
    """Wire this process, with other settings than the usual ones if they are given."""

    def wire(**more: str) -> dict[str, str]:
        given = settings(**{"ACCOUNT_ENCRYPTION_KEYS": encryption, **more})
        simulator.settings(keys={NEXT: "host10"})
        return given

    return wire


@pytest.fixture
def salon(fleet_of: Callable[..., dict[str, str]]) -> Account:
    """Add an account beside `default`."""
    fleet_of()
    return add()


@pytest.fixture
def slow(fleet_of: Callable[..., dict[str, str]]) -> Account:
    """Add an account of which one message goes at once, and the next one seconds later."""
    fleet_of()
    return add(calls_per_minute=SLOW)


@pytest.fixture
def keys(simulator: Any) -> Callable[[], list[str]]:
    """Return the keys of the calls since the last question."""
    seen = simulator.journal()[-1:]

    def told() -> list[str]:
        entries = simulator.journal(seen[-1]["n"] if seen else 0)
        seen.extend(entries)
        return [entry["key"] for entry in entries]

    return told


@pytest.fixture
def clinic(fleet_of: Callable[..., dict[str, str]], other: Any) -> Account:
    """Add an account at the other Cal.com."""
    fleet_of(**FIVE)
    return add("clinic-1", THEIRS, base_url=other.url)
