"""What the identical POST says when the first is over: given back, told taken, or booked again, kind by kind."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

REF = {"bookingWorkerRef": "r1"}


def later(start: str, minutes: int) -> str:
    """Move a start."""
    return (datetime.fromisoformat(start) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def booked(calcom: Any, part: str, start: str, email: str, **more: Any) -> dict[str, Any]:
    """POST, and give the booking."""
    answer = calcom.book(part, start, email, **{"metadata": REF, **more})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def said(calcom: Any, part: str, start: str, email: str, **more: Any) -> str:
    """POST, and give the answer in short."""
    answer: str = calcom.short(calcom.book(part, start, email, **{"metadata": REF, **more}))
    return answer


def busy(calcom: Any, start: str, *parts: str) -> None:
    """Let others take hosts by plain types of theirs, where they are not taken yet."""
    for part in parts:
        calcom.book(part, start, "busy@example.test")


def confirm(calcom: Any, uid: str) -> None:
    """Accept, as the host does."""
    assert calcom.call("POST", f"/v2/bookings/{uid}/confirm").json()["data"]["status"] == "accepted"


@pytest.mark.needs("round_robin", "busy_rr", "busy_rr_other")
def test_round_robin_gives_ours_back_though_all_hosts_are_busy(calcom: Any, start: str, email: str) -> None:
    """Ours exists, both hosts busy -> 201, accepted, ref r1, the same booking (10 of 10)."""
    first = booked(calcom, "round_robin", start, email)
    busy(calcom, start, "busy_rr", "busy_rr_other")

    again = booked(calcom, "round_robin", start, email)

    assert (again["uid"], again["metadata"]) == (first["uid"], REF)


@pytest.mark.needs("round_robin", "busy_rr", "busy_rr_other")
def test_round_robin_that_is_not_there_is_taken_when_all_hosts_are_busy(calcom: Any, start: str, email: str) -> None:
    """Ours does not exist, or was cancelled, both hosts busy -> 400 TAKEN-HOSTS (10 of 10 each)."""
    uid = booked(calcom, "round_robin", later(start, 60), email)["uid"]
    calcom.call("POST", f"/v2/bookings/{uid}/cancel", json={"cancellationReason": "test"})
    for at in (start, later(start, 60)):
        busy(calcom, at, "busy_rr", "busy_rr_other")

    assert [said(calcom, "round_robin", at, email) for at in (start, later(start, 60))] == ["TAKEN-HOSTS"] * 2


@pytest.mark.needs("round_robin")
@pytest.mark.parametrize("deed", ["cancel", "reschedule"])
def test_round_robin_books_again_what_was_cancelled_or_moved(calcom: Any, start: str, email: str, deed: str) -> None:
    """Ours cancelled (10 of 10) or moved (5 of 5) -> 201, accepted, ref r1, ANOTHER BOOKING."""
    first = booked(calcom, "round_robin", start, email)
    body = {"cancellationReason": "test"} if deed == "cancel" else {"start": later(start, 30)}
    calcom.call("POST", f"/v2/bookings/{first['uid']}/{deed}", json=body)

    assert booked(calcom, "round_robin", start, email)["uid"] != first["uid"]


@pytest.mark.needs("rr_fixed", "busy_rr_fixed", "busy_rr_fixed_other")
def test_a_fixed_host_decides_over_round_robin(calcom: Any, start: str, email: str) -> None:
    """The fixed host busy, the other free -> 500 ISE; the other busy, the fixed one free -> 201 (5 of 5 each).

    Ours exists -> 201, the same booking (5 of 5); all busy -> 400 TAKEN-HOSTS.
    """
    fixed_busy, other_busy, ours, all_busy = (later(start, 60 * hour) for hour in range(4))
    busy(calcom, fixed_busy, "busy_rr_fixed")
    busy(calcom, other_busy, "busy_rr_fixed_other")
    busy(calcom, all_busy, "busy_rr_fixed", "busy_rr_fixed_other")
    first = booked(calcom, "rr_fixed", ours, email)["uid"]

    assert said(calcom, "rr_fixed", fixed_busy, email) == "ISE"
    assert said(calcom, "rr_fixed", other_busy, email) == "accepted"
    assert booked(calcom, "rr_fixed", ours, email)["uid"] == first
    assert said(calcom, "rr_fixed", all_busy, email) == "TAKEN-HOSTS"


@pytest.mark.needs("rr_confirm", "busy_rr_confirm", "busy_rr_confirm_other")
def test_round_robin_that_must_be_confirmed_books_twice_once_its_host_has_accepted(
    calcom: Any, start: str, email: str
) -> None:
    """While pending: the same booking; after the host accepted: 201, pending, ref r1, ANOTHER BOOKING (10 of 10)."""
    first = booked(calcom, "rr_confirm", start, email)
    while_pending = booked(calcom, "rr_confirm", start, email)
    confirm(calcom, first["uid"])

    second = booked(calcom, "rr_confirm", start, email)

    assert while_pending["uid"] == first["uid"]
    assert (second["status"], second["metadata"], second["uid"] == first["uid"]) == ("pending", REF, False)
    assert second["hosts"][0]["id"] != first["hosts"][0]["id"]


@pytest.mark.parametrize(("part", "kind"), [("confirm", "plain"), ("rr_confirm", "round_robin")])
def test_confirmation_switched_off_while_ours_is_pending_makes_another(
    simulator: Any, start: str, email: str, part: str, kind: str
) -> None:
    """The identical POST looks for accepted ones: 201, accepted, ANOTHER (round robin 3 of 3, plain 2 of 2)."""
    first = booked(simulator, part, start, email)
    simulator.order("/_event_types", {"id": simulator.parts[part], "kind": kind}, method="PATCH")

    second = booked(simulator, part, start, email)

    assert (first["status"], second["status"], second["uid"] == first["uid"]) == ("pending", "accepted", False)


@pytest.mark.needs("rr_confirm", "busy_rr_confirm", "busy_rr_confirm_other")
def test_round_robin_that_must_be_confirmed_asks_for_hosts_after_the_earlier_booking(
    calcom: Any, start: str, email: str
) -> None:
    """Ours pending, both hosts busy -> 201 ours, not in slots (5 of 5); ours absent -> 400 TAKEN-HOSTS (5 of 5)."""
    first = booked(calcom, "rr_confirm", start, email)
    busy(calcom, start, "busy_rr_confirm", "busy_rr_confirm_other")
    query = {"eventTypeId": calcom.parts["rr_confirm"], "start": start, "end": later(start, 30)}

    slots = calcom.call("GET", "/v2/slots", params=query, headers={"cal-api-version": "2024-09-04"})

    assert slots.json()["data"] == {}
    assert booked(calcom, "rr_confirm", start, email)["uid"] == first["uid"]
    assert said(calcom, "rr_confirm", start, f"b{email}") == "TAKEN-HOSTS"


@pytest.mark.needs("rr_confirm")
def test_a_declined_booking_is_made_again(calcom: Any, start: str, email: str) -> None:
    """Ours declined by its host -> 201, pending, ref r1, ANOTHER BOOKING (5 of 5)."""
    first = booked(calcom, "rr_confirm", start, email)["uid"]
    declined = calcom.call("POST", f"/v2/bookings/{first}/decline", json={"reason": "no"})

    assert declined.json()["data"]["status"] == "rejected"
    assert booked(calcom, "rr_confirm", start, email)["uid"] != first


@pytest.mark.needs("confirm", "busy_confirm")
def test_one_host_that_must_confirm_gives_back_what_is_pending(calcom: Any, start: str, email: str) -> None:
    """Ours pending, the host busy by another type -> 201 ours (5 of 5); ours absent -> 400 TAKEN-USER."""
    first = booked(calcom, "confirm", start, email)
    busy(calcom, start, "busy_confirm")

    assert booked(calcom, "confirm", start, email)["uid"] == first["uid"]
    assert said(calcom, "confirm", start, f"b{email}") == "TAKEN-USER"


@pytest.mark.needs("coll_confirm")
def test_a_collective_that_must_be_confirmed(calcom: Any, start: str, email: str) -> None:
    """Pending -> 201, the same booking; accepted -> 400 TAKEN-HOSTS (5 of 5)."""
    first = booked(calcom, "coll_confirm", start, email)
    while_pending = booked(calcom, "coll_confirm", start, email)
    confirm(calcom, first["uid"])

    assert (first["status"], while_pending["uid"]) == ("pending", first["uid"])
    assert said(calcom, "coll_confirm", start, email) == "TAKEN-HOSTS"


@pytest.mark.needs("rr_threshold")
def test_far_ahead_of_the_threshold_nobody_is_asked(calcom: Any, start: str, email: str) -> None:
    """Confirmation below 48 hours ahead, asked before: 201, accepted, and again the same booking (5 of 5)."""
    first = booked(calcom, "rr_threshold", start, email)

    assert first["status"] == "accepted"
    assert booked(calcom, "rr_threshold", start, email)["uid"] == first["uid"]


def test_a_booking_from_before_the_threshold_is_made_again_behind_it(simulator: Any, start: str, email: str) -> None:
    """The passing of time was played by raising the threshold: 201, pending, ref r1, ANOTHER BOOKING (5 of 5)."""
    first = booked(simulator, "rr_threshold", start, email)
    simulator.order("/_event_types", {"id": 131, "threshold_hours": 24 * 365 * 100}, method="PATCH")

    second = booked(simulator, "rr_threshold", start, email)

    assert (second["status"], second["uid"] == first["uid"]) == ("pending", False)


def test_confirmation_that_is_switched_on_later_books_again(simulator: Any, start: str, email: str) -> None:
    """Round robin, confirmation was switched on after ours was booked: 201, pending, ANOTHER BOOKING (5 of 5)."""
    first = booked(simulator, "round_robin", start, email)
    simulator.order("/_event_types", {"id": 104, "kind": "round_robin+confirm"}, method="PATCH")

    second = booked(simulator, "round_robin", start, email)

    assert (second["status"], second["uid"] == first["uid"]) == ("pending", False)


@pytest.mark.parametrize(("hosts", "answer"), [(["host4"], "accepted"), (["host5"], "accepted"), ([], "422")])
def test_a_host_who_was_taken_off_leaves_ours_where_it_is(
    simulator: Any, start: str, email: str, hosts: list[str], answer: str
) -> None:
    """Our host taken off the type: 201, the same booking (5 of 5); all of them: 422 A "... it has no hosts. ..."."""
    first = booked(simulator, "round_robin", start, email)["uid"]
    simulator.order("/_event_types", {"id": 104, "hosts": hosts}, method="PATCH")

    again = simulator.book("round_robin", start, email, metadata=REF)

    assert simulator.short(again)[: len(answer)] == answer
    assert answer == "422" or again.json()["data"]["uid"] == first


@pytest.mark.needs("plain", "collective")
@pytest.mark.parametrize(("part", "answer"), [("plain", "TAKEN-USER"), ("collective", "TAKEN-HOSTS")])
def test_taken_by_ours_and_by_a_stranger_are_the_same_bytes(
    calcom: Any, start: str, email: str, part: str, answer: str
) -> None:
    """Ours exists, and a stranger's request for the same time: equal but for the timestamp (5 of 5 each)."""
    booked(calcom, part, start, email)

    ours, strangers = calcom.book(part, start, email), calcom.book(part, start, f"b{email}")

    assert calcom.short(ours) == answer
    assert {**ours.json(), "timestamp": ""} == {**strangers.json(), "timestamp": ""}


def test_reassigning_changes_nothing_by_api_and_all_by_hand(simulator: Any, start: str, email: str) -> None:
    """`POST .../reassign/122` -> 200, nothing changed; by hand: host22, the identical POST is 201 ours (10 of 10)."""
    first = booked(simulator, "round_robin", start, email)
    other = {"host4": "host5", "host5": "host4"}[first["hosts"][0]["username"]]

    answer = simulator.call("POST", f"/v2/bookings/{first['uid']}/reassign/105", json={})
    unchanged = simulator.call("GET", f"/v2/bookings/{first['uid']}").json()["data"]["hosts"]
    simulator.order("/_persons", {"do": "reassign", "uid": first["uid"], "host": other})

    assert (answer.status_code, answer.json()["data"]["bookingUid"]) == (200, first["uid"])
    assert unchanged == first["hosts"]
    again = booked(simulator, "round_robin", start, email)
    assert (again["uid"], again["hosts"][0]["username"]) == (first["uid"], other)
