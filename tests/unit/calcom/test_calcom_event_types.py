"""What an event type is, and whose it is, on answers recorded from a real Cal.com."""

import json
from dataclasses import replace
from typing import Any

import pytest

from db.event_kind import EventKind
from tasks.calcom.event_type_answers import (
    EventTypeFacts,
    Me,
    read_event_type,
    read_event_types,
    read_free_email,
    read_me,
)
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reads import OWN_TYPES_BODY
from tasks.calcom.reply import Reply, ReplyKind
from tests.support.calcom.answers import NO_ROUTE, NO_TYPE, refused, shown, whole

OFF = {"disabled": True}
NONE: dict[str, Any] = {"recurrence": None, "price": 0, "confirmationPolicy": OFF, "seats": OFF}
PERSONAL = {
    "id": 2015,
    "ownerId": 142,
    "lengthInMinutes": 30,
    "title": "personal",
    "slug": "personal",
    "minimumBookingNotice": 0,
    "users": [{"id": 142, "name": "Host42 Fake", "username": "host42"}],
    "bookingWindow": OFF,
    "requiresBookerEmailVerification": False,
    "bookingRequiresAuthentication": False,
    "bookerActiveBookingsLimit": OFF,
    **NONE,
}
TEAM = {"id": 2001, "ownerId": None, "teamId": 301, "team": {"id": 301}, "assignAllTeamMembers": False, **NONE}


def host(user_id: int, **more: Any) -> dict[str, Any]:
    """Return a host as Cal.com shows one."""
    return {"userId": user_id, "name": "A Fake", "username": f"host{user_id - 100}", "avatarUrl": None, **more}


ROUND_ROBIN = {
    **TEAM,
    "schedulingType": "roundRobin",
    "hosts": [host(number, mandatory=False, priority="medium") for number in (121, 122)],
}
COLLECTIVE = {**TEAM, "id": 2014, "schedulingType": "collective", "hosts": [host(140), host(141)]}
MANAGED = {**TEAM, "schedulingType": "managed", "hosts": [host(140)]}
SEATS = {"disabled": False, "seatsPerTimeSlot": 2, "showAttendeeInfo": True, "showAvailabilityCount": True}
ALWAYS = {"type": "always", "blockUnconfirmedBookingsInBooker": False}
THRESHOLD = {
    "type": "time",
    "noticeThreshold": {"unit": "hours", "count": 48},
    "blockUnconfirmedBookingsInBooker": False,
}
WEEKLY = {"disabled": False, "interval": 1, "occurrences": 8, "frequency": "weekly"}
STRIPE = {"apps": {"stripe": {"enabled": True, "price": 500, "currency": "eur"}}}


def read(data: object) -> EventTypeFacts | Reply:
    """Read an event type."""
    return read_event_type(whole(200, {"status": "success", "data": data}))


def facts(data: object) -> EventTypeFacts:
    """Read an event type that can be read."""
    result = read(data)
    assert isinstance(result, EventTypeFacts)
    return result


@pytest.mark.parametrize(
    ("shown_as", "traits", "kind"),
    [
        (PERSONAL, {}, EventKind.PLAIN),
        (COLLECTIVE, {}, EventKind.COLLECTIVE),
        (ROUND_ROBIN, {}, EventKind.ROUND_ROBIN),
        (PERSONAL, {"seats": SEATS}, EventKind.SEATS),
        (ROUND_ROBIN, {"seats": SEATS}, EventKind.ROUND_ROBIN_SEATS),
        (PERSONAL, {"confirmationPolicy": ALWAYS}, EventKind.CONFIRMATION),
        (PERSONAL, {"confirmationPolicy": THRESHOLD}, EventKind.CONFIRMATION),
        (COLLECTIVE, {"confirmationPolicy": ALWAYS}, EventKind.CONFIRMATION),
        (ROUND_ROBIN, {"recurrence": WEEKLY}, EventKind.ROUND_ROBIN_SERIES),
        (PERSONAL, {"bookerActiveBookingsLimit": {"maximumActiveBookings": 1}}, EventKind.PLAIN),
        (PERSONAL, {"bookingLimitsCount": {"day": 1}}, EventKind.PLAIN),
        (ROUND_ROBIN, {"confirmationPolicy": ALWAYS}, EventKind.OTHER),
        (ROUND_ROBIN, {"confirmationPolicy": THRESHOLD}, EventKind.OTHER),
        (PERSONAL, {"confirmationPolicy": ALWAYS, "seats": SEATS}, EventKind.OTHER),
        (PERSONAL, {"confirmationPolicy": ALWAYS, "recurrence": WEEKLY}, EventKind.OTHER),
        (ROUND_ROBIN, {"confirmationPolicy": ALWAYS, "recurrence": WEEKLY}, EventKind.OTHER),
        (ROUND_ROBIN, {"seats": SEATS, "recurrence": WEEKLY}, EventKind.OTHER),
        (PERSONAL, {"recurrence": WEEKLY}, EventKind.OTHER),
        (COLLECTIVE, {"recurrence": WEEKLY}, EventKind.OTHER),
        (COLLECTIVE, {"seats": SEATS}, EventKind.OTHER),
        (PERSONAL, {"price": 500}, EventKind.OTHER),
        (ROUND_ROBIN, {"price": 500}, EventKind.OTHER),
        (PERSONAL, {"metadata": STRIPE}, EventKind.OTHER),
        (PERSONAL, {"metadata": {"apps": {"stripe": {"enabled": False, "price": 500}}}}, EventKind.PLAIN),
        (MANAGED, {}, EventKind.OTHER),
        (ROUND_ROBIN, {"schedulingType": "lottery"}, EventKind.OTHER),
        (ROUND_ROBIN, {"schedulingType": None}, EventKind.OTHER),
    ],
)
def test_an_event_type_is_of_the_kind_that_a_second_post_meets(
    shown_as: dict[str, Any], traits: dict[str, Any], kind: EventKind
) -> None:
    """Row by row of the rule; what no row names is OTHER."""
    assert facts({**shown_as, **traits}).kind is kind


def test_what_a_booking_of_the_type_has_is_told() -> None:
    """Cal.com's number, how long it is, seats, and how many weeks a series must have."""
    seated = facts({**PERSONAL, "seats": SEATS})
    weekly = facts({**ROUND_ROBIN, "recurrence": WEEKLY})

    assert (seated.calcom_id, seated.length_minutes, seated.seats, seated.occurrences) == (2015, 30, True, None)
    assert (weekly.calcom_id, weekly.length_minutes, weekly.seats, weekly.occurrences) == (2001, None, False, 8)


@pytest.mark.parametrize(
    ("shown", "disabled"),
    [
        ({"disableRescheduling": {"disabled": True}}, True),
        ({"disableRescheduling": {"disabled": False, "minutesBefore": 60}}, False),
        ({"disableRescheduling": {"disabled": "yes"}}, None),
        ({"disableRescheduling": None}, None),
        ({}, None),
    ],
)
def test_whether_a_type_allows_no_rescheduling_is_told_or_not(shown: dict[str, Any], *, disabled: bool | None) -> None:
    """An older Cal.com does not show it, and what has another form says nothing: the type is read all the same."""
    assert facts({**PERSONAL, **shown}).rescheduling_disabled is disabled


@pytest.mark.parametrize("member", ["id", "ownerId", "recurrence", "price", "confirmationPolicy", "seats"])
def test_a_trait_that_is_not_told_is_not_taken_for_none(member: str) -> None:
    """Cal.com shows each of them of every type: without it the type would look plainer than it is."""
    result = read({name: value for name, value in PERSONAL.items() if name != member})

    assert isinstance(result, Reply)
    assert result.kind is ReplyKind.UNKNOWN


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("id", "2015"),
        ("ownerId", None),
        ("recurrence", []),
        ("recurrence", {"frequency": "weekly"}),
        ("price", None),
        ("price", "0"),
        ("price", False),
        ("confirmationPolicy", None),
        ("confirmationPolicy", {}),
        ("confirmationPolicy", {"disabled": False}),
        ("confirmationPolicy", {"type": "sometimes"}),
        ("seats", None),
        ("seats", {"disabled": False}),
        ("seats", {"disabled": False, "seatsPerTimeSlot": None}),
    ],
)
def test_a_trait_in_an_unknown_shape_is_not_guessed(member: str, value: object) -> None:
    """The kind stays unknown, which allows least."""
    assert isinstance(read({**PERSONAL, member: value}), Reply)


@pytest.mark.parametrize(
    ("shown_as", "personal", "owner"),
    [(PERSONAL, True, 142), (COLLECTIVE, False, None), (ROUND_ROBIN, False, None), (MANAGED, False, None)],
)
def test_only_a_personal_type_has_an_owner(shown_as: dict[str, Any], personal: bool, owner: int | None) -> None:  # noqa: FBT001
    """He organizes each of its bookings; a host may be locked, renamed, taken off or exchanged, and no answer tells."""
    assert (facts(shown_as).personal, facts(shown_as).owner_id) == (personal, owner)


def free_email(*groups: object, number: int = 2015) -> bool | Reply | None:
    """Read the column of event type 2015 as version 2024-04-15 shows it."""
    return read_free_email(whole(200, {"status": "success", "data": {"eventTypeGroups": list(groups)}}), number)


def group(*event_types: object) -> dict[str, object]:
    """Return a group of event types as version 2024-04-15 shows one, with people in it."""
    profile = {"slug": "team/201", "name": "A Fake", "image": "/avatar.svg"}
    return {"teamId": 201, "profile": profile, "metadata": {"membershipCount": 1}, "eventTypes": list(event_types)}


def column(value: object, number: int = 2015) -> dict[str, object]:
    """Return an event type as version 2024-04-15 shows one."""
    return {"id": number, "users": [{"name": "A Fake"}], "requiresConfirmationForFreeEmail": value}


@pytest.mark.parametrize("value", [True, False])
def test_the_column_that_no_newer_version_shows_is_read_by_number(value: bool) -> None:  # noqa: FBT001
    """Among the user's own, and those of each team."""
    others = [column(not value, number) for number in (2014, 2016)]

    assert free_email(group(*others), group(), group(column(value))) is value


@pytest.mark.parametrize(
    "groups",
    [
        [],
        [group()],
        [group(column(False, 2014))],
        [group({"id": 2015})],
        [group(column(None))],
        [group(column("false"))],
        [group(column(0))],
        [group(column(False), column(True))],
        [{"eventTypes": None}, None, "groups", {"eventTypes": {"2015": column(False)}}],
        [group(None, 2015)],
    ],
    ids=str,
)
def test_a_column_that_is_not_shown_is_not_told(groups: list[object]) -> None:
    """A type of another team, one without the boolean, another shape: the type may confirm."""
    assert free_email(*groups) is None


@pytest.mark.parametrize("data", [None, [], {"eventTypeGroups": {}}, [PERSONAL]])
def test_another_shape_tells_nothing_of_the_column(data: object) -> None:
    """Such as that of a newer version."""
    assert read_free_email(whole(200, {"status": "success", "data": data}), 2015) is None


def test_an_answer_that_is_too_large_tells_nothing_of_the_column() -> None:
    """Asked again it is no smaller; one that was cut short may be whole the next time."""
    large = Answer(200, {}, b"x" * OWN_TYPES_BODY, 0.1, truncated=True)
    cut = read_free_email(replace(large, body=b"x"), 2015)

    assert read_free_email(large, 2015) is None
    assert isinstance(cut, Reply)
    assert cut.kind is ReplyKind.UNKNOWN


def test_a_type_that_this_key_may_not_read_is_refused_with_404() -> None:
    """For one that was deleted Cal.com says the same."""
    result = read_event_type(refused(NO_TYPE))

    assert isinstance(result, Reply)
    assert (result.kind, result.http_status) == (ReplyKind.REFUSED, 404)


@pytest.mark.parametrize(
    ("answer", "reply_kind"),
    [
        (refused(NO_ROUTE), ReplyKind.CONFIGURATION),
        (refused((401, "UnauthorizedException", "CustomThrottlerGuard - Invalid API Key")), ReplyKind.CREDENTIALS),
        (whole(200, {"status": "success", "data": {"eventType": {"id": 2015}}}), ReplyKind.UNKNOWN),
        (Answer(200, {}, b"<html>", 0.1), ReplyKind.CONFIGURATION),
        (Answer(200, {}, json.dumps({"data": PERSONAL}).encode(), 0.1, truncated=True), ReplyKind.UNKNOWN),
        (NoAnswer(sent=True, error_type="timeout", message="", elapsed=1), ReplyKind.UNKNOWN),
    ],
    ids=["another API version", "a bad key", "an older shape", "a page", "cut", "no answer"],
)
def test_what_is_no_event_type_is_said_as_any_other_answer(answer: Answer | NoAnswer, reply_kind: ReplyKind) -> None:
    """A 404 of the wrong version is configuration, and not absence."""
    asked = [read_event_type(answer), read_me(answer)]
    if reply_kind is not ReplyKind.UNKNOWN or not isinstance(answer, Answer) or answer.truncated:
        asked.append(read_free_email(answer, 2015))
    for result in asked:
        assert isinstance(result, Reply)
        assert result.kind is reply_kind
    assert isinstance(read_event_types(answer, "personal"), Reply)


def test_a_users_type_is_found_by_its_name() -> None:
    """An array with the one type, all members as by number."""
    assert read_event_types(whole(200, {"status": "success", "data": [PERSONAL]}), "personal") == facts(PERSONAL)
    assert read_event_types(shown("[]"), "personal") is None


@pytest.mark.parametrize("data", [[PERSONAL, PERSONAL], [{**PERSONAL, "slug": "other"}], [None], [{}], PERSONAL])
def test_a_name_that_finds_something_else_finds_nothing(data: object) -> None:
    """Neither the wrong type nor "no such type"."""
    assert isinstance(read_event_types(whole(200, {"status": "success", "data": data}), "personal"), Reply)


def test_whose_our_key_is_is_told() -> None:
    """His address stays out of logs."""
    me = read_me(shown('{"id":121,"email":"host21@","name":"Host21 Fake","username":"host21","organizationId":null}'))

    assert me == Me(121, "host21@example.com")
    assert "@" not in repr(me)


@pytest.mark.parametrize(
    "short", ['{"id":"121","email":"host21@"}', '{"id":true,"email":"host21@"}', '{"id":121}', "[]"]
)
def test_a_user_who_is_not_told_is_not_guessed(short: str) -> None:
    """Sight would be built on it."""
    assert isinstance(read_me(shown(short)), Reply)
