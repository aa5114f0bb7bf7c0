"""What lasts at the simulator: a lag, a block, a fault. It runs in this process, and the test moves its clock."""

from __future__ import annotations

import asyncio
import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator import api
from simulator.booking import persons
from simulator.http.messages import Call, Request, dump
from simulator.instants import Clock
from simulator.state.journal import Journal
from simulator.state.settings import Settings, changed
from simulator.state.world import World

HEADERS = {
    "authorization": "Bearer cal_test_owner",
    "cal-api-version": "2024-08-13",
    "content-type": "application/json",
}
CALL = Journal.unlisted("GET", "/v2/bookings")


class Still:
    """A simulator whose time stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        clock = Clock(lambda: self.seconds, lambda: datetime(2030, 3, 1, tzinfo=UTC) + timedelta(seconds=self.seconds))
        self.world = World(Settings(), clock, random.Random(7))  # noqa: S311 - the same world every time

    def set(self, **settings: Any) -> None:
        """Change settings."""
        self.world.settings = changed(self.world.settings, settings)

    def call(self, method: str, target: str, body: Any = None) -> tuple[int, Any, dict[str, str]]:
        """Call; give status, body and headers."""
        request = Request(method, target, HEADERS, dump(body or {}))
        entry = Journal.unlisted(method, target)
        with ThreadPoolExecutor(1) as thread:  # in this one a loop of the browser's tests may run
            answering = api.answer(self.world, Call(request, entry, self.world.now))
            answer = thread.submit(asyncio.run, answering).result()
        return answer.status, json.loads(answer.body), dict(answer.headers)

    def book(self, event_type: int, start: str, email: str, **metadata: str) -> Any:
        """Book, and give what the answer shows."""
        attendee = {"name": "Ann Fake", "timeZone": "UTC", "email": email}
        body = {"eventTypeId": event_type, "start": start, "attendee": attendee, "metadata": metadata}
        status, made, _ = self.call("POST", "/v2/bookings", body)
        assert status == 201, made
        return made["data"]


@pytest.fixture
def still() -> Still:
    """Give a new one."""
    return Still()


def test_a_cancelled_booking_is_shown_as_it_was(still: Still, start: str, email: str) -> None:
    """Cancelled 2 s ago, reads late: at once accepted; after 2.5 s cancelled."""
    still.set(replica_lag=2)
    uid = still.book(101, start, email)["uid"]

    def read() -> tuple[int, str | None]:
        status, body, _ = still.call("GET", f"/v2/bookings/{uid}")
        return status, body["data"]["status"] if status == 200 else None

    assert read() == (404, None)
    still.seconds += 2
    assert read() == (200, "accepted")
    persons.order(still.world, {"do": "cancel", "uid": uid})
    still.seconds += 1.9
    assert read() == (200, "accepted")
    still.seconds += 0.1
    assert read() == (200, "cancelled")


def test_a_further_seat_is_answered_with_the_booking_as_it_was(still: Still, start: str) -> None:
    """201 `"attendees":[{"email":"bob@","seatUid":"0190569d~","metadata":{"ref":"rb"}}],"seatUid":"93f08eff~"` (ann's).

    by-seat of ours at once -> 404 NO-SEAT, GET by uid at once -> 200; by-seat after 2.5 s -> 200.
    """
    still.set(replica_lag=2, lag_breaks_posts=False)
    bobs = still.book(103, start, "bob@example.test", ref="rb")
    still.seconds += 2
    still.set(lag_breaks_posts=True)

    ours = still.book(103, start, "ann@example.test", ref="r1")

    assert [one["metadata"] for one in ours["attendees"]] == [{"ref": "rb"}]
    assert ours["seatUid"] not in (None, "", bobs["seatUid"])
    status, body, _ = still.call("GET", f"/v2/bookings/by-seat/{ours['seatUid']}")
    message = f"Booking with seatUid={ours['seatUid']} was not found in the database"
    assert (status, body["error"]["message"]) == (404, message)
    assert still.call("GET", f"/v2/bookings/{ours['uid']}")[0] == 200
    still.seconds += 2
    assert still.call("GET", f"/v2/bookings/by-seat/{ours['seatUid']}")[0] == 200


def test_a_block_lasts_as_long_as_its_header_says(still: Still) -> None:
    """Of a limit of three in 60 s the fourth call is 429 and blocks for 90 s; asking does not prolong it."""
    still.set(rate_limit=3, rate_window=60, rate_block=90)

    def ask() -> tuple[int, str]:
        status, _, headers = still.call("GET", "/v2/bookings")
        return status, headers["X-RateLimit-Reset-Default"]

    assert [ask() for _ in range(4)] == [(200, "60"), (200, "60"), (200, "60"), (429, "90")]
    still.seconds += 89
    assert ask() == (429, "1")
    still.seconds += 1
    assert ask()[0] == 200


def test_a_fault_begins_and_ends_by_the_clock(still: Still) -> None:
    """`start_after` and `seconds` bound a stretch of time."""
    still.world.faults.order({"kind": "status", "name": "internal", "start_after": 20, "seconds": 40})

    def met() -> list[str]:
        return [fault.kind for fault in still.world.faults.meet(CALL, body_read=True)]

    seen = []
    for wait in (0, 19, 1, 39, 1):  # at 0, 19, 20, 59 and 60 s
        still.seconds += wait
        seen.append(met())

    assert seen == [[], [], ["status"], ["status"], []]
