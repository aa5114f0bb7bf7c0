"""`booking check` of Cal.com's webhooks: of each account that has one, by its own key; of the others nothing."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet
from pydantic import SecretStr

from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.operations import accounts as operations
from tasks.operations.accounts import NewAccount
from tests.support.callbacks.callers import sql
from tests.support.callbacks.webhooks import GIVEN

Booking = Callable[..., Any]
HERE = "https://booking.example.com"
KEYS = {"default": "cal_test_owner", "salon-7": "cal_test_host10"}


@pytest.fixture
def booking(settings: Callable[..., dict[str, str]], call: Booking) -> Booking:
    """Run `booking ...` where there is an account beside `default`."""
    settings(**GIVEN, ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    asked = ActionRequest(who="ann", via="command line", action=operations.ADD, why="for a test")
    key = SecretStr(KEYS["salon-7"])
    operations.add(dependencies.current(), NewAccount(name="salon-7"), key, asked, first=True)
    return call


def said(booking: Booking) -> list[tuple[bool, str]]:
    """Return what `booking check` says of webhooks: whether it is a warning, and the words."""
    found = [one for one in booking("check", "--json").json["findings"] if one["about"] == "webhook"]
    assert all(one["ok"] for one in found), "bookings go on without them"
    return [(one["warning"], one["said"]) for one in found]


def at_calcom(simulator: Any, method: str, path: str = "", *, key: str, **body: Any) -> Any:
    """Change an account's webhooks at Cal.com as its user would; return what Cal.com answers."""
    headers = {"Authorization": f"Bearer {key}"}
    answer = requests.request(
        method, f"{simulator.url}/v2/webhooks{path}", json=body or None, headers=headers, timeout=10
    )
    assert answer.ok, answer.text
    return answer.json()["data"]


def lists(simulator: Any) -> int:
    """Return how often Cal.com's webhooks were listed."""
    asked = [(one["method"], one["target"].partition("?")[0]) for one in simulator.journal()]
    return asked.count(("GET", "/v2/webhooks"))


def test_of_an_account_without_a_webhook_nothing_is_said_and_nothing_asked(booking: Booking, simulator: Any) -> None:
    """Neither before one is made, nor when it was removed."""
    assert said(booking) == []
    booking("calcom-webhook", "add", HERE)
    booking("calcom-webhook", "remove", "--why", "we move")
    before = lists(simulator)

    assert (said(booking), lists(simulator)) == ([], before)


def test_each_account_is_asked_by_its_own_key(booking: Booking, simulator: Any) -> None:
    """And what Cal.com has of it is as our side expects it."""
    for name in KEYS:
        assert booking("calcom-webhook", "add", HERE, "--account", name).code == 0
    before = lists(simulator)

    assert said(booking) == [(False, f"{name}: reports to {HERE}, as our side expects it") for name in KEYS]
    assert lists(simulator) - before == 2


def test_what_is_missing_or_differs_is_a_warning_with_what_to_do(booking: Booking, simulator: Any) -> None:
    """One account's is gone, the other's is another one: switched off, and with a secret that nobody here knows."""
    for name in KEYS:
        booking("calcom-webhook", "add", HERE, "--account", name)
    [gone] = at_calcom(simulator, "GET", key=KEYS["default"])
    at_calcom(simulator, "DELETE", f"/{gone['id']}", key=KEYS["default"])
    [other] = at_calcom(simulator, "GET", key=KEYS["salon-7"])
    at_calcom(simulator, "DELETE", f"/{other['id']}", key=KEYS["salon-7"])
    changed = {"active": False, "secret": "mine"}
    made = {name: other[name] for name in ("subscriberUrl", "triggers")} | changed
    at_calcom(simulator, "POST", key=KEYS["salon-7"], **made)

    [(missing, first), (differs, second)] = said(booking)
    assert (missing, differs) == (True, True)
    assert first == "default: none: `booking calcom-webhook add https://YOUR_HOST` makes it"
    assert [
        words for words in ("salon-7: ", "switched off", "another secret", "replaces it") if words not in second
    ] == []
    assert "mine" not in second


def test_an_account_that_cannot_be_asked_now_is_no_warning(booking: Booking) -> None:
    """The breaker leaves Cal.com alone: nothing is known of it."""
    booking("calcom-webhook", "add", HERE)
    dependencies.current().breaker.operators.force_open("ann", "a test")

    [(warning, words)] = said(booking)
    assert (warning, words.startswith("default: not asked: ")) == (False, True)


def test_without_the_setting_a_webhook_that_was_made_is_a_warning(
    booking: Booking, settings: Callable[..., dict[str, str]]
) -> None:
    """Its reports are refused."""
    booking("calcom-webhook", "add", HERE)
    settings(CALCOM_WEBHOOK_SECRET="")
    assert said(booking) == [
        (True, "default: CALCOM_WEBHOOK_SECRET is not set, so each of its reports is refused here")
    ]


def test_a_webhook_that_was_made_by_hand_is_known_by_its_reports(booking: Booking) -> None:
    """It is in no list of the key's user."""
    values = "1, 'BOOKING_CREATED', 'uid-1', now(), sha256('x')"
    sql(f"INSERT INTO calcom_webhooks (account_id, trigger, uid, told_at, body_hash) VALUES ({values})")  # noqa: S608 - constants
    assert said(booking) == [
        (False, "default: reports come from one that was made by hand (`booking calcom-webhook show`)")
    ]
