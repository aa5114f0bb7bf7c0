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


def user(simulator: Any, username: str, **change: Any) -> None:
    """Change a user of the simulator's."""
    simulator.order("/_users", {"username": username, **change}, method="PATCH")


FIXED = {"collective": ("host9", "coll_host"), "rr_fixed": ("host57", "fixed_host")}  # who is of every booking, his key
BLOCKS = {
    "locked": lambda simulator, name: user(simulator, name, locked=True),
    "his address": lambda simulator, name: simulator.order("/_settings", {"blocked_emails": [f"{name}@example.test"]}),
    "his domain": lambda simulator, name: (
        user(simulator, name, address=f"{name}@example.net"),
        simulator.order("/_settings", {"blocked_emails": ["example.net"]}),
    ),
}


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("part", FIXED)
def test_a_host_who_is_locked_or_blocked_is_left_out_without_a_word(
    simulator: Any, start: str, email: str, part: str, block: str
) -> None:
    """`[]` 15 of 15 (collective by address 3, by domain 3; fixed host 9), his key goes on, no answer shows it.

    Let in again later he still sees none of them.
    """
    name, role = FIXED[part]
    BLOCKS[block](simulator, name)

    made = simulator.book(part, start, email).json()["data"]

    assert (made["status"], name in [host["username"] for host in made["hosts"]]) == ("accepted", False)
    assert not any(one["email"].startswith(f"{name}@") for one in made["attendees"])
    shown = simulator.call(
        "GET",
        f"/v2/event-types/{simulator.parts[part]}",
        headers={"cal-api-version": "2024-06-14", **simulator.as_(role)},
    ).json()["data"]
    assert name in [host["username"] for host in shown["hosts"]]
    assert not seen(simulator, role, part, made["uid"])
    user(simulator, name, locked=False)
    simulator.order("/_settings", {"blocked_emails": []})
    assert not seen(simulator, role, part, made["uid"])


def test_a_locked_owner_books_nothing_and_a_locked_host_of_before_still_sees(
    simulator: Any, start: str, email: str
) -> None:
    """Owner, or only host, locked: 404 `eventTypeUser.notFound`, nothing made; locked after the booking: still seen."""
    uid = simulator.book("plain", start, email).json()["data"]["uid"]
    user(simulator, "host1", locked=True)

    refused = simulator.book("plain", later(start, 1), email)

    assert (refused.status_code, refused.json()["message"]) == (404, "eventTypeUser.notFound")
    assert seen(simulator, "plain_owner", "plain", uid)


@pytest.mark.parametrize("address", ["new@example.net", "Host9@example.test"])
def test_a_co_host_is_known_by_the_address_of_today_letter_by_letter(
    simulator: Any, start: str, email: str, address: str
) -> None:
    """`[]` 3 of 3, only the letter case changed 3 of 3; changed back: 3 seen. The organizer is known as a user."""
    uid = simulator.book("collective", start, email).json()["data"]["uid"]
    for name in ("host6", "host9"):
        user(simulator, name, address=address if name == "host9" else "else@example.net")

    assert not seen(simulator, "coll_host", "collective", uid)
    assert seen(simulator, "coll_organizer", "collective", uid)
    user(simulator, "host9", address=None)
    assert seen(simulator, "coll_host", "collective", uid)


def test_a_co_host_who_is_taken_off_one_booking_sees_it_no_more(simulator: Any, start: str, email: str) -> None:
    """`DELETE /v2/bookings/{uid}/attendees/{id}` by the organizer: `[]` 3 of 3; type and hosts are as before."""
    uids = [simulator.book("collective", later(start, n), email).json()["data"]["uid"] for n in range(2)]

    simulator.order("/_persons", {"do": "take_off", "uid": uids[0], "email": "host9@example.test"})

    assert [seen(simulator, "coll_host", "collective", uid) for uid in uids] == [False, True]
    assert seen(simulator, "coll_organizer", "collective", uids[0])


@pytest.mark.parametrize("part", ["collective", "round_robin", "rr_fixed"])
def test_who_becomes_a_host_sees_nothing_of_before(simulator: Any, start: str, email: str, part: str) -> None:
    """Made a fixed host, or a host, later: `[]`, though the role is there; of what is booked from then on all."""
    before = simulator.book(part, start, email).json()["data"]["uid"]
    number = simulator.parts[part]
    simulator.order("/_event_types", {"id": number, "fixed_hosts": ["stranger"]}, method="PATCH")

    after = simulator.book(part, later(start, 1), email).json()["data"]["uid"]

    assert [seen(simulator, "stranger", part, uid) for uid in (before, after)] == [False, True]


def test_a_host_taken_out_and_put_back_misses_what_was_booked_between(simulator: Any, start: str, email: str) -> None:
    """Role before and after, `[]` of what lies between (3 of 3); the key goes on all the time."""
    hosts = {"id": 149, "fixed_hosts": ["host57"]}
    simulator.order("/_event_types", {**hosts, "fixed_hosts": []}, method="PATCH")
    uid = simulator.book("rr_fixed", start, email).json()["data"]["uid"]
    assert not seen(simulator, "fixed_host", "rr_fixed", uid)
    simulator.order("/_event_types", hosts, method="PATCH")

    assert not seen(simulator, "fixed_host", "rr_fixed", uid)


def test_an_admin_sees_of_anothers_team_what_his_members_organize_or_attend(
    simulator: Any, start: str, email: str
) -> None:
    """Read, for the hosted service: a part of a team's type, so that others' bookings prove no sight of the rest."""
    user(simulator, "teamadmin", leads=["host4"])

    made = [simulator.book("round_robin", start, f"{n}{email}").json()["data"] for n in range(2)]

    shown = {one["hosts"][0]["username"]: seen(simulator, "team_admin", "round_robin", one["uid"]) for one in made}
    assert shown == {"host4": True, "host5": False}


def test_a_deleted_organizer_takes_his_bookings_along(simulator: Any, start: str, email: str) -> None:
    """By uid 404, in no list, his key 401 (1 of 1); the other hosts are booked as before."""
    made = simulator.book("round_robin", start, email).json()["data"]
    gone = made["hosts"][0]["username"]
    role = {"host4": "rr_host", "host5": "rr_other"}[gone]

    simulator.order(f"/_users?username={gone}", method="DELETE")

    assert simulator.call("GET", f"/v2/bookings/{made['uid']}").status_code == 404
    assert simulator.listed(eventTypeId=104, take=100) == []
    assert simulator.call("GET", "/v2/me", headers=simulator.as_(role)).status_code == 401
    again = simulator.book("round_robin", start, email).json()["data"]
    assert (again["status"], again["hosts"][0]["username"] == gone) == ("accepted", False)


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
