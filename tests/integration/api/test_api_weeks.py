"""Weeks of a series are cancelled over HTTP: which ones are meant is said, stored and told again."""

from typing import Any

import pytest

from tests.integration.api.test_api_changes import booked, cancel, changes, move
from tests.support.api.served import Api, Caller

WEEK, NEXT = "2030-03-12T10:00:00+01:00", "2030-03-19T09:00:00Z"
SPOKEN = "Tuesday, 12 March at 10:00"


def series(api: Api, caller: Caller) -> int:
    """Return a series that Cal.com has."""
    number = booked(api, caller)
    api.sql("UPDATE appointments SET series_uid = :uid WHERE id = :id", id=number, uid=f"series-{number}")
    return number


@pytest.mark.parametrize(
    ("scope", "which", "said"),
    [
        ("one", f"the appointment of {SPOKEN}", f"The appointment of {SPOKEN} is cancelled."),
        ("following", f"the appointments from {SPOKEN} on", f"The appointments from {SPOKEN} on are cancelled."),
    ],
    ids=["one", "following"],
)
def test_weeks_are_cancelled_and_told(api: Api, scope: str, which: str, said: str) -> None:
    """202 and a place; once it is done, its sentence names the week, and the booking is confirmed as before."""
    caller = api.key()
    number = series(api, caller)

    answer = cancel(caller, number, scope=scope, week=WEEK)

    told = answer.json()
    assert (answer.status_code, told["scope"], told["week"], told["start"]) == (
        202,
        scope,
        "2030-03-12T09:00:00Z",
        None,
    )
    assert told["say"] == f"I have noted that you cancel {which}; we will confirm it."
    assert caller.get(f"/v1/bookings/{number}").json()["change"] == told
    api.sql("UPDATE booking_changes SET status = 'done' WHERE id = :id", id=told["id"])
    done = caller.get(answer.headers["Location"]).json()
    assert (done["status"], done["say"]) == ("done", said)
    assert caller.get(f"/v1/bookings/{number}").json()["status"] == "confirmed"


def test_all_is_what_is_cancelled_without_a_scope(api: Api) -> None:
    """Also of what is no series."""
    caller = api.key()
    one, two = series(api, caller), booked(api, caller)

    told = [cancel(caller, number, scope="all").json() for number in (one, two)]

    assert [(one["scope"], one["week"]) for one in told] == [(None, None)] * 2
    assert cancel(caller, one).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scope": "one"}, "week"),
        ({"week": WEEK}, "week"),
        ({"scope": "all", "week": WEEK}, "week"),
        ({"scope": "some", "week": WEEK}, "scope"),
        ({"scope": "one", "week": "2030-03-12T10:00:00"}, "week"),
        ({"scope": "one", "week": "2020-03-12T10:00:00Z"}, "week"),
    ],
)
def test_what_does_not_fit_is_422(api: Api, body: dict[str, Any], field: str) -> None:
    """With its field, and nothing is stored."""
    caller = api.key()
    number = series(api, caller)

    answer = cancel(caller, number, **body)

    assert (answer.status_code, answer.json().get("type")) == (422, "/problems/invalid")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert changes(api, number) == 0


def test_weeks_of_what_has_none_are_refused(api: Api) -> None:
    """A booking that is no series, one that Cal.com does not have yet, and one that is being cancelled."""
    caller = api.key()
    plain, early, going = booked(api, caller), caller.booked(), series(api, caller)
    cancel(caller, going)

    answers = [cancel(caller, number, scope="one", week=WEEK) for number in (plain, early, going)]

    told = [(one.status_code, one.json().get("type", "").rpartition("/")[2]) for one in answers]
    assert told == [(422, "invalid"), (409, "not-booked-yet"), (409, "being-cancelled")]
    assert answers[0].json()["errors"] == [{"field": "scope", "message": "the booking is no series"}]


def test_a_key_stands_for_its_week(api: Api) -> None:
    """The same again is 200, another week 422; without a key another week is another change."""
    caller = api.key()
    number = series(api, caller)

    answers = [cancel(caller, number, key="c-1", scope="one", week=week).status_code for week in (WEEK, WEEK, NEXT)] + [
        cancel(caller, number, scope="one", week=week).status_code for week in (WEEK, NEXT)
    ]

    assert answers == [202, 200, 422, 200, 202]
    assert changes(api, number) == 2


def test_a_series_whose_week_is_being_cancelled_is_still_no_booking_to_be_moved(api: Api) -> None:
    """409, for what it is."""
    caller = api.key()
    number = series(api, caller)
    cancel(caller, number, scope="one", week=WEEK)

    assert move(caller, number).json()["type"] == "/problems/series"
