"""Two changes of one uid at once, and changes behind a replica that lags: what no real server can be ordered to do."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

ANY = {"path": "/v2/bookings/*"}
CANCEL = {"cancellationReason": "test"}


def later(start: str, hours: float) -> str:
    """Give a start some hours later."""
    return (datetime.fromisoformat(start) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def booked(simulator: Any, part: str, start: str) -> str:
    """Book, with our reference."""
    return str(simulator.book(part, start, metadata={"bookingWorkerRef": "r1"}).json()["data"]["uid"])


def move(simulator: Any, uid: str, start: str, **more: Any) -> Any:
    """Reschedule."""
    return simulator.call("POST", f"/v2/bookings/{uid}/reschedule", json={"start": start}, **more)


def cancel(simulator: Any, uid: str) -> Any:
    """Cancel."""
    return simulator.call("POST", f"/v2/bookings/{uid}/cancel", json=CANCEL)


def lives(simulator: Any) -> list[str]:
    """Give the starts of what lives with our reference, as the primary has it."""
    rows = simulator.order("/_bookings?reference=r1", method="GET")["bookings"]
    return sorted(row["start"] for row in rows if row["status"] in ("accepted", "pending"))


def message(answer: Any) -> str:
    """Give the words of a refusal."""
    body = answer.json()
    return str(body["message"] if "message" in body else body["error"]["message"])


def test_a_cancel_that_overtakes_a_reschedule_ends_the_old_uid_alone(simulator: Any, start: str) -> None:
    """200 "cancelled", without rescheduledToUid, and the booking lives on under its new uid (9 of 11)."""
    uid = booked(simulator, "plain", start)
    hold = simulator.hold("insert", match={"path": f"/v2/bookings/{uid}/cancel"})
    with ThreadPoolExecutor(1) as pool:
        overtakes = pool.submit(cancel, simulator, uid)
        assert simulator.until(lambda: simulator.held() == 1)
        assert move(simulator, uid, later(start, 1)).status_code == 201
        simulator.release(hold)
        answer = overtakes.result()

    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "cancelled")
    assert "rescheduledToUid" not in answer.json()["data"]
    assert lives(simulator) == [later(start, 1)]


def test_a_cancel_that_comes_first_ends_a_reschedule(simulator: Any, start: str) -> None:
    """400 B "cancelled_bookings_cannot_be_rescheduled", where it is written."""
    uid = booked(simulator, "plain", start)
    hold = simulator.hold("insert", match={"path": f"/v2/bookings/{uid}/reschedule"})
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(move, simulator, uid, later(start, 1))
        assert simulator.until(lambda: simulator.held() == 1)
        assert cancel(simulator, uid).status_code == 200
        simulator.release(hold)
        answer = late.result()

    assert (answer.status_code, message(answer)) == (400, "cancelled_bookings_cannot_be_rescheduled")
    assert lives(simulator) == []


@pytest.mark.parametrize(
    ("part", "step", "headers", "codes", "count"),
    [
        ("plain", "insert", {}, [201, 400], 1),
        ("round_robin", "availability", {}, [201, 201], 2),
        ("confirm", "insert", {"Authorization": None}, [201, 201], 2),
    ],
)
def test_two_to_the_same_start_at_once(
    simulator: Any, start: str, part: str, step: str, headers: dict[str, None], codes: list[int], count: int
) -> None:
    """Plain: one, and 400 B; round robin, when the second has looked before the first has written: two."""
    uid = booked(simulator, part, start)
    first = simulator.hold(step, match=ANY)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(move, simulator, uid, later(start, 1), headers=headers)
        assert simulator.until(lambda: simulator.held() == 1)
        quick = move(simulator, uid, later(start, 1), headers=headers)
        simulator.release(first)
        assert sorted([slow.result().status_code, quick.status_code]) == codes

    assert lives(simulator) == [later(start, 1)] * count


def test_two_cancels_at_once_are_both_done(simulator: Any, start: str) -> None:
    """Both 200, one cancelled booking."""
    uid = booked(simulator, "plain", start)
    hold = simulator.hold("insert", count=2, match=ANY)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(cancel, simulator, uid) for _ in range(2)]
        assert simulator.until(lambda: simulator.held() == 2)
        simulator.release(hold)
        assert [each.result().status_code for each in both] == [200, 200]
    assert lives(simulator) == []


# -- behind a replica --------------------------------------------------------------------------------------------------


def stop(simulator: Any) -> None:
    """Have the replica show nothing of what is written from now on, and the POSTs read from it."""
    simulator.order("/_settings", {"replica_until": time.monotonic(), "lag_breaks_posts": True})


def test_a_cancel_shows_it_alive(simulator: Any, start: str) -> None:
    """200 "accepted", a GET as well; again: 400 B by the primary, and once the replica has caught up 400 A."""
    uid = booked(simulator, "plain", start)
    stop(simulator)

    answer, again = cancel(simulator, uid), cancel(simulator, uid)

    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "accepted")
    assert simulator.call("GET", f"/v2/bookings/{uid}").json()["data"]["status"] == "accepted"
    assert (again.status_code, message(again)) == (400, "This booking has already been cancelled.")
    assert lives(simulator) == []
    simulator.order("/_settings", {"replica_until": 0})
    assert "has been cancelled already" in message(cancel(simulator, uid))


def test_a_booking_that_the_replica_has_not_got_is_not_found(simulator: Any, start: str) -> None:
    """404 A to a cancel, and to a reschedule."""
    stop(simulator)
    simulator.order("/_settings", {"lag_breaks_posts": False})
    uid = booked(simulator, "plain", start)
    simulator.order("/_settings", {"lag_breaks_posts": True})

    assert message(cancel(simulator, uid)) == f"Booking with uid={uid} not found"
    assert message(move(simulator, uid, later(start, 1))) == f"Booking with uid={uid} was not found in the database"


@pytest.mark.parametrize(("part", "again"), [("plain", 400), ("round_robin", 500), ("collective", 400)])
def test_a_reschedule_is_a_500_after_its_commit(simulator: Any, start: str, part: str, again: int) -> None:
    """60 of 60; the same start again never doubles (0 of 45), another start does (4 of 4)."""
    uid = booked(simulator, part, start)
    stop(simulator)

    codes = [move(simulator, uid, later(start, 1)).status_code for _ in range(2)]

    assert codes == [500, again]
    assert lives(simulator) == [later(start, 1)]
    assert move(simulator, uid, later(start, 2)).status_code == 500
    assert lives(simulator) == [later(start, 1), later(start, 2)]


def test_a_cancelled_seat_is_still_shown(simulator: Any, start: str) -> None:
    """200 with the seat, by-seat as well; again: 200."""
    seat = simulator.book("seats", start, metadata={"bookingWorkerRef": "r1"}).json()["data"]
    simulator.book("seats", start, "bob@example.test")
    stop(simulator)

    for _ in range(2):
        answer = simulator.call(
            "POST", f"/v2/bookings/{seat['uid']}/cancel", json={**CANCEL, "seatUid": seat["seatUid"]}
        )
        shown = [one["seatUid"] for one in answer.json()["data"]["attendees"]]
        assert (answer.status_code, seat["seatUid"] in shown) == (200, True)
    simulator.order("/_settings", {"replica_until": 0})
    assert simulator.call("GET", f"/v2/bookings/by-seat/{seat['seatUid']}").status_code == 404


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deed", ["cancel", "reschedule"])
def test_a_fault_of_an_event_type_meets_its_changes(simulator: Any, start: str, deed: str) -> None:
    """Done, and then a 502; changes of other types are answered."""
    uids = {part: booked(simulator, part, start) for part in ("plain", "round_robin")}
    match = {"event_type_id": simulator.parts["plain"], "method": "POST"}
    simulator.order("/_faults", {"kind": "commit_then_status", "status": 502, "match": match})
    body = CANCEL if deed == "cancel" else {"start": later(start, 1)}

    codes = {
        part: simulator.call("POST", f"/v2/bookings/{uid}/{deed}", json=body).status_code for part, uid in uids.items()
    }

    assert codes == {"plain": 502, "round_robin": 200 if deed == "cancel" else 201}
    assert simulator.call("GET", f"/v2/bookings/{uids['plain']}").json()["data"]["status"] == "cancelled"
