"""`booking calcom-webhook`: made, compared and deleted at Cal.com, and what an operator is told on the way."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support.callbacks.webhooks import GIVEN, SECRET, path

Booking = Callable[..., Any]
HERE = "https://booking.example.com"


@pytest.fixture
def webhook(settings: Callable[..., dict[str, str]], call: Booking) -> Booking:
    """Run `booking calcom-webhook ...`."""
    settings(**GIVEN)
    return lambda *arguments: call("calcom-webhook", *arguments)


def made_by_hand(simulator: Any, **changes: Any) -> None:
    """Make a webhook as a person would."""
    body = {"subscriberUrl": HERE + path(), "triggers": ["BOOKING_CREATED"], "active": True, "secret": "mine"} | changes
    headers = {"Authorization": "Bearer cal_test_owner"}
    assert requests.post(f"{simulator.url}/v2/webhooks", json=body, headers=headers, timeout=10).ok


def test_it_is_made_compared_and_deleted(webhook: Booking, call: Booking) -> None:
    """Each order is in the record, without the token; nothing to delete is no error."""
    before = webhook("check")
    assert (before.code, "calcom-webhook add https://YOUR_HOST" in before.out) == (1, True)
    assert [webhook("add", HERE).code, webhook("add").code] == [0, 0]
    checked, removed, again = webhook("check"), webhook("remove", "--why", "we move"), webhook("remove")

    assert (checked.code, f"reports to {HERE}, as our side expects it" in checked.out) == (0, True)
    assert "none yet" in checked.out
    assert [ran.out.partition(" deleted")[0] for ran in (removed, again)] == ["1 webhook", "0 webhooks"]
    recorded = call("actions", "--json").json["actions"]
    assert [one["action"] for one in recorded] == ["webhook_remove"] * 2 + ["webhook_add"] * 2
    said = "".join(map(str, [recorded, checked.said, removed.said]))
    assert (path().rpartition("/")[2] in said, SECRET in said, "we move" in said) == (False, False, True)


def test_what_differs_is_told_with_what_to_do(webhook: Booking, simulator: Any) -> None:
    """And then it is replaced, and one of two is left."""
    made_by_hand(simulator, active=False)
    made_by_hand(simulator, subscriberUrl="https://old.example.com" + path())
    differs = webhook("check")

    assert differs.code == 1
    told = ("switched off", "another secret", "not the five", "`booking calcom-webhook add` replaces it", "2 webhooks")
    assert [words for words in told if words not in " ".join(differs.out.split())] == []
    assert (webhook("add", HERE).code, webhook("check").code) == (0, 0)


def test_what_cannot_be_done_is_said_in_a_line(webhook: Booking, simulator: Any, call: Booking) -> None:
    """No address, a wrong one, no such account, Cal.com's refusal: exit code 1, and the record has it."""
    refused = [webhook("add"), webhook("add", "booking.example.com"), webhook("check", "--account", "nobody")]
    simulator.faults("status", status=403, shape="A", message="no webhooks here")
    refused.append(webhook("add", HERE))

    assert [ran.code for ran in refused] == [1] * 4
    expected = ("give the address of", "not an http(s) address", "nobody: no account", "no webhooks here")
    assert [words for words, ran in zip(expected, refused, strict=True) if words not in ran.err] == []
    assert [one["refused"] is None for one in call("actions", "--json").json["actions"]] == [False, False]


def test_without_its_setting_nothing_is_called(settings: Callable[..., dict[str, str]], call: Booking) -> None:
    """The setting is named."""
    settings()
    assert "CALCOM_WEBHOOK_SECRET is not set" in call("calcom-webhook", "check").err


def test_address_and_secret_are_shown_for_a_webhook_that_is_made_by_hand(webhook: Booking) -> None:
    """Of one event type."""
    shown = webhook("show")
    assert (shown.code, path() in shown.out, "BOOKING_REJECTED" in shown.out) == (0, True, True)
