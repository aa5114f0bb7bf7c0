"""The simulator's faults: each does what its name says, to the calls it is ordered for, and the journal says so."""

from __future__ import annotations

import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

REFERENCE = {"bookingWorkerRef": "ref-1"}


def last(simulator: Any) -> dict[str, Any]:
    """Give the newest entry of the journal."""
    entry: dict[str, Any] = simulator.journal()[-1]
    return entry


def booked(simulator: Any) -> list[str]:
    """Give the references that the primary holds."""
    rows = simulator.order("/_bookings", method="GET")["bookings"]
    return [reference for row in rows for reference in row["references"]]


@pytest.mark.parametrize("kind", ["reset", "commit_then_reset"])
def test_a_reset_breaks_the_connection_and_only_commit_books(simulator: Any, start: str, kind: str) -> None:
    """The client sees a reset either way; the primary knows whether it was booked."""
    simulator.order("/_faults", {"kind": kind, "count": 1})

    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        simulator.book("plain", start, metadata=REFERENCE)

    assert booked(simulator) == (["ref-1"] if kind == "commit_then_reset" else [])
    assert (last(simulator)["fault"], last(simulator)["status"]) == (kind, None)


def test_a_reset_before_the_body_is_read_ends_an_upload(simulator: Any) -> None:
    """`when: headers` resets while the client has not sent its body."""
    simulator.order("/_faults", {"kind": "reset", "when": "headers", "count": 1})
    address = simulator.url.removeprefix("http://").split(":")

    with socket.create_connection((address[0], int(address[1])), timeout=60) as client:
        client.sendall(b"POST /v2/bookings HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


@pytest.mark.parametrize("kind", ["hang", "commit_then_hang"])
def test_a_hang_says_nothing_and_only_commit_books(simulator: Any, start: str, kind: str) -> None:
    """The client runs into its time-out; the primary knows whether it was booked."""
    simulator.order("/_faults", {"kind": kind, "count": 1})

    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{simulator.url}/v2/bookings", json=body(simulator, start), headers=headers(simulator), timeout=0.2
        )

    assert simulator.until(lambda: [entry["fault"] for entry in simulator.journal()] == [kind])
    assert simulator.until(lambda: booked(simulator) == (["ref-1"] if kind == "commit_then_hang" else []))


def body(simulator: Any, start: str) -> dict[str, Any]:
    """Make a body for a client of one's own."""
    attendee = {"name": "Ann Fake", "timeZone": "UTC", "email": "ann@example.test"}
    return {"eventTypeId": simulator.parts["plain"], "start": start, "attendee": attendee, "metadata": REFERENCE}


def headers(simulator: Any) -> dict[str, str]:
    """Make its headers."""
    return {"cal-api-version": "2024-08-13", "Authorization": f"Bearer {simulator.key}"}


def test_what_the_client_has_given_up_is_booked_all_the_same(simulator: Any, start: str) -> None:
    """Row 5 of docs/calcom.md: a time-out before the booking is written does not stop it."""
    hold = simulator.hold("insert")

    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{simulator.url}/v2/bookings", json=body(simulator, start), headers=headers(simulator), timeout=0.1
        )

    assert simulator.until(lambda: simulator.held() == 1)
    assert booked(simulator) == []
    simulator.release(hold)
    assert simulator.until(lambda: booked(simulator) == ["ref-1"])


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_drip_defeats_a_read_timeout(simulator: Any, start: str, part: str) -> None:
    """Bytes keep coming, each within the read time-out, so that only a total deadline ends the call."""
    simulator.order("/_faults", {"kind": "drip", "part": part, "gap": 0.001, "count": 1})

    began = time.monotonic()
    answer = simulator.call("POST", "/v2/bookings", json=body(simulator, start))

    assert answer.status_code == 201
    assert time.monotonic() - began > 0.1


@pytest.mark.parametrize(
    ("name", "status", "start_of_body"),
    [
        ("database", 400, '{"statusCode":400,"message":"An error occurred while querying the database."}'),
        ("internal", 500, '{"statusCode":500,"message":"Internal server error"}'),
        ("terminated_401", 401, '{"statusCode":401,"message":"terminating connection due to administrator command"}'),
        ("not_queryable", 500, '{"statusCode":500,"message":"Client has encountered a connection error'),
        ("conflict", 409, '{"statusCode":409,"message":"booking_conflict_error"}'),
        ("limit", 401, '{"statusCode":401,"message":"booking_limit_reached"}'),
        ("taken", 400, '{"status":"error",'),
        ("unavailable", 503, "<html>"),
        ("origin_timeout", 524, "<html>"),
    ],
)
def test_a_named_status_has_its_real_shape(
    simulator: Any, start: str, name: str, status: int, start_of_body: str
) -> None:
    """Nothing is booked, and the body is the recorded one, or a proxy's page."""
    simulator.order("/_faults", {"kind": "status", "name": name, "count": 1})

    answer = simulator.book("plain", start)

    assert answer.status_code == status
    assert answer.text.startswith(start_of_body)
    assert booked(simulator) == []


@pytest.mark.parametrize(
    ("name", "recording"),
    [("database_down", "Postgres down: POST"), ("throttled", "POST while blocked"), ("internal", "Redis down: POST"),
     ("taken", "same POST again, sequential"), ("terminated", "backends killed while booking")],
)  # fmt: skip
def test_an_ordered_error_is_the_recorded_one(
    simulator: Any, start: str, recorded: Any, name: str, recording: str
) -> None:
    """Word for word but for the time; a 429 also brings its headers."""
    simulator.order("/_faults", {"kind": "status", "name": name, "count": 1})

    answer = simulator.book("plain", start)

    wanted = recorded(recording)["json"]
    assert {**answer.json(), "timestamp": None} == {**wanted, "timestamp": None} or answer.json() == wanted
    assert ("X-RateLimit-Reset-Default" in answer.headers) == (name == "throttled")


def test_a_status_may_be_put_together(simulator: Any, start: str) -> None:
    """Any status in any shape, with Retry-After."""
    simulator.order("/_faults", {"kind": "status", "status": 503, "shape": "B", "message": "soon", "retry_after": 7})

    answer = simulator.book("plain", start)

    assert (answer.status_code, answer.json()) == (503, {"statusCode": 503, "message": "soon"})
    assert answer.headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    "fault",
    [{"kind": "cut_json"}, {"kind": "empty"}, {"kind": "commit_then_status", "name": "internal"},
     {"kind": "commit_then_status", "name": "gateway_timeout"}],
)  # fmt: skip
def test_an_unreadable_answer_hides_a_booking(simulator: Any, start: str, fault: dict[str, Any]) -> None:
    """The client cannot read what happened; the primary has the booking, and the journal its uid."""
    simulator.order("/_faults", {**fault, "count": 1})

    answer = simulator.call("POST", "/v2/bookings", json=body(simulator, start))

    assert "uid" not in answer.text or not answer.text.endswith("}")
    assert booked(simulator) == ["ref-1"]
    assert last(simulator)["uid"] is not None


def test_a_json_cut_by_a_closed_connection_is_shorter_than_promised(simulator: Any, start: str) -> None:
    """`close` promises the whole length and hangs up half-way."""
    simulator.order("/_faults", {"kind": "cut_json", "close": True, "count": 1})

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        simulator.book("plain", start)

    assert last(simulator)["whole"] is False


def test_html_takes_the_place_of_an_answer(simulator: Any, start: str) -> None:
    """Even under 200, as a wrong base URL gives it."""
    simulator.order("/_faults", {"kind": "html", "status": 200})

    answer = simulator.book("plain", start)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_a_share_is_drawn_for_each_call(simulator: Any) -> None:
    """A fifth of many calls fails, not a fifth of the connections or of the time."""
    simulator.order("/_faults", {"kind": "status", "name": "internal", "share": 0.2})

    answers = Counter(simulator.call("GET", "/v2/bookings").status_code for _ in range(300))

    assert 30 <= answers[500] <= 95
    assert answers[200] + answers[500] == 300


def test_a_fault_meets_only_its_calls(simulator: Any, start: str) -> None:
    """Method, path, event type and reference choose; the others go as usual; DELETE ends all."""
    match = {"method": "POST", "path": "/v2/bookings", "event_type_id": 105, "reference": "ref-1"}
    simulator.order("/_faults", {"kind": "status", "name": "internal", "match": match})

    met = simulator.book("plain_60", start, metadata=REFERENCE).status_code
    others = [
        simulator.book("seats", start, metadata=REFERENCE).status_code,
        simulator.book("plain_60", start).status_code,
        simulator.call("GET", "/v2/bookings").status_code,
    ]
    simulator.order("/_faults", method="DELETE")
    after = simulator.book("plain_60", start, metadata=REFERENCE).status_code

    assert (met, others, after) == (500, [201, 201, 200], 400)


def test_a_fault_meets_the_calls_of_one_key(simulator: Any) -> None:
    """As where Cal.com waits for the webhook receiver of one user."""
    simulator.order("/_faults", {"kind": "status", "name": "internal", "match": {"key": simulator.key}})

    others = simulator.call("GET", "/v2/bookings", headers=simulator.as_("rr_host")).status_code

    assert (simulator.call("GET", "/v2/bookings").status_code, others) == (500, 200)


def test_a_refused_port_refuses_and_comes_back(simulator: Any) -> None:
    """New connections and kept ones are refused; the control port still takes orders; then all is as before."""
    assert simulator.call("GET", "/health").status_code == 200
    simulator.order("/_faults", {"kind": "refuse", "seconds": 60})

    with pytest.raises(requests.ConnectionError, match="Connection refused"):
        simulator.call("GET", "/health")
    simulator.order("/_faults", method="DELETE")

    assert simulator.until(lambda: answers(simulator))


def answers(simulator: Any) -> bool:
    """Say whether the port listens."""
    try:
        return bool(simulator.call("GET", "/health").status_code == 200)
    except requests.ConnectionError:
        return False


def test_who_has_connected_to_give_an_order_is_heard_whatever_happens_to_cal_com(simulator: Any) -> None:
    """The orders' own port is no part of what is down: neither is a connection that has said nothing yet."""
    orders = urlsplit(simulator.control)
    with closing(HTTPConnection(str(orders.hostname), orders.port, timeout=60)) as line:
        line.connect()
        simulator.order("/_faults", {"kind": "refuse", "seconds": 60})

        line.request("GET", "/_books")

        assert line.getresponse().status == 200
    simulator.order("/_faults", method="DELETE")
    assert simulator.until(lambda: answers(simulator))


def test_many_hanging_calls_hold_nobody_up(simulator: Any, start: str) -> None:
    """64 calls hang while others are answered."""
    simulator.order("/_faults", {"kind": "hang", "match": {"path": "/v2/slots"}})
    query = {"eventTypeId": 101, "start": start, "end": start}

    def hang(_: int) -> None:
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{simulator.url}/v2/slots", params=query, timeout=120)

    with ThreadPoolExecutor(64) as pool:
        hanging = [pool.submit(hang, n) for n in range(64)]
        assert simulator.until(lambda: sum(entry["fault"] == "hang" for entry in simulator.journal()) == 64)
        assert simulator.book("plain", start).status_code == 201
        assert not any(call.done() for call in hanging)
        simulator.order("/_faults", {"kind": "crash", "seconds": 60})
        for call in hanging:
            call.result()
    simulator.order("/_faults", method="DELETE")
    assert simulator.until(lambda: answers(simulator))


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [({"kind": "nope"}, "kind must be one of"), ({"kind": "hang", "sahre": 1}, "unknown sahre"),
     ({"kind": "hang", "share": 2}, "share must be"), ({"kind": "refuse"}, "refuse needs seconds"),
     ({"kind": "status"}, "needs a status"), ({"kind": "latency", "delay": [2, 1]}, "a pair [low, high]"),
     ({"kind": "hang", "match": {"verb": "GET"}}, "verb")],
)  # fmt: skip
def test_a_wrong_order_is_refused_with_the_reason(simulator: Any, fault: dict[str, Any], complaint: str) -> None:
    """400 with one sentence, and no fault is in force."""
    answer = requests.post(f"{simulator.control}/_faults", json=fault, timeout=60)

    assert answer.status_code == 400
    assert complaint in answer.json()["error"]
    assert simulator.order("/_faults", method="GET")["faults"] == []
