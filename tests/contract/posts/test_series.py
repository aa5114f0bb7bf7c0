"""Recurring types: booked week after week, each week refused or given back on its own."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

REF = {"bookingWorkerRef": "r1"}
WEEKS = 8
BERLIN = ZoneInfo("Europe/Berlin")  # of all attendees of the contract


def after(start: str, weeks: int) -> str:
    """Move a start by weeks, to the same hour where the attendee is."""
    local = datetime.fromisoformat(start).astimezone(BERLIN) + timedelta(weeks=weeks)
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def series(calcom: Any, part: str, start: str, email: str) -> list[dict[str, Any]]:
    """POST, and give the entries of the answer."""
    answer = calcom.book(part, start, email, metadata=REF)
    assert answer.status_code == 201, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def living(calcom: Any, part: str, email: str) -> list[dict[str, Any]]:
    """List what lives of a part's type and an address, by start."""
    rows = calcom.listed(eventTypeId=calcom.parts[part], attendeeEmail=email, take=100)
    return sorted((row for row in rows if row["status"] in ("accepted", "pending")), key=lambda row: str(row["start"]))


def soon() -> str:
    """Give a start a few days ahead, at a time of its own."""
    now = datetime.now(UTC)
    return (now + timedelta(days=6)).strftime("%Y-%m-%dT") + f"{now.minute % 20:02d}:{now.second:02d}:00Z"


@pytest.mark.needs("weekly", "coll_weekly")
@pytest.mark.parametrize(("part", "again"), [("weekly", "TAKEN-USER"), ("coll_weekly", "TAKEN-HOSTS")])
def test_a_series_is_answered_week_by_week_and_then_taken(
    calcom: Any, start: str, email: str, part: str, again: str
) -> None:
    """201, list of 8, week 1 first, one `recurringBookingUid`; again: 400 TAKEN-USER (5 of 5), -HOSTS (3 of 3)."""
    entries = series(calcom, part, start, email)

    assert [entry["start"][:19] for entry in entries] == [after(start, week)[:19] for week in range(WEEKS)]
    assert len({entry["recurringBookingUid"] for entry in entries}) == 1
    assert all(entry["metadata"] == REF for entry in entries)
    assert calcom.short(calcom.book(part, start, email, metadata=REF)) == again


@pytest.mark.needs("rr_weekly")
def test_a_round_robin_series_leaves_its_first_week_out_and_is_given_back(calcom: Any, start: str, email: str) -> None:
    """201, list of 7, first entry is week 2, 8 in the database, one host; again: 201, 7 of 7 uids the same (5 of 5)."""
    entries = series(calcom, "rr_weekly", start, email)
    again = series(calcom, "rr_weekly", start, email)

    whole = calcom.call("GET", f"/v2/bookings/{entries[0]['recurringBookingUid']}").json()["data"]
    assert [entry["start"][:19] for entry in entries] == [after(start, week)[:19] for week in range(1, WEEKS)]
    assert [entry["uid"] for entry in again] == [entry["uid"] for entry in entries]
    assert [one["start"][:19] for one in whole] == [after(start, week)[:19] for week in range(WEEKS)]
    assert len({one["hosts"][0]["id"] for one in whole}) == 1


@pytest.mark.needs("weekly")
def test_a_series_keeps_its_hour_across_a_change_of_clocks(calcom: Any, start: str, email: str) -> None:
    """Summer time begins between 24 and 31 March: from week 2 on an hour earlier in UTC, the same hour in Berlin."""
    march = f"{start[:4]}-03-24T1{random.randrange(10)}:{random.randrange(60):02d}:00Z"  # noqa: S311 - apart

    weeks = [datetime.fromisoformat(entry["start"]) for entry in series(calcom, "weekly", march, email)]

    first = datetime.fromisoformat(march)
    assert weeks == [first, *(first + timedelta(weeks=week, hours=-1) for week in range(1, WEEKS))]
    assert len({week.astimezone(BERLIN).time() for week in weeks}) == 1


def test_the_second_of_two_equal_hours_is_booked_as_it_was_asked_for(calcom: Any, email: str) -> None:
    """Summer time ends on 27 October 2030: 2:30 comes twice in Berlin, and the instant says which is meant."""
    second = f"2030-10-27T01:{random.randrange(60):02d}:00Z"  # noqa: S311 - apart

    answer = calcom.book("plain", second, email, metadata=REF)

    assert answer.status_code == 201, answer.text
    assert answer.json()["data"]["start"] == second.replace("Z", ".000Z")


@pytest.mark.needs("weekly")
def test_a_series_is_read_by_its_own_uid(calcom: Any, start: str, email: str) -> None:
    """`GET /v2/bookings/<recurringBookingUid>` without a key: an array by start; a cancelled week stays in it.

    By the uid of one week: an object with `recurringBookingUid`.
    """
    entries = series(calcom, "weekly", start, email)
    calcom.call("POST", f"/v2/bookings/{entries[2]['uid']}/cancel", json={"cancellationReason": "test"})

    def read(uid: str) -> Any:
        return calcom.call("GET", f"/v2/bookings/{uid}", headers={"Authorization": None}).json()["data"]

    whole, one = read(entries[0]["recurringBookingUid"]), read(entries[1]["uid"])
    assert [week["uid"] for week in whole] == [entry["uid"] for entry in entries]
    assert [week["status"] for week in whole] == ["accepted"] * 2 + ["cancelled"] + ["accepted"] * 5
    assert one["recurringBookingUid"] == entries[0]["recurringBookingUid"]


@pytest.mark.needs("weekly_window", "rr_weekly_window")
@pytest.mark.parametrize(("part", "again"), [("weekly_window", "TAKEN-USER"), ("rr_weekly_window", "BOUNDS")])
def test_a_series_beyond_the_window_leaves_the_weeks_before_it_booked(
    calcom: Any, email: str, part: str, again: str
) -> None:
    """Weekly x 8, 30 days ahead: 400 BOUNDS, 4 weeks booked; again TAKEN-USER, round robin BOUNDS, 4 weeks (5 of 5)."""
    start = soon()

    answers = [calcom.short(calcom.book(part, start, email, metadata=REF)) for _ in range(2)]

    assert answers == ["BOUNDS", again]
    assert [one["start"][:19] for one in living(calcom, part, email)] == [after(start, week)[:19] for week in range(4)]


@pytest.mark.needs("weekly_day_limit")
def test_a_series_that_meets_a_limit_leaves_the_weeks_before_it_booked(calcom: Any, start: str, email: str) -> None:
    """One a day, the day of week 5 is used up: 401 LIMIT, 4 weeks booked; again the same, 4 weeks (5 of 5)."""
    fifth = f"{after(start, 4)[:10]}T20:00:00Z"
    calcom.book("weekly_day_limit", fifth, f"b{email}", recurrenceCount=1)

    answers = [calcom.short(calcom.book("weekly_day_limit", start, email, metadata=REF)) for _ in range(2)]

    assert answers == ["LIMIT", "LIMIT"]
    assert len(living(calcom, "weekly_day_limit", email)) == 4


@pytest.mark.needs("weekly_active_limit")
def test_a_series_that_meets_a_maximum_leaves_the_weeks_before_it_booked(calcom: Any, start: str, email: str) -> None:
    """At most 3 active bookings: 400 MAX, 3 weeks booked; again the same, 3 weeks (5 of 5)."""
    answers = [calcom.short(calcom.book("weekly_active_limit", start, email, metadata=REF)) for _ in range(2)]

    assert answers == ["MAX", "MAX"]
    assert len(living(calcom, "weekly_active_limit", email)) == 3


@pytest.mark.needs("weekly")
def test_a_series_whose_first_week_was_cancelled_is_half_made_again(calcom: Any, start: str, email: str) -> None:
    """400 DB, 8 live at 8 times, 2 series (3 of 3): only week 1 is asked for, the others meet the unique index."""
    entries = series(calcom, "weekly", start, email)
    calcom.call("POST", f"/v2/bookings/{entries[0]['uid']}/cancel", json={"cancellationReason": "test"})

    assert calcom.short(calcom.book("weekly", start, email, metadata=REF)) == "DB"
    left = living(calcom, "weekly", email)
    assert len({one["start"] for one in left}) == len(left) == WEEKS
    assert len({one["recurringBookingUid"] for one in left}) == 2


@pytest.mark.needs("rr_weekly")
def test_a_round_robin_series_is_mended_by_the_identical_post(calcom: Any, start: str, email: str) -> None:
    """Week 3 of ours was cancelled -> 201, list of 7, 8 live at 8 times, 2 series (3 of 3)."""
    entries = series(calcom, "rr_weekly", start, email)
    calcom.call("POST", f"/v2/bookings/{entries[1]['uid']}/cancel", json={"cancellationReason": "test"})

    assert len(series(calcom, "rr_weekly", start, email)) == 7
    left = living(calcom, "rr_weekly", email)
    assert len({one["start"] for one in left}) == len(left) == WEEKS
    assert len({one["recurringBookingUid"] for one in left}) == 2


@pytest.mark.needs("weekly_confirm")
def test_a_series_that_must_be_confirmed_is_given_back_while_it_is_pending(calcom: Any, start: str, email: str) -> None:
    """201, list of 8, week 1 first, all pending; again: 201, the same eight uids (3 of 3)."""
    entries, again = series(calcom, "weekly_confirm", start, email), series(calcom, "weekly_confirm", start, email)

    assert [entry["status"] for entry in entries] == ["pending"] * WEEKS
    assert [entry["uid"] for entry in again] == [entry["uid"] for entry in entries]


def test_a_series_that_was_accepted_is_made_again(simulator: Any, start: str, email: str) -> None:
    """Recurring x confirmation: 16, then 24 bookings for 8 weeks."""
    counts = []
    for _ in range(3):
        uid = series(simulator, "weekly_confirm", start, email)[0]["recurringBookingUid"]
        simulator.order("/_persons", {"do": "accept", "uid": uid})
        counts.append(len(living(simulator, "weekly_confirm", email)))

    assert counts == [8, 16, 24]


def test_a_series_may_be_cut_in_the_middle(simulator: Any, start: str, email: str) -> None:
    """Node killed between two inserts: some of its weeks only; again: 400 TAKEN-USER (5 of 5), round robin 201 of 7."""
    cuts = {}
    for part in ("weekly", "rr_weekly"):
        simulator.order("/_faults", {"kind": "kill", "step": "insert", "week": 4, "count": 1})
        with pytest.raises(OSError, match="reset"):
            series(simulator, part, start, email)
        cuts[part] = len(living(simulator, part, email))

    assert cuts == {"weekly": 3, "rr_weekly": 3}
    assert simulator.short(simulator.book("weekly", start, email, metadata=REF)) == "TAKEN-USER"
    assert len(series(simulator, "rr_weekly", start, email)) == 7
    assert len(living(simulator, "rr_weekly", email)) == WEEKS


def test_a_round_robin_series_is_there_or_taken_when_all_hosts_are_busy(simulator: Any, start: str, email: str) -> None:
    """All hosts busy in week 1: ours exists -> 201, the same uids; ours does not exist -> 400 TAKEN-HOSTS (5 of 5)."""
    entries = series(simulator, "rr_weekly", start, email)
    for number, host in ((901, "host39"), (902, "host40")):
        simulator.order("/_event_types", {"id": number, "hosts": [host]})
        simulator.parts[host] = number
        simulator.book(host, start, "busy@example.test")

    again = series(simulator, "rr_weekly", start, email)

    assert [entry["uid"] for entry in again] == [entry["uid"] for entry in entries]
    assert simulator.short(simulator.book("rr_weekly", start, f"b{email}")) == "TAKEN-HOSTS"
