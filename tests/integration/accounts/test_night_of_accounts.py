"""The audit of a night asks for each account's bookings with its own key; one that cannot be asked stops nobody."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from db.audits import nights
from db.lifecycle import Status
from tasks import dependencies
from tasks.audit.calls import NightlyCalls
from tasks.audit.nightly import audit_night
from tasks.operations import accounts as operations
from tests.integration.accounts.conftest import OTHERS, THEIRS, add, asked
from tests.sizes import Counted, sizes
from tests.support.audits.nights import Night
from tests.support.fleet import request
from tests.support.stepping import accept, carry, let_pass

OURS = "cal_test_owner"
HOSTS = 1001  # the first of many hosts, and the event type of each
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


@pytest.mark.usefixtures("salons")
def test_accounts_are_audited_side_by_side(simulator: Any) -> None:
    """While one waits for the share of its limit, the next is asked for: 10,000 that wait in turn end in no night."""
    for number, account in ((1, "salon-7"), (2, "salon-8")):
        simulator.person("cancel", booked(number, account)[1])
    let_pass(3600)
    night, both, met = Night(FIRST + timedelta(days=1), simulator), threading.Barrier(2), threading.Event()

    def wait_for_the_other() -> None:
        with suppress(threading.BrokenBarrierError):
            if not met.is_set():
                both.wait(20)
                met.set()

    night.on_pause = wait_for_the_other

    assert (night.go_on(), met.is_set(), len(ended().findings["cancelled_there"])) == (True, True, 2)


@sizes(12, many=1_000)
def test_each_of_many_accounts_stays_within_its_own_share(
    size: int, fleet_of: Callable[..., dict[str, str]], simulator: Any, counted: Counted
) -> None:
    """A tenth of its limit is a call a second here; what differs is found in each."""
    fleet_of()
    ids = []
    for number in range(HOSTS, HOSTS + size):
        simulator.event_type(number)
        add(f"salon-{number}", f"cal_test_host{number}", first=number == HOSTS)
        wanted = request(1, account=f"salon-{number}").model_copy(update={"event_type_id": number})
        row = carry(accept(wanted)[0])
        assert row.calcom_booking_uid, row.last_error
        simulator.person("cancel", row.calcom_booking_uid)
        ids.append(row.id)
    let_pass(3600)
    fleet_of(CALCOM_RATE_LIMIT_PER_MINUTE="600")
    before = simulator.journal()[-1]["n"]
    night = Night(FIRST + timedelta(days=1), simulator)
    taken = night.take()
    assert taken is not None

    audit_night(NightlyCalls(dependencies.current(), taken), taken)

    assert (sorted(ended().findings["cancelled_there"]), ended().unfinished) == (ids, None)
    sent: dict[str, list[float]] = {}
    for entry in simulator.journal(before):
        sent.setdefault(entry["key"], []).append(entry["t0"])
    counted("calls", sum(map(len, sent.values())))
    counted("seconds", round(max(map(max, sent.values())) - min(map(min, sent.values()))))
    assert sent.pop(OURS)  # its own list, which has the bookings of all
    assert len(sent) == size
    assert min(map(len, sent.values())) >= 2
    most = {key: max(sum(one <= other < one + 0.5 for other in times) for one in times) for key, times in sent.items()}
    assert {key: count for key, count in most.items() if count > 1} == {}
