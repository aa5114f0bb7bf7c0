"""One run of two versions side by side: requests by both, an outage of Cal.com, and what the judge is given to read."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.side_by_side import judge
from tests.side_by_side.environment import DeployEnvironment, Side, deploy_environment
from tests.side_by_side.judge import Call, Change, Sentence
from worker.local.demo.judge import AppointmentRow
from worker.local.demo.judge import judge as by_books
from worker.local.demo.timeline import Clock
from worker.local.processes import Part

FIRST = 20  # bookings of the old version, on its own tables
CLIENTS = 20  # bookings that the new client stores while only old workers run
QUIET = 40  # bookings that are confirmed before the outage, so that both versions have worked in good weather
CONFIRM_SECONDS = 120.0
DRAIN_SECONDS = 180.0
ENDED = "('confirmed', 'rejected', 'failed', 'expired', 'cancelled')"
CHANGES = ("cancel", "reschedule")
_ENDPOINTS = {
    **{("POST", what): f"bookings.{what}" for what in CHANGES},
    ("POST", "bookings"): "bookings.create",
    ("GET", "bookings"): "bookings.list",
    ("GET", "slots"): "slots",
}
_pause = threading.Event().wait


@dataclass(frozen=True)
class Asked:
    """How large a run is; times in seconds."""

    old: str
    requests: int = 300
    rate: float = 10.0
    outage: float = 16.0
    open: float = 4.0


@dataclass(frozen=True)
class Run:
    """What came of it."""

    old: str
    requests: int
    confirmed: int
    calls: dict[str, int]
    windows: int
    probes: dict[str, int]
    sentence: Sentence


def run(asked: Asked, *, logs: Path | None, say: Callable[[str], object]) -> Run:
    """Run both versions through an outage, and judge."""
    with deploy_environment(asked.old, open_seconds=asked.open, logs=logs, say=say) as ready:
        say(f"the old version ({asked.old}): its tables, its workers, {FIRST} bookings")
        ready.migrate("old")
        ready.start("old")
        old, new = ready.sides["old"], ready.sides["new"]
        accepted = _ended(old, _call(old, 0, FIRST, asked.rate))
        _confirmed(ready, FIRST)
        say(f"the new version: its tables under the old workers, {CLIENTS} bookings by its client, its workers")
        ready.migrate("new")
        accepted += _ended(new, _call(new, FIRST, CLIENTS, asked.rate, "client"))
        first = FIRST + CLIENTS
        _confirmed(ready, first)
        ready.start("new")
        each = (asked.requests - first) // 3
        say(f"{asked.requests - first} requests, by callers of both; then Cal.com is down for {asked.outage:g} s")
        callers = [
            (old, _call(old, first, each, asked.rate / 3)),
            (new, _call(new, first + each, each, asked.rate / 3, "client")),
            (new, _call(new, first + 2 * each, asked.requests - first - 2 * each, asked.rate / 3)),
        ]
        _confirmed(ready, first + QUIET)
        slow = {"kind": "latency", "delay": 0.3}  # so long a second probe could slip in
        ready.calcom.order("POST", "/_faults", [{"kind": "status", "name": "unavailable"}, slow])
        say(f"{first} cancels and moves, by the new version's code")
        changer = new.changer([number for (number,) in ready.rows(f"SELECT id FROM appointments WHERE id <= {first}")])  # noqa: S608 - a number
        new.processes.start(changer)
        new.processes.wait_until_ready(changer, CONFIRM_SECONDS)
        _pause(asked.outage)
        ready.calcom.order("DELETE", "/_faults")
        say("Cal.com is back; nobody has told them")
        for side, caller in callers:
            accepted += _ended(side, caller)
        _drained(ready)
        ready.end()
        return _judged(asked, ready, accepted)


def _call(side: Side, first: int, count: int, rate: float, *more: str) -> Part:
    caller = side.caller(first, count, rate, *more)
    side.processes.start(caller)
    return caller


def _ended(side: Side, caller: Part) -> list[int]:
    """Wait for a caller, and return the ids of what it was given a receipt for."""
    side.processes.wait_until_ready(caller, CONFIRM_SECONDS)
    ids: list[int] = json.loads(side.processes.output(caller).rpartition(caller.ready)[2])
    return ids


def _confirmed(ready: DeployEnvironment, count: int) -> None:
    """Wait until so many are confirmed; who is not by then is the judge's business."""
    _until(lambda: _count(ready, "status = 'confirmed'") >= count, CONFIRM_SECONDS)


def _drained(ready: DeployEnvironment) -> None:
    """Wait until each booking has ended and the breaker's last change is written down."""
    _until(lambda: _count(ready, f"status NOT IN {ENDED}") == 0 and not _open_changes(ready), DRAIN_SECONDS)
    _pause(3.0)  # each second the changes of state are written down


def _count(ready: DeployEnvironment, condition: str) -> int:
    [(count,)] = ready.rows(f"SELECT count(*) FROM appointments WHERE {condition}")  # noqa: S608 - our own words
    return int(count)


def _open_changes(ready: DeployEnvironment) -> list[str]:
    """Return a line for each change that was not done: nothing refuses one here."""
    found = ready.rows("SELECT appointment_id, kind, status FROM booking_changes WHERE status <> 'done' ORDER BY id")
    return [f"booking {number}: its {kind} is {status}" for number, kind, status in found]


def _until(condition: Callable[[], bool], within: float) -> None:
    for _ in range(int(within / 0.2)):
        if condition():
            return
        _pause(0.2)


def _judged(asked: Asked, ready: DeployEnvironment, accepted: list[int]) -> Run:
    clock = Clock()
    rows = ready.rows(
        "SELECT id, uuid::text, status, calcom_booking_uid, calcom_seat_uid, coalesce(booked_start_at, start_at)"
        " FROM appointments ORDER BY id"
    )
    changes = [
        Change(clock.monotonic_of(at), old, new, endpoint)
        for at, old, new, endpoint in ready.rows(
            "SELECT created_at, old_state, new_state, endpoint FROM circuit_breaker_events"
            " WHERE service = 'calcom' ORDER BY created_at, epoch"
        )
    ]
    journal = ready.calcom.journal()
    books = ready.calcom.bookings()
    verdict = by_books(len(accepted), [AppointmentRow(*row) for row in rows], books, journal, _open_changes(ready))
    calls = [_read(call, ready.sides) for call in journal]
    held = [row[0] for row in rows if row[2] == "held"]
    probing = [change.at for change in changes if change.new == "half_open" and change.endpoint is None]
    first = [next((call.side for call in calls if call.at > at), "nobody") for at in probing]
    return Run(
        old=asked.old,
        requests=len(accepted),
        confirmed=sum(row[2] == "confirmed" for row in rows),
        calls=dict(Counter(call.side for call in calls)),
        windows=judge.windows(changes),
        probes=dict(Counter(first)),
        sentence=judge.judge(
            verdict, held, calls, changes, old_knows_changes=(ready.sides["old"].code / "tasks" / "changes").is_dir()
        ),
    )


def _read(entry: dict[str, Any], sides: dict[str, Side]) -> Call:
    """Read a call from the journal: whose code made it, and which of the product's endpoints it is."""
    folder = str(entry["agent"]).partition(" from ")[2]
    side = next((name for name, one in sides.items() if str(one.code) == folder), folder or "no name")
    path = urlsplit(entry["target"]).path.removeprefix("/v2/")
    what = path.rpartition("/")[2]
    kind = (entry["method"], what if what in CHANGES else path)
    return Call(float(entry["t0"]), side, _ENDPOINTS.get(kind, "another endpoint"))
