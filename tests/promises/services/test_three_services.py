"""Three Cal.coms and one fleet: while one is down, its bookings wait, and those of the two others are made."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text

from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.operations import accounts as operations
from tasks.operations.accounts import NewAccount
from tests.support.fleet import Fleet, eventually, finals, request
from worker import enqueue_bookings

EACH = 40
TRIP = 5
NAMES = (None, "clinic-1", "clinic-2", "studio-1")  # two accounts are at the second Cal.com, one at the third
KEYS = {"clinic-1": "cal_test_host10", "clinic-2": "cal_test_host11", "studio-1": "cal_test_host12"}
_OPENED = "SELECT DISTINCT service FROM circuit_breaker_events WHERE new_state = 'open' AND account_id IS NULL"
_LAST = """
SELECT new_state FROM circuit_breaker_events
WHERE service = :service AND endpoint IS NULL AND account_id IS NULL ORDER BY epoch DESC LIMIT 1
"""
_STATES = """
SELECT account.name, booking.status, count(*) AS count
FROM appointments AS booking JOIN calcom_accounts AS account ON account.id = booking.account_id
GROUP BY account.name, booking.status
"""


def ask(first: int, names: tuple[str | None, ...]) -> dict[str | None, list[int]]:
    """Ask for bookings of these accounts in turn; return their ids by account."""
    numbers = range(first, first + EACH * len(NAMES))
    wanted = {number: NAMES[number % len(NAMES)] for number in numbers}
    asked = [request(number, account=name) for number, name in wanted.items() if name in names]
    receipts = enqueue_bookings(asked)
    ids: dict[str | None, list[int]] = {name: [] for name in names}
    for one, receipt in zip(asked, receipts, strict=True):
        ids[one.account].append(receipt.appointment_id)  # type: ignore[union-attr]
    return ids


def read(query: str, **values: Any) -> list[Any]:
    """Read the record."""
    with dependencies.current().autocommit.connect() as conn:
        return list(conn.execute(text(query), values))


def states(name: str) -> Counter[str]:
    """Count an account's bookings by their states."""
    return Counter({row.status: row.count for row in read(_STATES) if row.name == name})


@pytest.mark.long
def test_the_outage_of_one_of_three_holds_its_bookings_alone(
    fleet: Callable[..., Fleet], simulator: Any, start_simulator: Callable[..., Any]
) -> None:
    """All are booked once, at their own Cal.com with their own key; only the breaker of the one that was down opens."""
    second, third = start_simulator(), start_simulator()
    for calcom in (second, third):
        calcom.settings(rate_limit=0)
    running = fleet(
        ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode(),
        CIRCUIT_BREAKER_THRESHOLD=str(TRIP),
        CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="1",
    )
    deps, at = dependencies.current(), {"clinic-1": second, "clinic-2": second, "studio-1": third}
    for name, key in KEYS.items():
        asked = ActionRequest(who="ann", via="command line", action=operations.ADD, why="for a test")
        operations.add(deps, NewAccount(name=name, base_url=at[name].url), SecretStr(key), asked, first=True)
    running.start()
    [down] = {row.service for row in read("SELECT service FROM calcom_accounts WHERE name LIKE 'clinic-%'")}

    second.faults("refuse", seconds=600)
    met = ask(0, ("clinic-1", "clinic-2"))
    eventually(lambda: read(_OPENED), what="its breaker has opened")
    others = ask(1000, (None, "studio-1"))
    waiting = ask(2000, ("clinic-1", "clinic-2"))

    finals([one for ids in others.values() for one in ids])
    assert (states("default"), states("studio-1")) == (Counter(confirmed=EACH), Counter(confirmed=EACH))
    assert states("clinic-1")["confirmed"] == states("clinic-2")["confirmed"] == 0
    assert second.bookings() == []

    second.no_faults()
    ends = finals([one for ids in (*met.values(), *waiting.values()) for one in ids], within=120)
    assert {end.status.value for end in ends.values()} == {"confirmed"}
    eventually(lambda: [row.new_state for row in read(_LAST, service=down)] == ["closed"], what="it is closed")
    assert [row.service for row in read(_OPENED)] == [down]
    for calcom, names in ((simulator, {None}), (second, {"clinic-1", "clinic-2"}), (third, {"studio-1"})):
        times = Counter(one for booking in calcom.bookings() for one in booking["references"])
        each = 2 * EACH if calcom is second else EACH
        assert (len(times), set(times.values())) == (each * len(names), {1})
        keys = {KEYS[name] for name in names if name} or {"cal_test_owner"}
        assert {call["key"] for call in calcom.journal() if call["reference"]} == keys
