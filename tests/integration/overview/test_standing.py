"""How one account stands: its troubles are told by its own name, and its bookings count for no other account."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from db import accounts
from db.account_troubles import AccountTrouble
from db.lifecycle import HoldReason, Status
from db.models.accounts import AccountState
from db.monitoring import incidents
from db.monitoring.incidents import Incident
from tasks import dependencies
from tasks.accounts.door import UNREADABLE
from tasks.accounts.standing import AccountStanding, read_standing
from tasks.incidents.check import check
from tasks.incidents.messages import what_to_do
from tasks.incidents.places import page_path
from tests.integration.accounts.conftest import add
from tests.support.accounts.making import make_account
from tests.support.fleet import request
from tests.support.stepping import accept, carry, state, write
from worker import cancel_booking


@pytest.fixture(autouse=True)
def _salon(settings: Callable[..., Any]) -> None:
    settings(ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    add()


def hold(account: str | None, reason: HoldReason, *, number: int, **more: Any) -> None:
    """Hold one request of an account."""
    [booking] = accept(request(number, account=account))
    held = {"held_at": text("now()"), "enqueued_at": None, **more}
    write(booking, status=Status.HELD, hold_reason=reason, **held)


def found() -> dict[str, Incident]:
    """Return the open incidents after a health check, by kind."""
    check()
    with dependencies.current().engine.connect() as conn:
        return {one.kind: one for one in incidents.notified(conn, open_only=True)}


def standing(name: str, stops_default: AccountTrouble | None = None) -> AccountStanding:
    """Return how an account stands."""
    deps = dependencies.current()
    with deps.engine.connect() as conn:
        account = accounts.named(conn, name)
        return read_standing(conn, account, deps.breaker.service, lead=0, stops_default=stops_default)


def test_calls_that_reach_no_api_are_the_incident_of_their_account() -> None:
    """The settings are not what is wrong; its alert leads to the account's bookings, and says what ends it."""
    for number in range(3):
        hold("salon-7", HoldReason.CONFIGURATION, number=number, held_for="settings")

    told = found()

    assert set(told) == {"account_misled"}
    one = told["account_misled"]
    assert one.title == (
        "The calls of 1 account reach no API of Cal.com, or the key lacks a right: salon-7 (3 waiting)"
    )
    assert page_path(one) == "/bookings?state=held&account=salon-7&sort=asked"
    assert "`booking accounts check`" in what_to_do(one)


def test_the_incident_of_the_settings_counts_the_settings_account_alone() -> None:
    """Not what another account holds for the same reason."""
    for number in range(3):
        hold("salon-7", HoldReason.CONFIGURATION, number=number, held_for="settings")
    hold(None, HoldReason.CONFIGURATION, number=7, held_for="settings")

    one = found()["configuration"]

    assert one.title == "Cal.com's API is not what the settings say: 1 held, 0 at risk"
    assert page_path(one) == "/bookings?state=held&account=default&sort=asked"


def test_an_account_is_counted_alone_and_in_full() -> None:
    """Another one's holds are not among its own, whichever stands first; of a paused one its pause is told."""
    _, paused = make_account(dependencies.current().engine, AccountState.PAUSED)
    for number in range(3):
        hold("salon-7", HoldReason.THROTTLED, number=number)
    hold(paused, HoldReason.SUSPECT, number=7)
    hold(None, HoldReason.CREDENTIALS, number=8, held_for=UNREADABLE)

    seen = {name: standing(name) for name in ("default", "salon-7", paused)}

    assert {name: one.trouble for name, one in seen.items()} == {
        "default": AccountTrouble.UNREADABLE,
        "salon-7": AccountTrouble.THROTTLED,
        paused: AccountTrouble.PAUSED,
    }
    assert {name: {part.cause.value: part.count for part in one.held} for name, one in seen.items()} == {
        "default": {"unreadable": 1},
        "salon-7": {"throttled": 3},
        paused: {"suspect": 1},
    }
    assert standing("default", AccountTrouble.REFUSED).trouble is AccountTrouble.REFUSED


def test_a_cancel_alone_that_waits_for_a_key_nobody_can_decrypt_is_told() -> None:
    """No booking is held so, and the account is named all the same."""
    [booking] = accept(request(1, account="salon-7"))
    assert state(carry(booking)) == (Status.CONFIRMED, None)
    cancel_booking(booking, reason="The customer has asked for it")
    with dependencies.current().engine.begin() as conn:
        held = "status = 'held', hold_reason = 'credentials', held_at = now(), held_for = :why, enqueued_at = NULL"
        conn.execute(text(f"UPDATE booking_changes SET {held}"), {"why": UNREADABLE})  # noqa: S608 - constants

    titles = [one.title for one in found().values()]
    assert titles == ["The API keys of 1 account cannot be decrypted: salon-7"]
    assert standing("salon-7").trouble is AccountTrouble.UNREADABLE
