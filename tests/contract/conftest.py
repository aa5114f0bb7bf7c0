"""Run the contract against the simulator always, and against a real Cal.com when one is given.

CALCOM_CONTRACT_URL and CALCOM_CONTRACT_KEY name the real one; CALCOM_CONTRACT_EVENT_TYPES says which of its event
types play which part, as JSON: {"plain": 1001, "confirm": 1002, ...}, and CALCOM_CONTRACT_KEYS whose further keys there
are: {"rr_other": "cal_...", "stranger": ...}. Tests that need a part or a key it lacks are not collected for it. The
real one gets bookings far in the future, for addresses at example.test.

Short forms in the tests' docstrings: `POST round robin ann r1` is a booking of that part for ann@..., whose metadata
say r1; TAKEN-USER and the like are the refusals below; "10 of 10" is how often the real server said so (2026-11-25).
"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.running.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
RECORDINGS = {
    one["name"]: one for one in json.loads((ROOT / "tests/fixtures/calcom/answers.json").read_text(encoding="utf-8"))
}
# Who plays which part in the simulator. `busy_...` are plain types of the hosts of another part.
SIMULATED = {
    "plain": 101, "confirm": 102, "seats": 103, "round_robin": 104, "plain_60": 105, "collective": 106,
    "phone_first": 107, "day_limit": 108, "lengths": 109, "recurring": 111, "window": 112, "office_hours": 113,
    "active_limit": 114, "custom_field": 115, "day_minutes": 116, "fixed_host": 117, "no_hosts": 118, "verify": 119,
    "login": 120, "locked": 121, "weekly": 129, "rr_confirm": 130, "rr_threshold": 131, "rr_seats": 132,
    "seats_confirm": 133, "coll_confirm": 134, "rr_weekly": 135, "coll_weekly": 136, "weekly_confirm": 137,
    "seats_hidden": 138, "price": 139, "threshold": 140, "weekly_window": 141, "weekly_day_limit": 142,
    "weekly_active_limit": 143, "rr_active_uid": 144, "active_uid": 145, "seats_active_uid": 146, "week_limit": 147,
    "coll_seats": 148, "rr_fixed": 149, "rr_phone": 150, "seats_phone": 151, "rr_day_limit": 152,
    "rr_weekly_window": 153, "busy_rr": 154, "busy_rr_other": 155, "busy_rr_confirm": 156,
    "busy_rr_confirm_other": 157, "busy_rr_seats": 158, "busy_rr_seats_other": 159, "busy_seats": 160,
    "busy_confirm": 161, "busy_seats_confirm": 162, "busy_rr_fixed": 163, "busy_rr_fixed_other": 164,
    "busy_seats_hidden": 165, "free": 166, "coll_free": 167, "rr_free": 168, "seats_free": 169, "rr_seats_free": 170,
    "rr_weekly_free": 171, "confirm_free": 172, "busy_rr_free": 173, "busy_rr_free_other": 174,
    "no_cancelling": 175, "move_notice": 176,
}  # fmt: skip
SIMULATED_KEYS = {"rr_host": "cal_test_host4", "rr_other": "cal_test_host5", "coll_organizer": "cal_test_host6",
                  "coll_host": "cal_test_host9", "fixed_host": "cal_test_host57", "fixed_other": "cal_test_host58",
                  "plain_owner": "cal_test_host1", "team_owner": "cal_test_teamowner",
                  "team_admin": "cal_test_teamadmin", "team_member": "cal_test_teammember",
                  "stranger": "cal_test_stranger", "free_owner": "cal_test_host66",
                  "seats_host": "cal_test_host3", "confirm_host": "cal_test_host2", "notice_host": "cal_test_host78",
                  "rr_free_host": "cal_test_host69"}  # fmt: skip
# The refusals, as the notes of the real server shorten them.
REFUSALS = {
    (400, "User either already has booking at this time or is not available"): "TAKEN-USER",
    (400, "One of the hosts either already has booking at this time or is not available"): "TAKEN-HOSTS",
    (400, "Attendee with this email can't book because the maximum number of active bookings has been reached."): "MAX",
    (401, "booking_limit_reached"): "LIMIT",
    (409, "already_signed_up_for_this_booking_error"): "SIGNED-UP",
    (409, "No more seats left at this seated booking."): "FULL",
    (400, "An error occurred while querying the database."): "DB",
    (500, "Internal server error"): "ISE",
}
BOUNDS = 'The event type can\'t be booked at the "start" time provided.'
REAL_URL = os.environ.get("CALCOM_CONTRACT_URL")  # noqa: TID251 - a test's own switch; the product never reads it
REAL_KEY = os.environ.get("CALCOM_CONTRACT_KEY")  # noqa: TID251 - the same
REAL_KEYS: dict[str, str] = json.loads(os.environ.get("CALCOM_CONTRACT_KEYS", "{}"))  # noqa: TID251 - the same
REAL_TYPES: dict[str, int] = json.loads(os.environ.get("CALCOM_CONTRACT_EVENT_TYPES", "{}"))  # noqa: TID251 - the same

POST = {"method": "POST", "path": "/v2/bookings"}
PATIENCE = 60.0  # seconds until what should come is given up; what is right comes at once, on a busy machine as well

_numbers = itertools.count(random.randrange(10**6) * 1000)  # noqa: S311 - keeps runs on one real server apart


@dataclass
class Calcom:
    """One Cal.com under test, and a client for it."""

    url: str
    key: str
    parts: dict[str, int]
    keys: dict[str, str] = field(default_factory=dict)
    control: str | None = None  # the simulator's port for orders
    session: requests.Session = field(default_factory=requests.Session)

    def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """Give the simulator's journal."""
        entries: list[dict[str, Any]] = self.order(f"/_journal?since={since}", method="GET")["entries"]
        return entries

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """Call with key and version, unless `headers` takes one away with None."""
        headers = {"Authorization": f"Bearer {self.key}", "cal-api-version": "2024-08-13", **more.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        return self.session.request(method, self.url + path, headers=headers, timeout=PATIENCE, **more)

    def book(
        self, part: str, start: str, email: str = "ann@example.test", *, headers: Any = None, **more: Any
    ) -> requests.Response:
        """POST a booking; `more` replaces or adds top-level fields of the body."""
        attendee = {"name": "Ann Fake", "timeZone": "Europe/Berlin", "email": email}
        body = {"start": start, "eventTypeId": self.parts[part], "attendee": attendee, **more}
        return self.call("POST", "/v2/bookings", json=body, headers=headers or {})

    def listed(self, **query: Any) -> list[dict[str, Any]]:
        """GET the list and give its rows."""
        answer = self.call("GET", "/v2/bookings", params=query)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["data"]
        return rows

    def short(self, answer: requests.Response) -> str:
        """Give an answer to a POST in short: the booking's status, or which refusal it is."""
        body = answer.json()
        if answer.ok:
            data = body["data"][0] if isinstance(body["data"], list) else body["data"]
            return str(data["status"])
        message = body["message"] if "message" in body else body["error"]["message"]
        if message.startswith(BOUNDS):
            return "BOUNDS"
        return REFUSALS.get((answer.status_code, message), f"{answer.status_code} {message}")

    def as_(self, role: str) -> dict[str, str]:
        """Give the headers of a call with another's key."""
        return {"Authorization": f"Bearer {self.keys[role]}"}

    def until(self, condition: Callable[[], bool]) -> bool:
        """Wait for a condition with a bound. Raises RanOut."""
        return bool(eventually(condition, within=PATIENCE))

    def order(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """Give the simulator an order, or ask it what happened."""
        answer = requests.request(method, f"{self.control}{path}", json=body, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def hold(self, step: str, *, count: int = 1, match: dict[str, str] = POST) -> int:
        """Hold up the next POSTs before a step until `release`; give the order's id."""
        order = {"kind": "stall", "step": step, "week": 1, "delay": 3600, "count": count, "match": match}
        number: int = self.order("/_faults", order)["faults"][0]["id"]
        return number

    def held(self) -> int:
        """Count the POSTs that are held up."""
        faults = self.order("/_faults", method="GET")["faults"]
        return sum(fault["hits"] for fault in faults if fault["kind"] == "stall")

    def release(self, number: int) -> None:
        """Let whom an order holds up go on."""
        self.order(f"/_faults?id={number}", method="DELETE")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of this folder."""
    config.addinivalue_line("markers", "needs(*parts, keys): event types and keys that a real Cal.com must have for it")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that take `calcom` against every Cal.com that can play the parts they need."""
    if "calcom" not in metafunc.fixturenames:
        return
    targets = ["simulator"]
    marker = metafunc.definition.get_closest_marker("needs")
    parts, keys = (marker.args, marker.kwargs.get("keys", ())) if marker else (("plain",), ())
    if REAL_URL and REAL_KEY and set(parts) <= set(REAL_TYPES) and set(keys) <= set(REAL_KEYS):
        targets.append("real")
    metafunc.parametrize("calcom", targets, indirect=True, scope="session")


@pytest.fixture(scope="session")
def running_simulator() -> Iterator[Calcom]:
    """Start one simulator for the whole session, on free ports."""
    command = [
        sys.executable,
        "-m",
        "simulator",
        "--port",
        "0",
        "--control-port",
        "0",
        "--rate-limit",
        "0",
        "--seed",
        "7",
        "--slots-cache",
        "0.3",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        words = process.stdout.readline().replace(",", "").split()
        assert words[:3] == ["simulator", "listening", "on"], words
        yield Calcom(words[3], "cal_test_owner", SIMULATED, SIMULATED_KEYS, control=words[-1])
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture(scope="session")
def calcom(request: pytest.FixtureRequest) -> Calcom:
    """Give the Cal.com under test."""
    if request.param == "real":
        assert REAL_URL is not None
        assert REAL_KEY is not None
        return Calcom(REAL_URL.rstrip("/"), REAL_KEY, REAL_TYPES, REAL_KEYS)
    simulated: Calcom = request.getfixturevalue("running_simulator")
    return simulated


@pytest.fixture
def simulator(running_simulator: Calcom) -> Iterator[Calcom]:
    """Give the simulator as after its start, for what no real server can be asked to do; clean it afterwards too."""
    running_simulator.order("/_reset")
    yield running_simulator
    running_simulator.order("/_reset")


@pytest.fixture
def recorded() -> Callable[[str], dict[str, Any]]:
    """Find a recorded answer of the real server by its name; `json` holds its body when that was kept whole."""

    def find(name: str) -> dict[str, Any]:
        found = dict(RECORDINGS[name])
        if not found["cut"] and found["body"].startswith(("{", "[")):
            found["json"] = json.loads(found["body"])
        return found

    return find


@pytest.fixture
def start() -> str:
    """Give a start that no other test uses: a weekday, 10:00 UTC, years ahead."""
    return new_start()


def new_start() -> str:
    """Make one: 1,650 of them from 2031 on, from a random one, so that runs on one real server do not meet.

    Two of them are nine weeks apart, and a series has eight.
    """
    weekday, ninth = divmod(next(_numbers) % 1_650, 330)
    day = datetime(2031, 1, 6, 10, tzinfo=UTC) + timedelta(weeks=9 * ninth, days=weekday)
    return day.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def email() -> str:
    """Give an address that no other test uses."""
    return f"ann{next(_numbers)}@example.test"


@pytest.fixture
def shape() -> Callable[[Any], Any]:
    """Give the function that reduces JSON to its keys and types."""
    return shape_of


def shape_of(value: Any) -> Any:
    """Reduce JSON to keys and types; of a list only the first element counts, null may stand for a text.

    Metadata are the caller's own: any object will do.
    """
    if isinstance(value, dict):
        return {key: "free" if key == "metadata" else shape_of(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape_of(one) for one in value[:1]]
    return "text or null" if value is None or isinstance(value, str) else type(value).__name__
