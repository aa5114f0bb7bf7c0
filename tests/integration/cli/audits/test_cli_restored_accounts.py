"""`booking restored` of several accounts: each is asked with its own key, at its own Cal.com; the others are named."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet
from pydantic import SecretStr

from db.appointments import Appointment
from db.audits import restored
from db.lifecycle import Status
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.calcom.request_body import booking_body
from tasks.operations import accounts as operations
from tasks.operations.accounts import NewAccount
from tests.support.page.operating import recorded
from worker.cli.audit import restored as command

pytestmark = pytest.mark.fresh_database  # a restore turns a trigger on

Booking = Callable[..., Any]
SINCE = ("restored", "--since", "2026-03-01T03:00Z", "--yes")
OURS, SALON, CLINIC = "cal_test_owner", "cal_test_host11", "cal_test_host10"
OPEN, MULTI = 110, 109  # event types of the simulator: of host11, and of host10
START = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=5)
ASKED = ActionRequest(who="ann", via="command line", action=operations.ADD, why="for a test")


@pytest.fixture(autouse=True)
def _workers_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait briefly for the answers of workers: none runs."""
    monkeypatch.setattr(command, "PING", 0.05)


@pytest.fixture
def given(settings: Callable[..., dict[str, str]], other: Any) -> dict[str, str]:
    """Have a second account at our Cal.com, and a third one at another; return its encryption key."""
    more = {"ACCOUNT_ENCRYPTION_KEYS": Fernet.generate_key().decode(), "CALCOM_SETTLE_SECONDS": "0.2"}
    settings(**more)
    for name, key, url in (("salon-7", SALON, None), ("clinic-1", CLINIC, other.url)):
        wanted = NewAccount(name=name, **({"base_url": url} if url else {}))
        operations.add(dependencies.current(), wanted, SecretStr(key), ASKED, first=True)
    return more


def post(record: Any, calcom: Any, key: str, number: int, event_type: int = OPEN) -> Appointment:
    """Book a request at a Cal.com by the key of an account, and keep no row of it."""
    row: Appointment = record.new(event_type_id=event_type, start_at=START + timedelta(minutes=30 * number))
    headers = {"Authorization": f"Bearer {key}", "cal-api-version": "2024-08-13"}
    answer = requests.post(f"{calcom.url}/v2/bookings", json=booking_body(row), headers=headers, timeout=10)
    assert answer.ok, answer.text
    return row


def again(record: Any, row: Appointment, account: str | None = None) -> Appointment:
    """Ask for the same again, in an account."""
    more = {"account": account} if account else {}
    kept: Appointment = record.keep(
        event_type_id=row.event_type_id, start_at=row.start_at, attendee_email=row.attendee_email, **more
    )
    return kept


@pytest.mark.usefixtures("given")
def test_each_account_is_asked_with_its_own_key(record: Any, call: Booking, simulator: Any, other: Any) -> None:
    """At its own Cal.com; what its lost rows were is taken by its own new requests, and what has a row is not lost."""
    lost = {
        None: post(record, simulator, OURS, 1),
        "salon-7": post(record, simulator, SALON, 2),
        "clinic-1": post(record, other, CLINIC, 3, MULTI),
    }
    row = record.claimed(event_type_id=OPEN, start_at=START + timedelta(hours=5), account="salon-7")
    headers = {"Authorization": f"Bearer {SALON}", "cal-api-version": "2024-08-13"}
    made = requests.post(f"{simulator.url}/v2/bookings", json=booking_body(row), headers=headers, timeout=10)
    assert record.move(row, Status.CONFIRMED, calcom_booking_uid=made.json()["data"]["uid"])
    before = {calcom: len(calcom.journal()) for calcom in (simulator, other)}

    ran = call(*SINCE, "--json")

    assert (ran.code, ran.json["found"], ran.json["unnamed"], ran.json["not_asked"]) == (0, 3, 0, []), ran.err
    keys = [{entry["key"] for entry in calcom.journal()[count:]} for calcom, count in before.items()]
    assert keys == [{OURS, SALON}, {CLINIC}]
    assert [again(record, one, name).uuid == one.uuid for name, one in lost.items()] == [True] * 3
    with record.engine.connect() as conn:
        assert restored.references(conn) == set()


def test_an_account_that_cannot_be_asked_is_named_and_is_no_end(
    given: dict[str, str], settings: Callable[..., dict[str, str]], record: Any, call: Booking, simulator: Any
) -> None:
    """The others are asked; once it is paused, so that nothing goes there, it is left out, and said so."""
    lost = post(record, simulator, OURS, 1)
    settings(**given | {"ACCOUNT_ENCRYPTION_KEYS": Fernet.generate_key().decode()})

    ran = call(*SINCE)

    assert (ran.code, ran.out) == (1, "")
    said = " ".join(ran.err.split())
    assert "salon-7 could not be asked: " in said
    assert "2 of 3 accounts could not be asked" in said
    assert "no worker may run before this command has ended with exit code 0" in said
    assert "`booking accounts pause`" in said
    assert recorded(dependencies.current())[-1].refused == "2 of 3 accounts could not be asked"
    assert again(record, lost).uuid == lost.uuid

    for name in ("salon-7", "clinic-1"):
        operations.pause(dependencies.current(), name, ASKED)
    done, as_json = call(*SINCE), call(*SINCE, "--json")
    assert (done.code, as_json.json["not_asked"]) == (0, ["clinic-1", "salon-7"])
    assert "not asked, because they are paused: clinic-1, salon-7." in " ".join(done.out.split())
