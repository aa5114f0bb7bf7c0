"""The webhooks that the simulator sends: when, to whom, signed how, and with which members (docs/calcom.md)."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.support.callbacks.receiver import Received, Receiver, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER, SECRET = "cal_test_owner", "a-secret"
TRIGGERS = ["BOOKING_CREATED", "BOOKING_REQUESTED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REJECTED"]
VERSION = {"cal-api-version": "2024-08-13"}
PLAIN, CONFIRM, SEATS, WEEKLY = 101, 102, 103, 111
START, LATER = "2031-03-04T10:00:00Z", "2031-03-05T10:00:00Z"
MARK = {"bookingWorkerRef": "ours"}


class Hooked:
    """A Cal.com whose user has a webhook, and what Cal.com showed of each booking while its receiver had it."""

    def __init__(self, simulator: Any) -> None:
        self.simulator = simulator
        self.shown: list[str] = []

    def seen(self, received: Received) -> tuple[int, dict[str, str]]:
        """Ask for the booking before this answer."""
        payload = received.body["payload"]
        self.shown.append(self.call("GET", f"/v2/bookings/{payload['uid']}").json()["data"]["status"])
        return 500, {}

    def call(self, method: str, path: str, key: str | None = OWNER, **body: Any) -> requests.Response:
        """Call as a user."""
        headers = {**VERSION, **({} if key is None else {"Authorization": f"Bearer {key}"})}
        return requests.request(method, self.simulator.url + path, json=body or None, headers=headers, timeout=60)

    def hook(self, address: str, key: str = OWNER) -> None:
        """Have a user's webhook sent to an address."""
        answer = self.call(
            "POST", "/v2/webhooks", key, subscriberUrl=address, triggers=TRIGGERS, active=True, secret=SECRET
        )
        assert answer.ok, answer.text

    def book(self, event_type: int, start: str = START, name: str = "ann") -> Any:
        """Book; return its booking, or its weeks."""
        attendee = {"name": "Ann Fake", "timeZone": "UTC", "email": f"{name}@example.test"}
        answer = self.call(
            "POST", "/v2/bookings", eventTypeId=event_type, start=start, attendee=attendee, metadata=MARK
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]


@pytest.fixture
def there(simulator: Any) -> Hooked:
    """Hand out one whose user has no webhook yet."""
    return Hooked(simulator)


@pytest.fixture
def hooks(there: Hooked) -> Iterator[Receiver]:
    """Receive the webhooks of the user who is shown as everybody; each is answered with 500."""
    with receiver(there.seen) as one:
        there.hook(one.url)
        yield one


def told(hooks: Receiver, *members: str) -> list[tuple[Any, ...]]:
    """Return the trigger of each webhook, and members of its payload."""
    return [(one.body["triggerEvent"], *(one.body["payload"].get(name) for name in members)) for one in hooks.got]


def test_one_is_signed_over_its_raw_bytes_and_sent_once(there: Hooked, hooks: Receiver) -> None:
    """X-Cal-Signature-256 is the hex HMAC of the body, which says when; a 500 changes nothing."""
    uid = there.book(PLAIN)["uid"]

    [one] = hooks.got
    assert (
        one.headers["x-cal-signature-256"] == hmac.new(SECRET.encode(), one.text.encode(), hashlib.sha256).hexdigest()
    )
    assert one.headers["x-cal-webhook-version"] == "2021-10-20"
    assert (json.loads(one.text)["createdAt"][-1], one.body["payload"]["uid"]) == ("Z", uid)


def test_a_cancel_is_sent_before_it_is_written_all_else_after(there: Hooked, hooks: Receiver) -> None:
    """Who asks while the receiver has it is shown a booking that lives; the call is answered after the receiver."""
    uid = there.book(PLAIN)["uid"]
    new = there.call("POST", f"/v2/bookings/{uid}/reschedule", start=LATER).json()["data"]["uid"]
    answer = there.call("POST", f"/v2/bookings/{new}/cancel", cancellationReason="ill")
    asked = there.book(CONFIRM)["uid"]
    there.call("POST", f"/v2/bookings/{asked}/decline", reason="no time")

    assert told(hooks, "uid", "metadata", "rescheduleUid") == [
        ("BOOKING_CREATED", uid, MARK, None),
        ("BOOKING_RESCHEDULED", new, MARK, uid),
        ("BOOKING_CANCELLED", new, None, None),
        ("BOOKING_REQUESTED", asked, MARK, None),
        ("BOOKING_REJECTED", asked, None, None),
    ]
    assert answer.json()["data"]["status"] == "cancelled"
    assert there.shown == ["accepted", "accepted", "accepted", "pending", "rejected"]


def test_after_a_hosts_yes_the_metadata_is_empty_and_a_move_to_pending_names_no_old_uid(
    there: Hooked, hooks: Receiver
) -> None:
    """CREATED with {}; without a key a move needs the host again: REQUESTED alone."""
    uid = there.book(CONFIRM)["uid"]
    there.call("POST", f"/v2/bookings/{uid}/confirm")
    new = there.call("POST", f"/v2/bookings/{uid}/reschedule", None, start=LATER).json()["data"]["uid"]
    there.simulator.order("/_persons", {"do": "cancel", "uid": new})
    there.simulator.order("/_persons", {"do": "revive", "uid": new})

    assert told(hooks, "uid", "metadata", "rescheduleUid")[1:] == [
        ("BOOKING_CREATED", uid, {}, None),
        ("BOOKING_REQUESTED", new, MARK, None),
        ("BOOKING_CANCELLED", new, None, None),
        ("BOOKING_CREATED", new, {}, None),
    ]


def test_a_seat_is_named_when_it_comes_and_when_it_moves_and_not_when_it_goes(there: Hooked, hooks: Receiver) -> None:
    """Its CANCELLED has the uid that all share, and comes after it is written."""
    first, second = (there.book(SEATS, name=name) for name in ("ann", "bob"))
    uid = first["uid"]
    body = {"start": LATER, "seatUid": second["seatUid"]}
    moved = there.call("POST", f"/v2/bookings/{uid}/reschedule", **body).json()["data"]
    third = there.book(SEATS, name="cy")
    there.call("POST", f"/v2/bookings/{uid}/cancel", seatUid=third["seatUid"], cancellationReason="ill")

    assert told(hooks, "uid", "attendeeSeatId", "metadata") == [
        ("BOOKING_CREATED", uid, first["seatUid"], MARK),
        ("BOOKING_CREATED", uid, second["seatUid"], MARK),
        ("BOOKING_RESCHEDULED", moved["uid"], moved["seatUid"], MARK),
        ("BOOKING_CREATED", uid, third["seatUid"], MARK),
        ("BOOKING_CANCELLED", uid, None, None),
    ]
    assert hooks.got[-1].body["payload"]["status"] == "CANCELLED"


def test_a_series_is_told_week_by_week_and_its_cancel_once(there: Hooked, hooks: Receiver) -> None:
    """With the uid of one week."""
    weeks = there.book(WEEKLY)
    there.call("POST", f"/v2/bookings/{weeks[0]['recurringBookingUid']}/cancel", cancellationReason="ill")

    uids = [one["uid"] for one in weeks]
    assert told(hooks, "uid") == [("BOOKING_CREATED", uid) for uid in uids] + [("BOOKING_CANCELLED", uids[0])]


def test_a_users_webhook_tells_of_what_this_user_organizes(there: Hooked) -> None:
    """A host's own; and nothing that a refused call, or one that was answered before, has not done."""
    with receiver() as hooks:
        there.hook(hooks.url, "cal_test_host1")
        uid = there.book(PLAIN)["uid"]
        there.book(CONFIRM)
        there.call("POST", f"/v2/bookings/{uid}/cancel", cancellationReason="ill")
        there.call("POST", f"/v2/bookings/{uid}/cancel", cancellationReason="ill")

    assert told(hooks, "uid") == [("BOOKING_CREATED", uid), ("BOOKING_CANCELLED", uid)]


def test_a_receiver_that_is_gone_changes_nothing(there: Hooked) -> None:
    """Nor one at another machine, which the simulator never calls."""
    with receiver() as hooks:
        address = hooks.url
    there.hook(address)
    there.hook("https://hooks.example.com/user")

    assert there.book(PLAIN)["status"] == "accepted"
