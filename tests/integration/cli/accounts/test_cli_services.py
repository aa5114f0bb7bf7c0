"""The breaker of another Cal.com: an operator sees and orders it by its host; the settings' own is left alone."""

import io
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Connection, text

from resilience.circuit_breaker.types import State
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.maintenance.breaker_transitions import record_transitions
from tests.support import metrics

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


def test_the_report_of_another_calcom_has_its_breaker_and_its_calls(host: str, call: Booking) -> None:
    """The settings' own says whose lines these are, and what there is besides."""
    deps = dependencies.current()
    [other] = deps.services.others()
    call("breaker", "open", "--service", host)
    record_transitions()
    with deps.engine.begin() as conn:
        long = "UPDATE circuit_breaker_events SET created_at = created_at - interval '6 hours' WHERE service LIKE 'c-%'"
        conn.execute(text(long))
        metrics.write(conn, other.name, CREATE, [metrics.window(this_minute(conn) - metrics.MINUTE, failures=1)])

    ran, own = call("report", "--service", host, "--json"), call("report", "--json")

    lines = {one["name"]: one["said"] for one in ran.json["lines"]}
    assert list(lines) == ["breaker closed", f"Cal.com at {host} now"]
    assert "forced-open" in lines["breaker closed"]
    assert (ran.code, ran.json["service"], ran.json["account"]) == (1, host, None)
    assert "forced-open" not in next(one["said"] for one in own.json["lines"] if one["name"] == "breaker closed")
    told = " ".join(call("report", "--service", host).out.split())
    assert f", Cal.com at {host} compared with" in told
    assert "100 calls, 1.0 % failed" in told
    assert f"Of another: --service, one of {host}" in " ".join(call("report").out.split())


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--service", "cal.example.net"), 1, "no account is at a Cal.com of the host cal.example.net; there are: "),
        (("--service", "h", "--account", "clinic-1"), 2, "give one of --account and --service"),
    ],
)
@pytest.mark.usefixtures("host")
def test_a_report_of_no_calcom_is_refused(call: Booking, more: tuple[str, ...], code: int, said: str) -> None:
    """Nothing is shown of another one instead."""
    ran = call("report", *more)

    assert (ran.code, ran.out, said in ran.err) == (code, "", True)


def this_minute(conn: Connection) -> datetime:
    """Return the begin of the present minute, by Postgres's clock."""
    moment: datetime = conn.execute(text("SELECT date_trunc('minute', now())")).scalar_one()
    return moment
