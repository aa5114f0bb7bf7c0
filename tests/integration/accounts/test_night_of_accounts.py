"""The audit of a night asks for each account's bookings with its own key; one that cannot be asked stops nobody."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from db.audits import nights
from db.lifecycle import Status
from tasks import dependencies
from tasks.operations import accounts as operations
from tests.integration.accounts.conftest import OTHERS, THEIRS, add, asked
from tests.support.audits.nights import Night
from tests.support.fleet import request
from tests.support.stepping import accept, carry, let_pass

OURS = "cal_test_owner"
FIRST = date(2030, 3, 1)  # the day of the requests: the night is that of the next one


def booked(number: int, account: str | None) -> tuple[int, str]:
    """Book for an account, long ago; return our id and Cal.com's uid."""
    row = carry(accept(request(number, account=account))[0])
    assert (row.status, row.start_at.date()) == (Status.CONFIRMED, FIRST)
    return row.id, row.calcom_booking_uid or ""


def ended() -> Any:
    """Return what the audit has found."""
    with dependencies.current().engine.connect() as conn:
        found = nights.last_ended(conn)
    assert found is not None, "it has not ended"
    return found


@pytest.fixture
def salons(fleet_of: Callable[..., dict[str, str]]) -> None:
    """Add two accounts beside `default`."""
    fleet_of(CALCOM_RATE_LIMIT_PER_MINUTE="6000")
    add()
    add("salon-8", OTHERS, first=False)


@pytest.mark.usefixtures("salons")
def test_each_account_is_audited_with_its_own_key(keys: Callable[[], list[str]], simulator: Any) -> None:
    """What differs is found in each, and no account's booking is a finding of another's."""
    (_, well), (own, gone), (other, lost) = booked(1, None), booked(2, "salon-7"), booked(3, "salon-8")
    for uid in (gone, lost):
        simulator.person("cancel", uid)
    let_pass(3600)
    keys()

    assert Night(datetime(2030, 3, 2, tzinfo=UTC).date(), simulator).go_on()

    assert {kind: sorted(ids) for kind, ids in ended().findings.items()} == {"cancelled_there": [own, other]}
    assert ended().unfinished is None
    assert set(keys()) == {OURS, THEIRS, OTHERS}
    assert well


@pytest.mark.usefixtures("salons")
def test_an_account_that_cannot_be_asked_stops_no_other(keys: Callable[[], list[str]], simulator: Any) -> None:
    """It is named, for silence means that all was judged; nothing is asked with its key."""
    booked(1, "salon-7")
    other, gone = booked(2, "salon-8")
    simulator.person("cancel", gone)
    let_pass(3600)
    operations.pause(dependencies.current(), "salon-7", asked())
    keys()

    assert Night(datetime(2030, 3, 2, tzinfo=UTC).date(), simulator).go_on()

    assert ended().findings == {"cancelled_there": [other]}
    assert ended().unfinished == "Cal.com cannot be asked with the keys of 1 account: salon-7"
    assert THEIRS not in keys()
