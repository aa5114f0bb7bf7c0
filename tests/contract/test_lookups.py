"""Looking for a booking: the list's filters and pages, GET by uid, free slots, and what becomes of a booking."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

Recorded = Callable[[str], dict[str, Any]]
WRONG_QUERIES = (
    "eventTypeId=1001&afterStart=2026-12-07T10:00:00+01:00", "eventTypeId=1001&take=251", "eventTypeId=1001&take=0",
    "take=abc", "afterStart=nope", "eventTypeId=abc", "status=nope",
)  # fmt: skip


def moved(start: str, **by: float) -> str:
    """Move a start, with milliseconds."""
    return (datetime.fromisoformat(start) + timedelta(**by)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def test_the_list_has_the_recorded_shape(calcom: Any, start: str, email: str, recorded: Recorded, shape: Any) -> None:
    """Rows and pagination have the keys and types of the recorded ones."""
    calcom.book("plain", start, email)

    answer = calcom.call("GET", "/v2/bookings", params={"attendeeEmail": email})

    assert shape(answer.json()) == shape(recorded("GET list at once")["json"])


def test_an_address_is_found_byte_for_byte(calcom: Any, start: str, email: str) -> None:
    """The filter attendeeEmail is case-sensitive and exact; a plus that was not written %2B is found all the same."""
    mixed = f"Ann+{email.title()}"
    booked = calcom.book("plain", start, mixed).json()["data"]

    def found(address: str) -> list[str]:
        answer = calcom.call("GET", f"/v2/bookings?attendeeEmail={address}&afterStart={start}")
        return [one["uid"] for one in answer.json()["data"]]

    assert booked["attendees"][0]["email"] == mixed
    assert found(quote(mixed)) == found(mixed) == [booked["uid"]]
    for wrong in (quote(mixed.lower()), quote(mixed.upper()), quote(mixed[4:]), quote(mixed.partition("@")[2])):
        assert found(wrong) == []


def test_bounds_are_inclusive_to_the_millisecond(calcom: Any, start: str, email: str) -> None:
    """The very instant is included, a millisecond inside excludes; offsets and no zone at all are understood."""
    uid = calcom.book("plain", start, email).json()["data"]["uid"]
    end = moved(start, minutes=30)
    plus_one = moved(start, hours=1).replace("Z", "+01:00")

    def found(after: str, before: str) -> list[str]:
        return [one["uid"] for one in calcom.listed(attendeeEmail=email, afterStart=after, beforeEnd=before)]

    assert found(start, end) == [uid]
    assert found(plus_one, end) == [uid]
    assert found(start.removesuffix("Z"), end.removesuffix("Z")) == [uid]
    assert found(moved(start, milliseconds=1), end) == []
    assert found(start, moved(end, milliseconds=-1)) == []


def test_pages_follow_take_skip_and_sort(calcom: Any, start: str, email: str) -> None:
    """take, skip and sortCreated cut the list; pagination counts as recorded."""
    uids = [calcom.book("plain", moved(start, hours=n), email).json()["data"]["uid"] for n in range(5)]

    def page(**more: Any) -> dict[str, Any]:
        body: dict[str, Any] = calcom.call("GET", "/v2/bookings", params={"attendeeEmail": email, **more}).json()
        return body

    newest = page(take=2, sortCreated="desc")
    odd = page(take=3, skip=1, sortCreated="asc")
    beyond = page(take=5, skip=5)

    assert [one["uid"] for one in newest["data"]] == uids[:2:-1]
    counts = {"returnedItems": 2, "totalItems": 5, "itemsPerPage": 2, "remainingItems": 3, "currentPage": 1}
    assert newest["pagination"] == {**counts, "totalPages": 3, "hasNextPage": True, "hasPreviousPage": False}
    assert [one["uid"] for one in odd["data"]] == uids[1:4]
    assert (odd["pagination"]["remainingItems"], odd["pagination"]["hasPreviousPage"]) == (1, True)
    assert beyond["data"] == []
    assert (beyond["pagination"]["currentPage"], beyond["pagination"]["remainingItems"]) == (1, 0)


def test_an_empty_list_has_no_pages(calcom: Any, email: str, recorded: Recorded) -> None:
    """Zero items, zero pages, page zero."""
    answer = calcom.call("GET", "/v2/bookings", params={"attendeeEmail": email})

    assert answer.json() == recorded("read replica that lags: GET list")["json"]


def test_other_filters_choose_as_well(calcom: Any, start: str, email: str) -> None:
    """Several event types, status, uid, name and time of creation."""
    booked = calcom.book("plain", start, email).json()["data"]
    number, uid = calcom.parts["plain"], booked["uid"]

    def found(**query: Any) -> bool:
        return uid in [one["uid"] for one in calcom.listed(attendeeEmail=email, **query)]

    assert found(eventTypeId=number)
    assert found(eventTypeIds=f"{number}")
    assert found(status="upcoming,past", attendeeName="Ann Fake", bookingUid=uid)
    assert not found(status="cancelled")
    assert not found(attendeeName="Ann")
    assert found(afterCreatedAt=booked["createdAt"])
    assert not found(beforeCreatedAt="2020-01-01T00:00:00Z")


def test_an_event_type_that_never_was_is_refused(calcom: Any) -> None:
    """400 `{"error":{"code":"TRPCError","message":"The requested event-types do not exist."}}`, not an empty list."""
    answers = [calcom.call("GET", "/v2/bookings", params={name: 999_999}) for name in ("eventTypeId", "eventTypeIds")]

    for answer in answers:
        wanted = {"code": "TRPCError", "message": "The requested event-types do not exist."}
        assert (answer.status_code, answer.json()["error"]) == (400, wanted)


def test_unknown_filters_are_ignored(calcom: Any, start: str, email: str) -> None:
    """metadata=... filters nothing, so a caller must compare metadata itself."""
    calcom.book("plain", start, email, metadata={"jobId": "mine"})

    assert len(calcom.listed(attendeeEmail=email, metadata="another", nonsense=1)) == 1


@pytest.mark.parametrize("query", WRONG_QUERIES)
def test_a_wrong_filter_is_refused_in_the_recorded_words(calcom: Any, query: str, recorded: Recorded) -> None:
    """400 A with details.errors, the whole error as recorded."""
    answer = calcom.call("GET", f"/v2/bookings?{query}")

    assert (answer.status_code, answer.json()["error"]) == (400, recorded(f"list: {query}")["json"]["error"])


def test_without_the_version_the_list_has_another_shape(calcom: Any, start: str, email: str) -> None:
    """There data is an object with bookings, not a list."""
    calcom.book("plain", start, email)

    answer = calcom.call("GET", "/v2/bookings", headers={"cal-api-version": None})

    assert {"startTime", "endTime", "responses"} <= set(answer.json()["data"]["bookings"][0])


def test_a_uid_is_a_secret_that_opens_for_anyone(calcom: Any, start: str, recorded: Recorded, shape: Any) -> None:
    """GET by uid needs no key; an unknown one is 404 A."""
    uid = calcom.book("plain", start, metadata={"jobId": "x"}).json()["data"]["uid"]

    found = calcom.call("GET", f"/v2/bookings/{uid}", headers={"Authorization": None})
    missing = calcom.call("GET", "/v2/bookings/nope1234567")

    assert shape(found.json()) == shape(recorded("GET one by uid, no key")["json"])
    assert found.json()["data"]["metadata"] == {"jobId": "x"}
    assert (missing.status_code, missing.json()["error"]) == (404, recorded("GET one, unknown uid")["json"]["error"])


def test_a_cancelled_booking_stays_listed_and_frees_its_slot(
    calcom: Any, start: str, email: str, recorded: Recorded, shape: Any
) -> None:
    """Cancelled twice is 400 A; the list shows it as cancelled; the slot can be booked again."""
    uid = calcom.book("plain", start, email).json()["data"]["uid"]
    path, reason = f"/v2/bookings/{uid}/cancel", {"cancellationReason": "test"}

    first, again = calcom.call("POST", path, json=reason), calcom.call("POST", path, json=reason)

    assert (first.status_code, shape(first.json())) == (200, shape(recorded("cancel")["json"]))
    assert again.json()["error"]["message"].startswith(f"Can't cancel booking with uid={uid} because it has been")
    assert [one["status"] for one in calcom.listed(attendeeEmail=email)] == ["cancelled"]
    assert calcom.book("plain", start, email).status_code == 201


def test_cancelling_needs_a_reason_and_a_known_uid(calcom: Any, start: str, recorded: Recorded) -> None:
    """No reason is 400 B; an unknown uid is 404 A."""
    uid = calcom.book("plain", start).json()["data"]["uid"]

    silent = calcom.call("POST", f"/v2/bookings/{uid}/cancel", json={})
    unknown = calcom.call("POST", "/v2/bookings/nope123/cancel", json={"cancellationReason": "test"})

    wanted = recorded("cancel without a reason, empty body")
    assert (silent.status_code, silent.json()) == (wanted["status"], wanted["json"])
    assert unknown.json()["error"] == recorded("cancel unknown uid")["json"]["error"]


def test_a_rescheduled_booking_points_to_its_successor(calcom: Any, start: str, recorded: Recorded, shape: Any) -> None:
    """A new uid with the old metadata; the old one is cancelled with rescheduledToUid and cannot be moved again."""
    old = calcom.book("plain", start, metadata={"jobId": "rs1"}).json()["data"]["uid"]
    wish = {"start": moved(start, hours=1), "reschedulingReason": "later"}

    answer = calcom.call("POST", f"/v2/bookings/{old}/reschedule", json=wish)
    again = calcom.call("POST", f"/v2/bookings/{old}/reschedule", json=wish)

    new = answer.json()["data"]
    assert (answer.status_code, shape(answer.json())) == (201, shape(recorded("reschedule")["json"]))
    assert (new["rescheduledFromUid"], new["metadata"]) == (old, {"jobId": "rs1"})
    before = calcom.call("GET", f"/v2/bookings/{old}").json()["data"]
    assert (before["status"], before["rescheduledToUid"]) == ("cancelled", new["uid"])
    assert again.json()["error"]["message"].startswith(f"Can't reschedule booking with uid={old} because it has been")


def test_a_booked_time_is_no_longer_offered(calcom: Any, start: str) -> None:
    """GET /v2/slots lists the free starts of a day; an answer is kept for 2 s for the same question, and only for it.

    "before offered; 0, 0.5, 1, 1.5 s after the POST offered, 2.1 and 2.6 s gone" (5 of 5).
    """

    def offered(minutes: int) -> list[str]:
        query = {"eventTypeId": calcom.parts["plain"], "start": start, "end": moved(start, minutes=minutes)}
        answer = calcom.call("GET", "/v2/slots", params=query, headers={"cal-api-version": "2024-09-04"})
        assert (answer.status_code, answer.json()["status"]) == (200, "success")
        return [slot["start"] for day in answer.json()["data"].values() for slot in day]

    before = offered(60)
    calcom.book("plain", start)
    left = [slot for slot in before if slot != moved(start, minutes=0)]

    assert moved(start, minutes=0) in before
    assert offered(61) == left
    assert calcom.until(lambda: offered(60) == left)


def test_a_slot_is_offered_when_it_ends_within_the_range(calcom: Any, start: str) -> None:
    """30 minutes: up to the end of the slot, and beyond, it is offered; up to a minute before, it is not."""

    def offered(minutes: int) -> bool:
        query = {"eventTypeId": calcom.parts["plain"], "start": start, "end": moved(start, minutes=minutes)}
        answer = calcom.call("GET", "/v2/slots", params=query, headers={"cal-api-version": "2024-09-04"})
        return moved(start, minutes=0) in [slot["start"] for day in answer.json()["data"].values() for slot in day]

    assert [offered(minutes) for minutes in (29, 30, 31)] == [False, True, True]


def test_the_same_question_about_slots_gets_the_kept_answer(simulator: Any, start: str) -> None:
    """Asked before the POST, and for 2 s after it: offered."""
    query = {"eventTypeId": 101, "start": start, "end": moved(start, minutes=30)}

    def offered() -> bool:
        answer = simulator.call("GET", "/v2/slots", params=query, headers={"cal-api-version": "2024-09-04"})
        return bool(answer.json()["data"])

    simulator.order("/_settings", {"slots_cache": 60})
    offered()
    simulator.book("plain", start)

    assert offered()
    simulator.order("/_settings", {"slots_cache": 0})
    assert not offered()
