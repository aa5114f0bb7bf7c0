"""Who lists what: the open-source server shows a key what its user organizes or attends, and nothing of others."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

OTHERS = ("team_owner", "team_admin", "team_member", "stranger")


def later(start: str, hours: int) -> str:
    """Move a start."""
    return (datetime.fromisoformat(start) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def seen(calcom: Any, role: str, part: str, uid: str, **query: Any) -> bool:
    """Say whether a key's list of a part's event type has a booking."""
    wanted = {"eventTypeId": calcom.parts[part], "sortCreated": "desc", "take": 100, **query}
    answer = calcom.call("GET", "/v2/bookings", params=wanted, headers=calcom.as_(role))
    assert answer.status_code == 200, answer.text
    return uid in [one["uid"] for one in answer.json()["data"]]


@pytest.mark.needs("round_robin", keys=("rr_host", "rr_other", *OTHERS))
def test_round_robin_is_listed_for_its_organizer_alone(calcom: Any, start: str, email: str) -> None:
    """Organizer 1 with and without `attendeeEmail`; the other host, team owner, admin, member: 0 (10 of 10 each)."""
    made = calcom.book("round_robin", start, email).json()["data"]
    names = {
        calcom.call("GET", "/v2/me", headers=calcom.as_(role)).json()["data"]["username"]: role
        for role in ("rr_host", "rr_other")
    }
    organizer = names.pop(made["hosts"][0]["username"])

    assert seen(calcom, organizer, "round_robin", made["uid"])
    assert seen(calcom, organizer, "round_robin", made["uid"], attendeeEmail=email)
    for role in (*names.values(), *OTHERS):
        assert not seen(calcom, role, "round_robin", made["uid"])


@pytest.mark.needs("collective", keys=("coll_organizer", "coll_host", *OTHERS))
def test_a_collective_is_listed_for_a_co_host_unless_an_address_is_asked_for(
    calcom: Any, start: str, email: str
) -> None:
    """host41, fixed co-host: with `attendeeEmail` 200 EMPTY, with `eventTypeId` alone the booking (11 of 11).

    With `bookingUid=2dKx32i~`: the booking; with `attendeeName=Ann+Fake`: EMPTY.
    """
    uid = calcom.book("collective", start, email).json()["data"]["uid"]

    assert seen(calcom, "coll_organizer", "collective", uid, attendeeEmail=email)
    assert seen(calcom, "coll_host", "collective", uid)
    assert seen(calcom, "coll_host", "collective", uid, bookingUid=uid)
    assert not seen(calcom, "coll_host", "collective", uid, attendeeEmail=email)
    assert not seen(calcom, "coll_host", "collective", uid, attendeeName="Ann Fake")
    assert not any(seen(calcom, role, "collective", uid) for role in OTHERS)


@pytest.mark.needs("rr_fixed", keys=("fixed_host", "fixed_other"))
def test_a_fixed_host_organizes_and_the_other_attends(calcom: Any, start: str, email: str) -> None:
    """201 `{"hosts":["host69"],"attendees":[{"email":"ann.fix@"},{"email":"host70@"}]}`.

    host69: with `attendeeEmail` 1, without 1; host70 (here an attendee): with 0, without 1.
    """
    made = calcom.book("rr_fixed", start, email).json()["data"]

    assert len(made["attendees"]) == 2
    assert seen(calcom, "fixed_host", "rr_fixed", made["uid"], attendeeEmail=email)
    assert seen(calcom, "fixed_other", "rr_fixed", made["uid"])
    assert not seen(calcom, "fixed_other", "rr_fixed", made["uid"], attendeeEmail=email)


def test_a_list_without_status_has_everything_newest_first(calcom: Any, start: str) -> None:
    """By `createdAt`, accepted, cancelled and moved ones together: "10 of 10 bookings, without `status`"."""
    uids = [calcom.book("plain", later(start, hours)).json()["data"]["uid"] for hours in range(3)]
    calcom.call("POST", f"/v2/bookings/{uids[0]}/cancel", json={"cancellationReason": "test"})
    moved = calcom.call("POST", f"/v2/bookings/{uids[1]}/reschedule", json={"start": later(start, 5)}).json()["data"]

    rows = calcom.listed(eventTypeId=calcom.parts["plain"], sortCreated="desc", take=4)

    assert [(row["uid"], row["status"]) for row in rows] == [
        (moved["uid"], "accepted"), (uids[2], "accepted"), (uids[1], "cancelled"), (uids[0], "cancelled"),
    ]  # fmt: skip
    assert (rows[0]["rescheduledFromUid"], rows[2]["rescheduledToUid"]) == (uids[1], moved["uid"])


def test_a_total_may_count_one_more_than_is_listed(simulator: Any, start: str) -> None:
    """`totalItems` less the entries: 0 (52 of 60 polls while others book), 1 (8); `returnedItems` follows it."""
    simulator.order("/_settings", {"total_one_too_high": 1})
    simulator.book("plain", start)

    answer = simulator.call("GET", "/v2/bookings", params={"eventTypeId": 101}).json()

    assert len(answer["data"]) == 1
    assert (answer["pagination"]["totalItems"], answer["pagination"]["returnedItems"]) == (2, 2)
    assert (answer["pagination"]["remainingItems"], answer["pagination"]["hasNextPage"]) == (0, False)


def test_a_key_loses_and_gains_its_permission(simulator: Any, start: str) -> None:
    """It stays the same user's; what the user may no longer read does not exist for it, and the list is empty."""
    version = {"cal-api-version": "2024-06-14"}
    simulator.book("round_robin", start)

    def sees() -> tuple[int, int, int]:
        me = simulator.call("GET", "/v2/me", headers=simulator.as_("rr_host")).json()["data"]["id"]
        kind = simulator.call("GET", "/v2/event-types/104", headers={**version, **simulator.as_("rr_host")})
        rows = simulator.call("GET", "/v2/bookings", headers=simulator.as_("rr_host")).json()["data"]
        return me, kind.status_code, len(rows)

    before = sees()
    simulator.order("/_settings", {"keys": {"cal_test_host4": "nothing"}})
    lost = sees()
    simulator.order("/_settings", {"keys": {"cal_test_host4": "host4"}})

    assert before == sees() == (before[0], 200, 1)
    assert lost == (before[0], 404, 0)


def test_a_key_that_sees_everything_reads_as_owner_and_fixed_host(simulator: Any) -> None:
    """Ours, not Cal.com's: one key whose user's role gives sight of every event type; `admin` lists all by no role."""
    version = {"cal-api-version": "2024-06-14"}
    me = simulator.call("GET", "/v2/me").json()["data"]["id"]

    def read(number: int, key: str) -> Any:
        headers = {**version, "Authorization": f"Bearer {key}"}
        return simulator.call("GET", f"/v2/event-types/{number}", headers=headers).json()["data"]

    assert read(101, "cal_test_owner")["ownerId"] == me != read(101, "cal_test_admin")["ownerId"]
    assert [host["userId"] for host in read(104, "cal_test_owner")["hosts"] if host["mandatory"]] == [me]
    assert me in [host["userId"] for host in read(106, "cal_test_owner")["hosts"]]
    assert [host for host in read(104, "cal_test_admin")["hosts"] if host["mandatory"]] == []
