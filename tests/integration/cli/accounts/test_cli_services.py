"""The breaker of another Cal.com: an operator sees and orders it by its host; the settings' own is left alone."""

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet

from resilience.circuit_breaker.types import State
from tasks import dependencies
from tasks.maintenance.breaker_transitions import record_transitions

Booking = Callable[..., Any]
KEY = "cal_test_host10"


@pytest.fixture
def host(
    settings: Callable[..., dict[str, str]],
    call: Booking,
    start_simulator: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Add an account at another Cal.com, and return that one's host."""
    other = start_simulator()
    settings(ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
    ran = call("accounts", "add", "clinic-1", "--base-url", other.url, "--yes")
    assert ran.code == 0, ran.err
    url: str = other.url
    return url.removeprefix("http://")


def states() -> list[State]:
    """Return the state of each service's breaker, the settings' first."""
    services = dependencies.current().services
    return [services.breaker(one.name).get_status().state for one in services.known()]


def test_an_order_is_to_one_calcom(host: str, call: Booking) -> None:
    """It is obeyed there, shown there and in the status, recorded with the host, and ended there."""
    ran = call("breaker", "open", "--service", host, "--why", "announced")
    assert ran.code == 0
    assert states() == [State.CLOSED, State.FORCED_OPEN]

    shown = call("breaker", "status", "--service", host)
    assert (shown.code, "open by override" in shown.out, "announced" in shown.out) == (1, True, True)
    assert call("breaker", "status").code == 0
    record_transitions()
    status = call("status").out
    assert f"{host}: an operator holds all back" in " ".join(status.split())
    assert f"open (host {host}, service c-" in call("actions").out

    assert call("breaker", "auto", "--service", host).code == 0
    assert states() == [State.CLOSED, State.HALF_OPEN]


@pytest.mark.usefixtures("host")
def test_a_host_that_no_account_is_at_is_refused(call: Booking) -> None:
    """With those that there are; nothing is recorded."""
    ran = call("breaker", "open", "--service", "cal.example.net")

    assert (ran.code, "no account is at a Cal.com of the host cal.example.net" in ran.err) == (1, True)
    assert states() == [State.CLOSED, State.CLOSED]
    assert "open" not in call("actions").out
