"""What people see of several accounts: which one something of its own stops, since when, and how many wait."""

from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from db import account_troubles
from db.account_troubles import AccountTrouble
from db.appointments import listing
from db.appointments.listing import Filter
from db.lifecycle import HoldReason, Status
from db.models.accounts import AccountState
from db.monitoring import breaker_events, incidents
from tasks import dependencies
from tasks.accounts.door import UNREADABLE
from tasks.calcom.access import CREATE
from tasks.incidents.check import check
from tasks.operations import accounts as operations
from tasks.overview.payload import payload
from tasks.overview.reading import read_overview
from tasks.overview.sentences import render
from tasks.overview.verdict import verdict
from tests.integration.accounts.conftest import NEXT, add, asked
from tests.support.accounts.making import make_account
from tests.support.fleet import request, row
from tests.support.prometheus.exporting import told
from tests.support.statements import statements
from tests.support.stepping import accept, carry, let_pass, state, write


def ask(number: int, account: str | None = "salon-7") -> int:
    """Accept one request for an account."""
    return accept(request(number, account=account))[0]


def hold(booking: int, reason: HoldReason, **more: Any) -> None:
    """Hold a booking."""
    held = {"held_at": text("now()"), "enqueued_at": None, **more}
    write(booking, status=Status.HELD, hold_reason=reason, **held)


def another(number: int, state: AccountState = AccountState.ACTIVE, **held: Any) -> str:
    """Make an account with one booking that is held, and return its name."""
    engine = dependencies.current().engine
    _, name = make_account(engine, state)
    hold(ask(number, name), **held)
    return name


def opened(account: str) -> None:
    """Write down that an account's own breaker opened."""
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        number = conn.execute(text("SELECT id FROM calcom_accounts WHERE name = :name"), {"name": account}).scalar_one()
        now = conn.execute(text("SELECT now()")).scalar_one()
        change = {"old_state": "closed", "new_state": "open", "reason": "failures", "failure_count": 5, "context": {}}
        told = {"service": deps.breaker.service, "endpoint": CREATE, "account_id": number, "epoch": 7}
        breaker_events.record_transitions(conn, [{**change, **told, "created_at": now, "updated_at": now}])


def titles() -> dict[str, str]:
    """Return the open incidents' titles, by kind."""
    with dependencies.current().engine.connect() as conn:
        return {one.kind: one.title for one in incidents.notified(conn, open_only=True)}


@pytest.mark.usefixtures("salon")
def test_each_trouble_of_an_account_is_named_once() -> None:
    """The worst first: in the reading, in the sentences, in the incidents and as numbers."""
    names = {
        "unreadable": another(1, reason=HoldReason.CREDENTIALS, held_for=UNREADABLE),
        "configuration": another(2, reason=HoldReason.CONFIGURATION, held_for="settings"),
        "paused": another(3, AccountState.PAUSED, reason=HoldReason.PAUSED),
        "breaker": another(4, reason=HoldReason.BREAKER_OPEN),
        "throttled": another(5, reason=HoldReason.THROTTLED),
    }
    hold(ask(6, names["breaker"]), HoldReason.BREAKER_OPEN, held_for="line")
    opened(names["breaker"])
    well = ask(7)

    seen = read_overview(dependencies.current())
    assert seen.record is not None
    known = seen.record.accounts

    assert [(one.name, one.trouble.value, one.waiting) for one in known.accounts] == [
        (name, trouble, 2 if trouble == "breaker" else 1) for trouble, name in names.items()
    ]
    assert all(one.since is not None and one.since <= seen.read_at for one in known.accounts)
    said = verdict(seen)
    assert said.name == "accounts_need_you"
    assert render(said.sentence, seen.read_at).startswith(f"2 accounts need you: {names['unreadable']}: its key cannot")
    assert any(render(one, seen.read_at).startswith("3 accounts are held up: ") for one in said.also)
    assert [one["name"] for one in payload(seen, said)["accounts"]] == list(names.values())
    check()
    found = titles()
    assert found["account_failing"] == (f"The own breakers of 1 account are not closed: {names['breaker']} (2 waiting)")
    assert names["unreadable"] in found["key_unreadable"]
    assert "credentials" not in found  # nobody refuses the key of `default`
    assert state(carry(well)) == (Status.CONFIRMED, None)


@pytest.mark.usefixtures("salon")
def test_a_refused_key_names_its_account_until_it_is_rotated(simulator: Any) -> None:
    """From Cal.com's answer to the end of the incident; the key of `default` is not what the operator is sent to."""
    one = ask(1)
    simulator.faults("status", name="invalid_key", count=1)
    assert state(carry(one)) == (Status.HELD, HoldReason.CREDENTIALS)
    simulator.no_faults()

    check()
    found = titles()
    assert found["account_refused"] == "Cal.com refuses the API keys of 1 account: salon-7 (1 waiting)"
    assert "credentials" not in found
    assert verdict(read_overview(dependencies.current())).name == "accounts_need_you"

    operations.rotate(dependencies.current(), "salon-7", SecretStr(NEXT), asked(), other_user=True)

    assert [known.trouble for known in _troubles().accounts] == []
    assert row(one).hold_reason is HoldReason.CREDENTIALS  # its release is the next beat's


@pytest.mark.usefixtures("salon")
def test_an_alert_of_limits_counts_all_that_waits_for_them() -> None:
    """Each account's line with those in it, and none that waits for something else."""
    ago = {"held_at": text("now() - interval '10 minutes'")}
    for number in (1, 2):
        hold(ask(number), HoldReason.THROTTLED, **ago)
    hold(ask(3), HoldReason.THROTTLED, held_for="line", **ago)
    hold(ask(4, None), HoldReason.THROTTLED, **ago)
    hold(ask(5, None), HoldReason.SUSPECT)

    check()

    assert titles()["throttled"] == (
        "The rate limits of 2 accounts keep bookings waiting: salon-7 (3 waiting), default (1 waiting): 4 held,"
        " 0 at risk"
    )


@pytest.mark.usefixtures("salon")
def test_metrics_of_many_accounts_have_as_many_series_as_of_two() -> None:
    """No series has an account's name; the numbers are by state and by trouble."""
    two = told()
    for number in range(1, 8):
        another(number, AccountState.PAUSED if number % 2 else AccountState.ACTIVE, reason=HoldReason.THROTTLED)
    add("salon-of-many", "cal_test_host11", first=False)

    many = told()

    assert set(many) == set(two)
    assert many['booking_accounts{state="active",trouble="none"}'] == 3
    assert many['booking_accounts{state="active",trouble="throttled"}'] == 3
    assert many['booking_accounts{state="paused",trouble="none"}'] == 4


@pytest.mark.usefixtures("salon")
def test_a_paused_account_for_which_nothing_waits_is_no_news() -> None:
    """It is listed, and no sentence warns of it."""
    operations.pause(dependencies.current(), "salon-7", asked())

    seen = read_overview(dependencies.current())

    assert seen.record is not None
    assert [(one.name, one.trouble, one.since) for one in seen.record.accounts.accounts] == [
        ("salon-7", AccountTrouble.PAUSED, None)
    ]
    assert verdict(seen).name == "calm"


@pytest.mark.usefixtures("salon")
def test_the_list_of_an_account_has_its_bookings_alone() -> None:
    """In each order, with and without a state; of a name that nobody has it is empty."""
    own, others = [ask(1), ask(2)], [ask(3, None)]
    for booking in own[:1] + others:
        hold(booking, HoldReason.THROTTLED)
    let_pass(1)

    def of(**wanted: Any) -> list[int]:
        with dependencies.current().engine.connect() as conn:
            asked_for = Filter(**wanted)
            page = [one.id for one in listing.page(conn, asked_for).rows]
            assert [one.id for one in listing.stream(conn, asked_for)] == page
            assert listing.count(conn, asked_for).count == len(page)
        return page

    assert of(account="salon-7") == own[::-1]
    assert of(account="default") == others
    assert of(account="salon-7", state=Status.HELD) == own[:1]
    assert of(account="salon-7", reason=HoldReason.THROTTLED, sort=listing.Sort.ASKED) == own[:1]
    assert of(account="nobody") == []


def test_of_one_account_nothing_is_read(settings: Any) -> None:
    """One row says that it is alone."""
    settings()
    hold(ask(1, None), HoldReason.THROTTLED)

    assert _troubles() is account_troubles.NO_TROUBLE


@pytest.mark.usefixtures("salon")
def test_the_calcoms_are_walked_over_once() -> None:
    """Each is counted once, a closed account's never; where there is one Cal.com nothing is asked about others."""
    engine = dependencies.current().engine

    def walks() -> tuple[int, int, int]:
        with statements(engine) as asked:
            found = len(_troubles().other_services)
        return found, sum("WITH RECURSIVE one" in one for one in asked), sum("AS one (service)" in one for one in asked)

    one = walks()
    for which in (AccountState.ACTIVE, AccountState.PAUSED, AccountState.CLOSED):
        number, _ = make_account(engine, which)
    with engine.begin() as conn:
        conn.execute(text("UPDATE calcom_accounts SET service = 'd-gone' WHERE id = :id"), {"id": number})

    assert (one, walks()) == ((0, 1, 0), (1, 1, 1))


def _troubles() -> account_troubles.AccountTroubles:
    deps = dependencies.current()
    with deps.engine.connect() as conn:
        return account_troubles.read(
            conn, deps.breaker.service, lead=0, unreadable=UNREADABLE, missing_type="no_event_type", create=CREATE
        )
