"""What POST /v2/bookings answers, by kind of event type: the same from the simulator and from the real server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

Recorded = Callable[[str], dict[str, Any]]
TAKEN = "User either already has booking at this time or is not available"
HOSTS_TAKEN = "One of the hosts either already has booking at this time or is not available"


def later(start: str, minutes: int) -> str:
    """Move a start."""
    return (datetime.fromisoformat(start) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_booking_is_answered_with_the_recorded_shape(
    calcom: Any, start: str, email: str, recorded: Recorded, shape: Callable[[Any], Any]
) -> None:
    """A 201 has the keys and types of the recorded one, and echoes start, end, attendee and metadata."""
    answer = calcom.book("plain", start, email, metadata={"jobId": "job-1"})

    assert answer.status_code == 201, answer.text
    assert shape(answer.json()) == shape(recorded("valid booking")["json"])
    data = answer.json()["data"]
    assert (data["start"], data["status"]) == (start.replace("Z", ".000Z"), "accepted")
    assert data["metadata"] == {"jobId": "job-1"}
    assert data["attendees"][0]["email"] == email


def test_the_rate_limit_headers_are_the_recorded_ones(calcom: Any, start: str, recorded: Recorded) -> None:
    """Every counted answer says limit, remaining calls and seconds to reset, under the recorded names."""
    answer = calcom.book("plain", start)

    for name in recorded("valid booking")["headers"]:
        assert name in answer.headers
    assert answer.headers["Content-Type"] == recorded("valid booking")["headers"]["Content-Type"]


def test_a_taken_slot_is_a_400_of_shape_a(calcom: Any, start: str, recorded: Recorded) -> None:
    """The same POST again, and another attendee's, are told that the host is not available."""
    calcom.book("plain", start)

    again, other = calcom.book("plain", start), calcom.book("plain", start, "bob@example.test")

    for answer in (again, other):
        assert answer.status_code == 400
        assert answer.json()["error"] == recorded("same POST again, sequential")["json"]["error"]


@pytest.mark.needs("plain", "plain_60")
def test_an_overlapping_booking_of_the_same_host_is_refused(calcom: Any, start: str, recorded: Recorded) -> None:
    """A 60 minute type of the same host cannot begin half an hour before a booked half hour."""
    calcom.book("plain", start)

    answer = calcom.book("plain_60", later(start, -30), "bob@example.test")

    assert answer.json()["error"] == recorded("overlap of a 60 min type of the same host")["json"]["error"]


@pytest.mark.needs("confirm")
def test_a_pending_booking_is_given_back_to_the_same_attendee(
    calcom: Any, start: str, email: str, recorded: Recorded, shape: Callable[[Any], Any]
) -> None:
    """Requires confirmation: the second POST answers 201 with the first one's uid and metadata, not its own."""
    first = calcom.book("confirm", start, email, metadata={"jobId": "c1"})
    second = calcom.book("confirm", start, email, metadata={"jobId": "c2"})

    assert (first.status_code, second.status_code) == (201, 201)
    assert shape(first.json()) == shape(recorded("requiresConfirmation: first")["json"])
    assert first.json()["data"]["status"] == "pending"
    assert second.json()["data"]["uid"] == first.json()["data"]["uid"]
    assert second.json()["data"]["metadata"] == {"jobId": "c1"}


@pytest.mark.needs("confirm")
def test_a_pending_booking_blocks_nobody_else(calcom: Any, start: str, email: str) -> None:
    """Another attendee, or the same address in other letters, gets a pending booking of their own."""
    mine = calcom.book("confirm", start, email).json()["data"]["uid"]

    others = [calcom.book("confirm", start, one).json()["data"]["uid"] for one in (f"b{email}", email.upper())]

    assert len({mine, *others}) == 3


@pytest.mark.needs("confirm")
def test_confirmed_bookings_block_but_a_declined_one_is_forgotten(calcom: Any, start: str, email: str) -> None:
    """After confirm the same POST is told `taken`; after decline it makes a new booking."""
    confirmed, declined = start, later(start, 60)
    for at, verb, status in ((confirmed, "confirm", "accepted"), (declined, "decline", "rejected")):
        uid = calcom.book("confirm", at, email).json()["data"]["uid"]
        answer = calcom.call("POST", f"/v2/bookings/{uid}/{verb}")
        assert (answer.status_code, answer.json()["data"]["status"]) == (200, status)

    assert calcom.book("confirm", confirmed, email).json()["error"]["message"] == TAKEN
    assert calcom.book("confirm", declined, email).status_code == 201


@pytest.mark.needs("seats")
def test_seats_share_a_uid_and_carry_metadata_by_attendee(
    calcom: Any, start: str, recorded: Recorded, shape: Callable[[Any], Any]
) -> None:
    """A seat's metadata is in its attendee beside its seatUid; the booking has none."""
    first = calcom.book("seats", start, "ann@example.test", metadata={"jobId": "s1"})
    second = calcom.book("seats", start, "bob@example.test", metadata={"jobId": "s2"})

    assert shape(first.json()) == shape(recorded("seats: first")["json"])
    assert shape(second.json()) == shape(recorded("seats: second attendee")["json"])
    one, two = first.json()["data"], second.json()["data"]
    assert one["uid"] == two["uid"]
    seats = {seat["seatUid"]: seat["metadata"] for seat in two["attendees"]}  # in no fixed order
    assert seats == {one["seatUid"]: {"jobId": "s1"}, two["seatUid"]: {"jobId": "s2"}}


@pytest.mark.needs("seats")
def test_a_full_class_and_a_second_seat_are_conflicts(calcom: Any, start: str, recorded: Recorded) -> None:
    """The same attendee again is 409 B; the fourth on three seats is 409 A."""
    for name in ("ann", "bob", "cy"):
        assert calcom.book("seats", start, f"{name}@example.test").status_code == 201

    again, fourth = calcom.book("seats", start), calcom.book("seats", start, "di@example.test")

    assert (again.status_code, again.json()) == (409, recorded("seats: same attendee again")["json"])
    full = recorded("seats: fourth attendee (3 seats)")["json"]
    assert (fourth.status_code, fourth.json()["error"]) == (409, full["error"])


@pytest.mark.needs("round_robin")
def test_round_robin_gives_one_booking_an_attendee_and_one_a_host(
    calcom: Any, start: str, email: str, recorded: Recorded
) -> None:
    """The same attendee gets the same booking back; two attendees get two hosts; the third is refused."""
    first, same = calcom.book("round_robin", start, email), calcom.book("round_robin", start, email)
    second, third = calcom.book("round_robin", start, f"b{email}"), calcom.book("round_robin", start, f"c{email}")

    assert same.json()["data"]["uid"] == first.json()["data"]["uid"]
    assert second.json()["data"]["hosts"][0]["id"] != first.json()["data"]["hosts"][0]["id"]
    assert third.status_code == 400
    assert third.json()["error"] == recorded("round robin: third attendee, all hosts busy")["json"]["error"]


@pytest.mark.needs("collective")
def test_a_collective_names_its_team_and_lists_the_other_hosts(
    calcom: Any, start: str, recorded: Recorded, shape: Callable[[Any], Any]
) -> None:
    """The organizer is the host, the others come as attendees; the same again is `One of the hosts`."""
    free, again = calcom.book("collective", start), calcom.book("collective", start)

    assert shape(free.json()) == shape(recorded("collective: free")["json"])
    assert len(free.json()["data"]["attendees"]) == 2
    assert again.json()["error"]["message"] == HOSTS_TAKEN


@pytest.mark.needs("recurring")
def test_a_recurring_type_answers_with_an_array(calcom: Any, start: str) -> None:
    """One POST makes a booking a week under one recurringBookingUid; the same again is `taken`."""
    answer, again = calcom.book("recurring", start, recurrenceCount=2), calcom.book("recurring", start)

    first, second = answer.json()["data"]
    assert first["recurringBookingUid"] == second["recurringBookingUid"]
    assert first["uid"] != second["uid"]
    assert again.json()["error"]["message"] == TAKEN


@pytest.mark.needs("phone_first")
def test_a_phone_only_attendee_gets_an_address_of_digits(
    calcom: Any, start: str, recorded: Recorded, shape: Callable[[Any], Any]
) -> None:
    """Where e-mail is optional a number is enough; the address is <digits>@sms.cal.com, and the list finds it."""
    attendee = {"name": "Ann Fake", "timeZone": "Europe/Berlin", "phoneNumber": "+12025550123"}

    answer = calcom.book("phone_first", start, attendee=attendee)

    wanted = recorded("phone-only, event type with phone required and e-mail optional")["json"]
    assert shape(answer.json()) == shape(wanted)
    address = "12025550123@sms.cal.com"
    assert answer.json()["data"]["attendees"][0]["email"] == address
    assert [one["uid"] for one in calcom.listed(attendeeEmail=address, afterStart=start, take=1)] == [
        answer.json()["data"]["uid"]
    ]


def test_an_off_grid_or_zoneless_or_offset_start_is_an_instant(calcom: Any, start: str) -> None:
    """No grid is enforced; no zone means UTC; an offset is taken into account."""
    odd, plus_one = later(start, 127), later(start, 60).replace("Z", "+01:00")

    starts = [calcom.book("plain", at).json()["data"]["start"] for at in (odd, start.removesuffix("Z"))]

    assert starts == [odd.replace("Z", ".000Z"), start.replace("Z", ".000Z")]
    assert calcom.book("plain", plus_one).json()["error"]["message"] == TAKEN


def test_event_types_are_found_by_slug_and_owner(calcom: Any, start: str) -> None:
    """The slug and the host's username book the same event type as its id."""
    known = calcom.book("plain", start).json()["data"]
    body = {
        "start": later(start, 60),
        "eventTypeSlug": known["eventType"]["slug"],
        "username": known["hosts"][0]["username"],
        "attendee": {"name": "Ann Fake", "timeZone": "Europe/Berlin", "email": "ann@example.test"},
    }

    answer = calcom.call("POST", "/v2/bookings", json=body)

    assert answer.json()["data"]["eventTypeId"] == calcom.parts["plain"]


@pytest.mark.needs("lengths")
def test_guests_come_as_attendees_without_a_name(
    calcom: Any, start: str, recorded: Recorded, shape: Callable[[Any], Any]
) -> None:
    """Guests stand in attendees, guests and the responses, as recorded."""
    answer = calcom.book("lengths", start, guests=["g1@example.test", "g2@example.test"])

    assert shape(answer.json()) == shape(recorded("guests")["json"])
    assert [one["email"] for one in answer.json()["data"]["attendees"][1:]] == ["g1@example.test", "g2@example.test"]


@pytest.mark.needs("lengths")
def test_a_length_among_the_possible_ones_decides_the_end(calcom: Any, start: str) -> None:
    """A lengthInMinutes of 60 on a type with several lengths makes an hour."""
    answer = calcom.book("lengths", start, lengthInMinutes=60)

    assert answer.json()["data"]["duration"] == 60


@pytest.mark.needs("day_limit")
def test_a_limit_a_day_refuses_also_our_own_repetition(calcom: Any, start: str, recorded: Recorded) -> None:
    """401 B booking_limit_reached, for another time that day and for the very same POST."""
    calcom.book("day_limit", start)

    other, same = calcom.book("day_limit", later(start, 120)), calcom.book("day_limit", start)

    for answer in (other, same):
        wanted = recorded("booking limit 1 per day: second")
        assert (answer.status_code, answer.json()) == (wanted["status"], wanted["json"])


@pytest.mark.needs("active_limit")
def test_a_limit_an_attendee_refuses_also_our_own_repetition(
    calcom: Any, start: str, email: str, recorded: Recorded
) -> None:
    """400 A maximum number of active bookings, for another time and for the very same POST."""
    calcom.book("active_limit", start, email)

    for at in (later(start, 60), start):
        wanted = recorded("max active: same start again")["json"]
        assert calcom.book("active_limit", at, email).json()["error"] == wanted["error"]
