"""A series is cancelled week by week, from a week on, or by its own uid while its first row lives."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

REASON = {"cancellationReason": "test"}


def later(start: str, hours: float) -> str:
    """Give a start some hours later."""
    return (datetime.fromisoformat(start) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def series(calcom: Any, start: str) -> tuple[str, list[str]]:
    """Book a series; give its uid, and those of its weeks."""
    weeks = calcom.book("weekly", start).json()["data"]
    return weeks[0]["recurringBookingUid"], [week["uid"] for week in weeks]


def cancel(calcom: Any, uid: str, **more: Any) -> Any:
    """Cancel."""
    return calcom.call("POST", f"/v2/bookings/{uid}/cancel", json={**REASON, **more})


def lives(calcom: Any, uid: str) -> list[str]:
    """Give the uids of the weeks that live, by start."""
    weeks = calcom.call("GET", f"/v2/bookings/{uid}").json()["data"]
    return [week["uid"] for week in weeks if week["status"] in ("accepted", "pending")]


def message(answer: Any) -> str:
    """Give the words of a refusal."""
    body = answer.json()
    return str(body["message"] if "message" in body else body["error"]["message"])


@pytest.mark.needs("weekly")
def test_from_a_week_on_all_that_follow_are_cancelled(calcom: Any, start: str) -> None:
    """Those before it stay, those that are cancelled do not matter; the answer shows all weeks; again: 400."""
    uid, weeks = series(calcom, start)
    cancel(calcom, weeks[1])

    answer = cancel(calcom, weeks[2], cancelSubsequentBookings=True)

    assert (answer.status_code, len(answer.json()["data"])) == (200, len(weeks))
    assert lives(calcom, uid) == weeks[:1]
    assert "has been cancelled already" in message(cancel(calcom, weeks[2], cancelSubsequentBookings=True))


@pytest.mark.needs("weekly")
def test_once_week_one_was_moved_the_series_uid_ends_all_or_nothing(calcom: Any, start: str) -> None:
    """200 and every week cancelled, the moved one too (2 of 3), or 400 "cancelled already", and all live (1 of 3)."""
    uid, weeks = series(calcom, start)
    moved = calcom.call("POST", f"/v2/bookings/{weeks[0]}/reschedule", json={"start": later(start, 30)}).json()["data"]

    answer = cancel(calcom, uid)

    if answer.status_code == 400:
        assert "has been cancelled already" in message(answer)
        assert lives(calcom, uid) == [moved["uid"], *weeks[1:]]
    assert answer.status_code in (200, 400)
    cancel(calcom, moved["uid"], cancelSubsequentBookings=True)
    assert lives(calcom, uid) == []


@pytest.mark.parametrize(("share", "status"), [(0, 400), (1, 200)])
def test_which_row_of_a_series_is_asked_is_the_databases_choice(
    simulator: Any, start: str, share: float, status: int
) -> None:
    """Cal.com asks for any row of the series, in no order."""
    simulator.order("/_settings", {"series_finds_living": share})
    uid, weeks = series(simulator, start)
    moved = simulator.call("POST", f"/v2/bookings/{weeks[0]}/reschedule", json={"start": later(start, 30)})

    assert cancel(simulator, uid).status_code == status
    left = [moved.json()["data"]["uid"], *weeks[1:]] if status == 400 else []
    assert lives(simulator, uid) == left


@pytest.mark.needs("weekly", "plain")
def test_by_its_own_uid_a_whole_series_ends(calcom: Any, start: str) -> None:
    """Also after a later week was moved; not with cancelSubsequentBookings, and it is never moved."""
    uid, weeks = series(calcom, start)
    calcom.call("POST", f"/v2/bookings/{weeks[2]}/reschedule", json={"start": later(start, 30)})

    refused = cancel(calcom, uid, cancelSubsequentBookings=True)
    moved = calcom.call("POST", f"/v2/bookings/{uid}/reschedule", json={"start": later(start, 2)})

    assert (refused.status_code, "you have to provide uid of one of the individual" in message(refused)) == (400, True)
    assert (moved.status_code, message(moved)) == (404, f"Booking with uid={uid} was not found in the database")
    assert cancel(calcom, uid).status_code == 200
    assert lives(calcom, uid) == []


def test_subsequent_bookings_of_a_plain_one_are_refused_though_it_is_done(calcom: Any, start: str) -> None:
    """400 A, and it is cancelled."""
    uid = calcom.book("plain", start).json()["data"]["uid"]

    answer = cancel(calcom, uid, cancelSubsequentBookings=True)

    assert (answer.status_code, message(answer)) == (
        400,
        f"Booking with bookingUid={uid} is not part of a recurring booking.",
    )
    assert calcom.call("GET", f"/v2/bookings/{uid}").json()["data"]["status"] == "cancelled"


@pytest.mark.parametrize(("deed", "status"), [("confirm", "accepted"), ("decline", "rejected")])
def test_a_host_answers_for_all_weeks(simulator: Any, start: str, deed: str, status: str) -> None:
    """By any week of a series that waits for him."""
    weeks = simulator.book("weekly_confirm", start).json()["data"]
    simulator.call("POST", f"/v2/bookings/{weeks[1]['uid']}/{deed}")

    shown = simulator.call("GET", f"/v2/bookings/{weeks[0]['recurringBookingUid']}").json()["data"]
    assert {week["status"] for week in shown} == {status}
