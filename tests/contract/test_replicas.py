"""Reads from a replica that lags: lists, GET by uid, and what a POST reads again before it answers."""

from __future__ import annotations

from typing import Any

import pytest

LAG = 3600.0


@pytest.fixture
def late(simulator: Any) -> Any:
    """Give a simulator whose reads are late, those inside a POST too."""
    simulator.order("/_settings", {"replica_lag": LAG, "lag_breaks_posts": True})
    return simulator


def catch_up(simulator: Any) -> None:
    """Let the replica catch up."""
    simulator.order("/_settings", {"replica_lag": 0})


@pytest.mark.parametrize(
    ("part", "at_once", "caught_up"),
    [("plain", "TAKEN-USER", "TAKEN-USER"), ("round_robin", "ISE", "accepted"), ("seats", "SIGNED-UP", "SIGNED-UP"),
     ("confirm", "ISE", "pending"), ("collective", "TAKEN-HOSTS", "TAKEN-HOSTS"),
     ("recurring", "TAKEN-USER", "TAKEN-USER")],
)  # fmt: skip
def test_a_post_breaks_after_it_has_booked(
    late: Any, start: str, email: str, part: str, at_once: str, caught_up: str
) -> None:
    """First POST 500 ISE; the identical one at once, and after 3 s; meanwhile GET by uid is 404 NO-UID.

    Plain: TAKEN-USER, TAKEN-USER; round robin (10 of 10): ISE, 201 ours; seats: SIGNED-UP, SIGNED-UP; confirmation:
    ISE, 201 ours; collective: TAKEN-HOSTS, TAKEN-HOSTS; recurring: TAKEN-USER, TAKEN-USER.
    """
    first, again = late.book(part, start, email), late.book(part, start, email)
    uid = late.order("/_bookings", method="GET")["bookings"][0]["uid"]
    read = late.call("GET", f"/v2/bookings/{uid}")
    catch_up(late)

    assert (late.short(first), late.short(again)) == ("ISE", at_once)
    message = f"Booking with uid={uid} was not found in the database"
    assert (read.status_code, read.json()["error"]["message"]) == (404, message)
    assert late.short(late.book(part, start, email)) == caught_up


def test_two_replicas_answer_in_turn(simulator: Any, start: str) -> None:
    """A list that had a booking may not have it the next time."""
    simulator.order("/_settings", {"replica_lags": [0, LAG]})
    simulator.book("plain", start)

    counts = [len(simulator.listed(eventTypeId=101)) for _ in range(4)]

    assert sorted(counts) == [0, 0, 1, 1]
    assert counts[:2] == counts[2:]


def test_slots_and_writes_know_the_primary(late: Any, start: str) -> None:
    """Slots read the primary; a POST finds what is taken there."""
    late.book("plain", start)
    query = {"eventTypeId": 101, "start": start, "end": start.replace("10:00:00", "10:01:00")}

    slots = late.call("GET", "/v2/slots", params=query, headers={"cal-api-version": "2024-09-04"})

    assert slots.json()["data"] == {}
    assert late.listed(eventTypeId=101) == []


def test_a_uid_that_never_was_reads_like_one_that_is_late(simulator: Any) -> None:
    """404 NO-UID for any key or none; without the version, or 2024-04-15: "Booking with UID=... does not exist."."""
    uid = "a" * 22

    def message(**headers: str | None) -> str:
        answer = simulator.call("GET", f"/v2/bookings/{uid}", headers=headers)
        assert answer.status_code == 404
        text: str = answer.json()["error"]["message"]
        return text

    assert message() == message(Authorization=None) == f"Booking with uid={uid} was not found in the database"
    for version in (None, "2024-04-15"):
        assert message(**{"cal-api-version": version}) == f"Booking with UID={uid} does not exist."
