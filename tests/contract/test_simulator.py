"""The simulator's own side: journal, owners' views, replica lag, rate limit, settings, its end."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fleet import eventually

ROOT = Path(__file__).parents[2]


def test_the_journal_tells_each_call(simulator: Any, start: str) -> None:
    """Times, caller, event type, reference, status and committed uid of every call; orders do not stand in it."""
    before = time.monotonic()
    uid = simulator.book("plain", start, metadata={"bookingWorkerRef": "ref-1"}).json()["data"]["uid"]
    simulator.listed(eventTypeId=101)

    post, look = simulator.journal()

    assert before <= post["t0"] <= post["committed_at"] <= post["t1"] <= look["t0"] <= time.monotonic()
    assert (post["method"], post["event_type_id"], post["reference"]) == ("POST", 101, "ref-1")
    assert (post["status"], post["whole"], post["uid"], post["fault"]) == (201, True, uid, None)
    assert (look["method"], look["event_type_id"], look["uid"]) == ("GET", 101, None)
    assert post["agent"].startswith("python-requests/")
    assert simulator.journal(since=post["n"]) == [look]


def test_a_call_in_flight_stands_in_the_journal_without_an_end(simulator: Any, start: str) -> None:
    """t1 is null until the answer has left."""
    hold = simulator.hold("insert")
    caller = threading.Thread(target=simulator.book, args=("plain", start))
    caller.start()

    assert simulator.until(lambda: [entry["t1"] for entry in simulator.journal()] == [None])
    simulator.release(hold)
    caller.join()

    assert simulator.journal()[0]["t1"] is not None


def test_the_judge_finds_bookings_and_seats_by_reference(simulator: Any, start: str) -> None:
    """Every booking lists its references: one, or one a seat."""
    simulator.book("plain", start, metadata={"bookingWorkerRef": "ref-1"})
    for name in ("ann", "bob"):
        simulator.book("seats", start, f"{name}@example.test", metadata={"bookingWorkerRef": f"ref-{name}"})

    rows = simulator.order("/_bookings", method="GET")["bookings"]

    assert [row["references"] for row in rows] == [["ref-1"], ["ref-ann", "ref-bob"]]
    assert len(simulator.order("/_bookings?reference=ref-bob", method="GET")["bookings"]) == 1


def test_a_replica_that_lags_hides_what_the_slots_know(simulator: Any, start: str, recorded: Any) -> None:
    """List and GET by uid are late; the booking itself and the slots are not."""
    simulator.order("/_settings", {"replica_lag": 3600})
    uid = simulator.book("plain", start).json()["data"]["uid"]
    query = {"eventTypeId": 101, "start": start, "end": start.replace("10:00", "10:30")}

    slots = simulator.call("GET", "/v2/slots", params=query, headers={"cal-api-version": "2024-09-04"})

    assert slots.json()["data"] == {}
    assert simulator.listed(eventTypeId=101) == []
    missing = simulator.call("GET", f"/v2/bookings/{uid}")
    assert missing.status_code == recorded("read replica that lags: GET by uid")["status"]
    simulator.order("/_settings", {"replica_lag": 0})
    assert [one["uid"] for one in simulator.listed(eventTypeId=101)] == [uid]


def test_a_lagging_replica_may_break_the_post_that_booked(simulator: Any, start: str, recorded: Any) -> None:
    """As recorded: committed, then 500 B; the same POST again is told `taken`."""
    simulator.order("/_settings", {"replica_lag": 3600, "lag_breaks_posts": True})

    first, again = simulator.book("plain", start), simulator.book("plain", start)

    wanted = recorded("read replica that lags: POST")
    assert (first.status_code, first.json()) == (wanted["status"], wanted["json"])
    assert again.json()["error"] == recorded("read replica that lags: POST again")["json"]["error"]


def test_a_key_sees_what_its_owner_may_see(simulator: Any, start: str) -> None:
    """A blind key gets 200 and an empty list; a host's key the host's own round-robin bookings."""
    for name in ("ann", "bob"):
        simulator.book("round_robin", start, f"{name}@example.test")

    def seen(key: str) -> list[str]:
        answer = simulator.call("GET", "/v2/bookings", headers={"Authorization": f"Bearer {key}"})
        return [one["hosts"][0]["username"] for one in answer.json()["data"]]

    assert seen("cal_test_owner") == ["host4", "host5"]
    assert seen("cal_test_host4") == ["host4"]
    assert seen("cal_test_blind") == []


@pytest.mark.parametrize(
    ("key", "recording"),
    [("cal_test_expired", "expired key"),
     ("cal_test_deleted", "key deleted after it was used (rate limits cached 1 h in Redis)")],
)  # fmt: skip
def test_a_key_that_is_over_is_refused(simulator: Any, recorded: Any, key: str, recording: str) -> None:
    """401 ApiAuthStrategy, as recorded; a new key helps at once."""
    simulator.order("/_settings", {"keys": {"cal_test_new": "all"}})

    refused = simulator.call("GET", "/v2/bookings", headers={"Authorization": f"Bearer {key}"})
    renewed = simulator.call("GET", "/v2/bookings", headers={"Authorization": "Bearer cal_test_new"})

    assert (refused.status_code, refused.json()["error"]) == (401, recorded(recording)["json"]["error"])
    assert renewed.status_code == 200


def test_the_rate_limit_blocks_from_the_call_beyond_it(simulator: Any, start: str, recorded: Any) -> None:
    """Three in a window, the fourth is 429 A and blocks; until when, test_clock.py says."""
    simulator.order("/_settings", {"rate_limit": 3, "rate_window": 3600, "rate_block": 3600})

    answers = [simulator.call("GET", "/v2/bookings?take=1") for _ in range(4)]
    blocked = simulator.book("plain", start)

    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert [one.headers["X-RateLimit-Remaining-Default"] for one in answers] == ["2", "1", "0", "0"]
    assert answers[3].json()["error"] == recorded("429 (call 121)")["json"]["error"]
    assert blocked.status_code == 429
    assert simulator.order("/_bookings", method="GET")["bookings"] == []


def test_a_reset_forgets_everything(simulator: Any, start: str) -> None:
    """Bookings, faults, settings, event types and journal are as after the start."""
    simulator.order("/_event_types", {"id": 999, "slug": "mine"})
    simulator.order("/_settings", {"replica_lag": 9})
    simulator.order("/_faults", {"kind": "hang", "match": {"path": "/nowhere"}})
    simulator.book("plain", start)

    simulator.order("/_reset")

    assert simulator.journal() == []
    assert simulator.order("/_bookings", method="GET")["bookings"] == []
    assert simulator.order("/_faults", method="GET")["faults"] == []
    assert simulator.order("/_settings", method="GET")["replica_lag"] == 0
    assert 999 not in [one["id"] for one in simulator.order("/_event_types", method="GET")["event_types"]]


@pytest.mark.parametrize(("order", "complaint"), [("/_settings", "unknown lag"), ("/_event_types", "id must be")])
def test_a_wrong_order_changes_nothing(simulator: Any, order: str, complaint: str) -> None:
    """400 and a sentence."""
    answer = requests.post(simulator.control + order, json={"lag": 1} if "settings" in order else {}, timeout=60)

    assert answer.status_code == 400
    assert complaint in answer.json()["error"]


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_though_calls_hang(signal_number: int) -> None:
    """One signal, exit 0, nothing on stderr, with a call in flight."""
    command = [sys.executable, "-m", "simulator", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        requests.post(f"{url}/_faults", json={"kind": "hang"}, timeout=60)
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{url}/v2/bookings", timeout=0.2)
        hanging = threading.Thread(target=hang, args=(url,))
        hanging.start()
        eventually(lambda: len(requests.get(f"{url}/_journal", timeout=60).json()["entries"]) == 2)

        process.send_signal(signal_number)

        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        hanging.join()


def hang(url: str) -> None:
    """Call and wait for an answer that never comes, longer than the process may take to end."""
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/v2/bookings", timeout=120)


def test_a_busy_port_is_one_clear_line(simulator: Any) -> None:
    """Exit 1 and a sentence, no traceback."""
    port = simulator.url.rpartition(":")[2]

    ended = subprocess.run(
        [sys.executable, "-m", "simulator", "--port", port],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"simulator: cannot listen on 127.0.0.1:{port}")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = ("start", "eventTypeId", "attendee", "metadata", "guests", "location", "bookingFieldsResponses", "username",
         "lengthInMinutes", "recurrenceCount", "eventTypeSlug", "teamSlug", "extra")  # fmt: skip
ATTENDEE = {"name": "Ann Fake", "timeZone": "UTC", "email": "ann@example.test"}


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    event_type=st.sampled_from([101, 102, 103, 104, 107, 109, 111, 115]),
    odd=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3),
    odd_attendee=st.dictionaries(st.sampled_from(["name", "timeZone", "email", "phoneNumber", "language"]), JSON),
)
def test_no_body_breaks_it(
    simulator: Any, start: str, event_type: int, odd: dict[str, Any], odd_attendee: dict[str, Any]
) -> None:
    """Whatever a body says, the answer is a booking or a refusal, never a 500."""
    body = {"start": start, "eventTypeId": event_type, "attendee": {**ATTENDEE, **odd_attendee}, **odd}

    answer = simulator.call("POST", "/v2/bookings", json=body)

    assert answer.status_code in (201, 400, 401, 404, 409, 422), answer.text
