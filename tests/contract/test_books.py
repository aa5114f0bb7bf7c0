"""What people do by order, and the books in which a judge reads what became of each reference."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

REF = {"bookingWorkerRef": "r1"}


def later(start: str, hours: int) -> str:
    """Move a start."""
    return (datetime.fromisoformat(start) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def book(simulator: Any, part: str, start: str, email: str = "ann@example.test") -> dict[str, Any]:
    """POST, and give the booking, of a series the first entry."""
    data: Any = simulator.book(part, start, email, metadata=REF).json()["data"]
    first: dict[str, Any] = data[0] if isinstance(data, list) else data
    return first


def do(simulator: Any, deed: str, uid: str, **more: Any) -> list[dict[str, Any]]:
    """Let a person do something."""
    rows: list[dict[str, Any]] = simulator.order("/_persons", {"do": deed, "uid": uid, **more})["bookings"]
    return rows


def lines(simulator: Any, reference: str = "r1") -> list[dict[str, Any]]:
    """Read the books."""
    found: list[dict[str, Any]] = simulator.order(f"/_books?reference={reference}", method="GET")["books"]
    return found


@pytest.mark.parametrize(
    ("part", "deed", "statuses"),
    [("confirm", "accept", ["pending", "accepted"]), ("confirm", "decline", ["pending", "rejected"]),
     ("plain", "cancel", ["accepted", "cancelled"]), ("seats", "cancel", ["accepted", "cancelled"]),
     ("plain", "correct", ["accepted"])],
)  # fmt: skip
def test_the_books_tell_each_status_and_since_when(
    simulator: Any, start: str, part: str, deed: str, statuses: list[str]
) -> None:
    """A line a booking or seat, with what it was and is, and when it was made and ended."""
    made = book(simulator, part, start)
    do(
        simulator,
        deed,
        made["uid"],
        **({"email": "ann@example.test", "new_email": "x@y.test"} if deed == "correct" else {}),
    )

    [line] = lines(simulator)

    moments = [since for since, _ in line["history"]]
    post = next(entry for entry in simulator.journal() if entry["reference"] == "r1")
    assert (line["uid"], line["status"], [status for _, status in line["history"]]) == (
        made["uid"],
        statuses[-1],
        statuses,
    )
    assert post["t0"] <= moments[0] <= post["t1"] <= moments[-1] or len(moments) == 1
    assert line["made"] <= (line["ended"] or line["made"])
    assert (line["ended"] is None) == (statuses[-1] in ("accepted", "pending"))


def test_the_books_have_a_line_a_seat(simulator: Any, start: str) -> None:
    """One seat is cancelled, the other lives; both are told, each under its reference."""
    first = book(simulator, "seats", start)
    other = simulator.book("seats", start, "bob@example.test", metadata={"bookingWorkerRef": "r2"}).json()["data"]
    do(simulator, "cancel", first["uid"], seat=first["seatUid"])

    [ours], [theirs] = lines(simulator), lines(simulator, "r2")

    assert (ours["seatUid"], ours["status"], theirs["seatUid"], theirs["status"]) == (
        first["seatUid"], "cancelled", other["seatUid"], "accepted",
    )  # fmt: skip
    assert ours["ended"] is not None
    rows = simulator.order("/_bookings", method="GET")["bookings"]
    assert [row["references"] for row in rows] == [["r2"]]


def test_the_books_have_a_line_a_week(simulator: Any, start: str) -> None:
    """Eight weeks under one recurringBookingUid; a deed by that uid is done to each of them."""
    uid = book(simulator, "weekly_confirm", start)["recurringBookingUid"]

    accepted = do(simulator, "accept", uid)

    assert [row["status"] for row in accepted] == ["accepted"] * 8
    weeks = lines(simulator)
    assert {line["recurringBookingUid"] for line in weeks} == {uid}
    assert [line["status"] for line in weeks] == ["accepted"] * 8


def test_a_move_is_told_on_both_sides(simulator: Any, start: str) -> None:
    """The old line names the new uid and the new one the old."""
    old = book(simulator, "round_robin", start)["uid"]

    [moved] = do(simulator, "move", old, start=later(start, 2))

    before, after = lines(simulator)
    assert (before["uid"], before["status"], before["movedTo"]) == (old, "cancelled", moved["uid"])
    assert (after["uid"], after["status"], after["movedFrom"]) == (moved["uid"], "accepted", old)


def test_reassigning_gives_another_organizer(simulator: Any, start: str) -> None:
    """His calendar is busy then, and the former host's is free."""
    made = book(simulator, "round_robin", start)
    other = {"host4": "host5", "host5": "host4"}[made["hosts"][0]["username"]]

    do(simulator, "reassign", made["uid"], host=other)

    assert lines(simulator)[0]["organizer"] == other
    busy = {"host4": "busy_rr", "host5": "busy_rr_other"}
    assert simulator.short(simulator.book(busy[other], start)) == "TAKEN-USER"
    assert simulator.short(simulator.book(busy[made["hosts"][0]["username"]], start)) == "accepted"


@pytest.mark.parametrize(
    ("deed", "complaint"),
    [({"do": "sing", "uid": "x"}, "a deed has do"), ({"do": "accept", "uid": "x"}, "no booking has the uid x"),
     ({"do": "accept"}, "no booking has the uid None"), ([], "a deed has do")],
)  # fmt: skip
def test_a_wrong_deed_is_refused_with_the_reason(simulator: Any, deed: Any, complaint: str) -> None:
    """400 and a sentence."""
    answer = requests.post(f"{simulator.control}/_persons", json=deed, timeout=5)

    assert answer.status_code == 400
    assert complaint in answer.json()["error"]


def test_event_types_are_changed_and_deleted_by_order(simulator: Any, start: str) -> None:
    """PATCH leaves what it does not name; DELETE leaves the bookings."""
    simulator.order("/_event_types", {"id": 104, "hosts": ["host5"]}, method="PATCH")
    made = book(simulator, "round_robin", start)

    simulator.order("/_event_types?id=104", method="DELETE")

    assert made["hosts"][0]["username"] == "host5"
    assert simulator.short(simulator.book("round_robin", start)) == "404 Event type with id 104 not found."
    assert lines(simulator)[0]["status"] == "accepted"
    unknown = requests.patch(f"{simulator.control}/_event_types", json={"id": 104}, timeout=5)
    assert (unknown.status_code, unknown.json()["error"]) == (400, "id must be one of an event type that there is")
