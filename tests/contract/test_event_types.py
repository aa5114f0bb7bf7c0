"""What a caller may ask about event types and about itself: GET /v2/event-types, GET /v2/me."""

from __future__ import annotations

from typing import Any

import pytest

VERSION = {"cal-api-version": "2024-06-14"}


def read(calcom: Any, part: str, **headers: str | None) -> Any:
    """GET one event type."""
    return calcom.call("GET", f"/v2/event-types/{calcom.parts[part]}", headers={**VERSION, **headers})


def test_a_personal_type_names_its_owner_and_no_hosts(calcom: Any, start: str) -> None:
    """What GET says of one that belongs to a user.

    `{"id":2015,"ownerId":142,"lengthInMinutes":30,"title":"personal","slug":"personal","recurrence":null,
    "minimumBookingNotice":0,"price":0,"users":[{"id":142,"name":"Host42 Fake","username":"host42", ...}],
    "bookingWindow":{"disabled":true},"confirmationPolicy":{"disabled":true},"requiresBookerEmailVerification":false,
    "seats":{"disabled":true},"bookingRequiresAuthentication":false,"bookerActiveBookingsLimit":{"disabled":true}, ...}`
    (no `schedulingType`, `hosts`, `teamId`)
    """
    host = calcom.book("plain", start).json()["data"]["hosts"][0]

    answer = read(calcom, "plain")

    data = answer.json()["data"]
    assert (answer.status_code, data["id"], data["lengthInMinutes"]) == (200, calcom.parts["plain"], 30)
    assert (data["users"][0]["id"], data["users"][0]["username"]) == (host["id"], host["username"])
    assert (data["recurrence"], data["price"]) == (None, 0)
    for policy in ("bookingWindow", "confirmationPolicy", "seats", "bookerActiveBookingsLimit"):
        assert data[policy] == {"disabled": True}
    assert not {"schedulingType", "hosts", "teamId"} & set(data)


@pytest.mark.needs("plain", keys=("plain_owner",))
def test_the_owner_of_a_personal_type_is_the_user_of_the_key(calcom: Any) -> None:
    """`"ownerId":142` and `GET /v2/me` of host42 -> `{"id":142, ...}`."""
    owner = calcom.call("GET", "/v2/me", headers=calcom.as_("plain_owner")).json()["data"]

    assert read(calcom, "plain", **calcom.as_("plain_owner")).json()["data"]["ownerId"] == owner["id"]


@pytest.mark.needs("round_robin", keys=("rr_host", "rr_other"))
def test_a_team_type_lists_its_hosts(calcom: Any) -> None:
    """What GET says of round robin.

    `{"id":2001,"schedulingType":"roundRobin","ownerId":null,"teamId":301,"team":{"id":301},
    "assignAllTeamMembers":false,"hosts":[{"mandatory":false,"priority":"medium","userId":121,"name":"Host21 Fake",
    "username":"host21","avatarUrl":null},{"mandatory":false, ... "userId":122, ...}],"recurrence":null, ...}`
    """
    users = [calcom.call("GET", "/v2/me", headers=calcom.as_(role)).json()["data"] for role in ("rr_host", "rr_other")]

    data = read(calcom, "round_robin", **calcom.as_("rr_host")).json()["data"]

    assert (data["schedulingType"], data["ownerId"], data["team"]) == ("roundRobin", None, {"id": data["teamId"]})
    assert {host["userId"] for host in data["hosts"]} == {user["id"] for user in users}
    assert [host["mandatory"] for host in data["hosts"]] == [False, False]


@pytest.mark.needs("rr_fixed", keys=("fixed_host", "fixed_other"))
def test_a_fixed_host_is_mandatory(calcom: Any) -> None:
    """2033: `"hosts":[{"mandatory":true, ..."userId":169},{"mandatory":false, ..."userId":170}]`."""
    fixed = calcom.call("GET", "/v2/me", headers=calcom.as_("fixed_host")).json()["data"]["id"]

    hosts = read(calcom, "rr_fixed", **calcom.as_("fixed_other")).json()["data"]["hosts"]

    assert [host["userId"] for host in hosts if host["mandatory"]] == [fixed]


@pytest.mark.needs("collective", keys=("coll_host",))
def test_hosts_of_a_collective_come_without_mandatory(calcom: Any) -> None:
    """2014: `"schedulingType":"collective","hosts":[{"userId":140,"name":"Host40 Fake", ...},{"userId":141, ...}]`."""
    data = read(calcom, "collective", **calcom.as_("coll_host")).json()["data"]

    assert data["schedulingType"] == "collective"
    assert all("mandatory" not in host for host in data["hosts"])


@pytest.mark.needs("round_robin", keys=("rr_host", "team_owner", "team_admin", "team_member", "stranger"))
def test_hosts_owner_and_admin_may_read_a_team_type_and_nobody_else(calcom: Any) -> None:
    """Member who is no host, stranger: 404 "Event type with id 2001 not found"; no key: 403; a bad one: 401."""
    for role in ("rr_host", "team_owner", "team_admin"):
        assert read(calcom, "round_robin", **calcom.as_(role)).status_code == 200
    for role in ("team_member", "stranger"):
        answer = read(calcom, "round_robin", **calcom.as_(role))
        message = f"Event type with id {calcom.parts['round_robin']} not found"
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NotFoundException")
        assert answer.json()["error"]["message"] == message
    nobody = read(calcom, "round_robin", Authorization=None)
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (403, "ForbiddenException")
    assert nobody.json()["error"]["message"].startswith("PermissionsGuard - no authentication provided.")
    bad = read(calcom, "round_robin", Authorization="Bearer cal_0123456789abcdef0123456789abcdef")
    assert (bad.status_code, bad.json()["error"]["message"]) == (401, "CustomThrottlerGuard - Invalid API Key")


@pytest.mark.needs("plain", keys=("team_owner", "stranger"))
def test_the_owner_of_a_members_team_may_read_a_personal_type(calcom: Any) -> None:
    """host20, owner of a team in which host42 is a member: 200, the same; host50, a stranger: 404."""
    assert read(calcom, "plain", **calcom.as_("team_owner")).status_code == 200
    assert read(calcom, "plain", **calcom.as_("stranger")).status_code == 404


def test_the_version_of_bookings_does_not_know_event_types(calcom: Any) -> None:
    """2024-08-13: 404 "Cannot GET /v2/event-types/2015"; no version, or 2024-06-11: 200 in another shape."""
    wrong = read(calcom, "plain", **{"cal-api-version": "2024-08-13"})
    older = [read(calcom, "plain", **{"cal-api-version": version}) for version in (None, "2024-06-11")]

    message = f"Cannot GET /v2/event-types/{calcom.parts['plain']}"
    assert (wrong.status_code, wrong.json()["error"]["message"]) == (404, message)
    for answer in older:
        assert (answer.status_code, answer.json()["data"]["eventType"]["requiresConfirmation"]) == (200, False)


@pytest.mark.needs(
    "seats", "seats_hidden", "confirm", "rr_threshold", "weekly", "weekly_window", "active_uid", "day_limit"
)
def test_each_kind_says_what_it_is(calcom: Any) -> None:
    """Seats, policies, recurrence, window and limits, member by member as they were recorded."""

    def member(part: str, name: str) -> Any:
        return read(calcom, part).json()["data"][name]

    shown = member("seats", "seats")
    assert (shown["disabled"], shown["showAttendeeInfo"], shown["showAvailabilityCount"]) == (False, True, True)
    assert isinstance(shown["seatsPerTimeSlot"], int)
    assert member("seats_hidden", "seats")["showAttendeeInfo"] is False
    assert member("confirm", "confirmationPolicy") == {"type": "always", "blockUnconfirmedBookingsInBooker": False}
    threshold = {"unit": "hours", "count": 48}
    wanted = {"type": "time", "noticeThreshold": threshold, "blockUnconfirmedBookingsInBooker": False}
    assert member("rr_threshold", "confirmationPolicy") == wanted
    assert member("weekly", "recurrence") == {
        "disabled": False, "interval": 1, "occurrences": 8, "frequency": "weekly",
    }  # fmt: skip
    assert member("weekly_window", "bookingWindow") == {"type": "calendarDays", "value": 30, "rolling": False}
    assert member("active_uid", "bookerActiveBookingsLimit") == {"maximumActiveBookings": 1, "offerReschedule": True}
    assert member("day_limit", "bookingLimitsCount") == {"day": 1}


def columns(calcom: Any, role: str, **headers: str | None) -> dict[int, bool]:
    """GET all types at version 2024-04-15, and give the column that no newer version shows, by id."""
    wanted = {"cal-api-version": "2024-04-15", **calcom.as_(role), **headers}
    answer = calcom.call("GET", "/v2/event-types", headers=wanted)
    assert answer.status_code == 200, answer.text
    groups = answer.json()["data"]["eventTypeGroups"]
    return {one["id"]: one["requiresConfirmationForFreeEmail"] for group in groups for one in group["eventTypes"]}


@pytest.mark.needs("free", "rr_free", "plain", "round_robin", keys=("free_owner", "rr_free_host", "rr_host"))
def test_the_column_about_free_addresses_is_shown_by_the_oldest_version_alone(calcom: Any) -> None:
    """`data.eventTypeGroups[].eventTypes[]`, by id; at 2024-06-14 the policy reads `{"disabled": true}`."""
    parts = calcom.parts

    assert columns(calcom, "free_owner")[parts["free"]] is columns(calcom, "rr_free_host")[parts["rr_free"]] is True
    assert columns(calcom, "rr_host")[parts["round_robin"]] is False
    for part, role in (("free", "free_owner"), ("rr_free", "rr_free_host")):
        shown = read(calcom, part, **calcom.as_(role))
        assert shown.json()["data"]["confirmationPolicy"] == {"disabled": True}
        assert "FreeEmail" not in shown.text


@pytest.mark.needs("free", "rr_free", "plain", keys=("rr_host", "team_owner", "team_admin", "team_member", "stranger"))
def test_the_oldest_version_lists_own_types_and_those_of_ones_teams(calcom: Any) -> None:
    """All of a team's for each member in whatever role, a stranger's none; of others none, though they may be read."""
    plain, free, team = (calcom.parts[part] for part in ("plain", "free", "rr_free"))

    for role in ("rr_host", "team_owner", "team_admin", "team_member"):
        listed = columns(calcom, role)
        assert team in listed
        assert not {plain, free} & set(listed)
    assert not {plain, free, team} & set(columns(calcom, "stranger"))
    assert read(calcom, "plain", **calcom.as_("team_owner")).status_code == 200


@pytest.mark.needs("plain", keys=("plain_owner",))
def test_no_version_means_the_oldest_and_no_key_a_refusal(calcom: Any) -> None:
    """Without a version, and at 2024-06-11: the same shape; without a key: 403."""
    for version in (None, "2024-06-11"):
        assert calcom.parts["plain"] in columns(calcom, "plain_owner", **{"cal-api-version": version})
    refused = calcom.call("GET", "/v2/event-types", headers={"cal-api-version": None, "Authorization": None})
    assert refused.status_code == 403


def test_a_personal_type_is_found_by_names_without_a_right(calcom: Any, start: str) -> None:
    """`GET /v2/event-types?username=host42&eventSlug=personal` (no key, or any) -> 200, an array; unknown: 200 `[]`."""
    made = calcom.book("plain", start).json()["data"]
    names = {"username": made["hosts"][0]["username"], "eventSlug": made["eventType"]["slug"]}

    def found(**query: str) -> list[int]:
        headers = {**VERSION, "Authorization": None}
        answer = calcom.call("GET", "/v2/event-types", params={**names, **query}, headers=headers)
        assert answer.status_code == 200
        return [one["id"] for one in answer.json()["data"]]

    assert found() == [calcom.parts["plain"]]
    assert found(eventSlug="no-such-type") == found(username="no-such-user") == []


def test_me_is_the_user_of_the_key_in_any_version(calcom: Any) -> None:
    """`{"id":121,"email":"host21@...","name":"Host21 Fake","username":"host21","timeZone":"UTC", ...}`."""
    answers = [
        calcom.call("GET", "/v2/me", headers={"cal-api-version": one}) for one in ("2024-08-13", "2024-06-14", None)
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()) == (200, answers[0].json())
    assert {"id", "email", "name", "username", "timeZone", "organizationId"} <= set(answers[0].json()["data"])


def test_a_deleted_type_is_gone_and_its_bookings_stay(simulator: Any, start: str) -> None:
    """DELETE by the owner -> 200 `{"id":2019,"lengthInMinutes":30,"slug":"to-delete","title":"to-delete"}`.

    Then POST -> 404 "Event type with id 2019 not found."; slots -> 404 "Event Type not found"; the list by eventTypeId
    -> 400 TRPCError; without it, and by uid: `"eventTypeId":null,"eventType":null`; GET of the type -> 404.
    """
    uid = simulator.book("plain", start, metadata={"ref": "r1"}).json()["data"]["uid"]

    deleted = simulator.call("DELETE", "/v2/event-types/101", headers=VERSION)

    names = {"id": 101, "lengthInMinutes": 30, "slug": "plain", "title": "plain"}
    assert (deleted.status_code, deleted.json()["data"]) == (200, names)
    again = simulator.book("plain", start)
    assert (again.status_code, again.json()["error"]["message"]) == (404, "Event type with id 101 not found.")
    query = {"eventTypeId": 101, "start": start, "end": start}
    slots = simulator.call("GET", "/v2/slots", params=query, headers={"cal-api-version": "2024-09-04"})
    assert (slots.status_code, slots.json()["error"]["message"]) == (404, "Event Type not found")
    listed = simulator.call("GET", "/v2/bookings", params={"eventTypeId": 101})
    assert (listed.status_code, listed.json()["error"]["code"]) == (400, "TRPCError")
    [left] = simulator.listed(sortCreated="desc")
    assert (left["uid"], left["eventTypeId"], left["eventType"], left["metadata"]) == (uid, None, None, {"ref": "r1"})
    assert simulator.call("GET", f"/v2/bookings/{uid}").json()["data"]["eventTypeId"] is None
    assert read(simulator, "plain").json()["error"]["message"] == "Event type with id 101 not found"
