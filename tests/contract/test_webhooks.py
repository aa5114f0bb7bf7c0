"""The webhooks of a user: made once an address, listed, deleted (docs/calcom.md)."""

from __future__ import annotations

from typing import Any

import requests

OWNER, OTHER = "cal_test_owner", "cal_test_host4"
UNKNOWN = ["BOOKING_CONFIRMED"]  # its document names it
MADE = {"subscriberUrl": "https://hooks.example.com/user", "triggers": ["BOOKING_CREATED"], "active": True}


def call(simulator: Any, method: str, path: str = "/v2/webhooks", key: str = OWNER, **body: Any) -> Any:
    """Call with a user's key."""
    headers = {"Authorization": f"Bearer {key}"}
    return requests.request(method, simulator.url + path, json=body or None, headers=headers, timeout=10)


def test_a_webhook_has_the_recorded_members_and_an_address_is_taken_once(simulator: Any) -> None:
    """201, then 409; a trigger that the server does not know is a 400."""
    made = call(simulator, "POST", **MADE, secret="fdsecret")
    again, unknown = call(simulator, "POST", **MADE), call(simulator, "POST", **MADE | {"triggers": UNKNOWN})

    data = made.json()["data"]
    assert made.status_code == 201
    assert list(data) == ["id", "payloadTemplate", "triggers", "subscriberUrl", "active", "secret", "userId"]
    assert (again.status_code, unknown.status_code) == (409, 400)
    assert again.json()["error"]["message"] == "Webhook with this subscriber url already exists for this user"
    assert call(simulator, "GET").json()["data"] == [data]


def test_a_webhook_is_its_users_alone(simulator: Any) -> None:
    """Another user has one at the same address, and deletes his own only."""
    one, other = (call(simulator, "POST", key=key, **MADE).json()["data"] for key in (OWNER, OTHER))
    foreign = call(simulator, "DELETE", f"/v2/webhooks/{one['id']}", OTHER)
    gone = [call(simulator, "DELETE", f"/v2/webhooks/{one['id']}").status_code for _ in range(2)]

    assert (foreign.status_code, gone) == (403, [200, 404])
    assert [call(simulator, "GET", key=key).json()["data"] for key in (OWNER, OTHER)] == [[], [other]]
