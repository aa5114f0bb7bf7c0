"""Decide which call meets which fault: the orders of `POST /_faults`."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from simulator.state.settings import SettingError, span
from simulator.state.steps import Step

if TYPE_CHECKING:
    import random

    from simulator.instants import Clock
    from simulator.state.journal import Entry

KINDS = {
    "latency": "the call takes `delay` seconds longer ([low, high] or a number); `after`: once it is booked",
    "date": "the answer's Date is `by` seconds off, as of a proxy with a clock of its own",
    "refuse": "nobody listens on the port for `seconds`; calls in flight end, idle connections are closed",
    "crash": "as refuse, and every call in flight stops where it is, at any step of its work; RST",
    "reset": "RST instead of an answer; `when`: headers (body unread) or request (all read); nothing is booked",
    "hang": "the request is read and never answered; nothing is booked; `hold` seconds, then the connection closes",
    "drip": "the answer comes byte by byte, one each `gap` seconds; `part`: headers, body or all; booked as usual",
    "status": "no work: `status` in `shape` A, B or C, or one by `name`; `retry_after`, `message`, `headers`",
    "html": "an HTML page instead of JSON, with `status` (502)",
    "cut_json": "booked, then half of the JSON; `close`: promised whole and the connection closed half-way",
    "empty": "booked, then the usual status with an empty body",
    "commit_then_hang": "booked, then silence; `hold` seconds, then the connection closes",
    "commit_then_reset": "booked, then RST",
    "commit_then_status": "booked, then an error as under status",
    "answer_early": "as under status (none: RST), `early` seconds after the request, while the work goes on",
    "stall": "a POST waits `delay` before a `step` (of `week`), or until the fault is ended: dedupe, availability, "
    "insert, seat, answer",
    "split": "Cal.com's transaction runs into its limit: of a move both bookings live, a POST's booking stands, a "
    "moved seat is nowhere, a last seat's cancel leaves its booking empty; 400 B database, or as status; `close`: RST",
    "kill": "the process dies before a `step` (of `week`): what is written stays, half made seats and cut series; RST",
}
OF_THE_PORT = ("refuse", "crash")  # meet no call, but all of them
BESIDE_OTHERS = ("latency", "stall", "date")  # a call may meet any number of these, and one other

NAMED: dict[str, dict[str, Any]] = {
    "database": {"status": 400, "shape": "B", "message": "An error occurred while querying the database."},
    "database_down": {
        "status": 500,
        "shape": "A",
        "code": "INTERNAL_SERVER_ERROR",
        "message": "There was an error, please try again later.",
    },
    "internal": {"status": 500, "shape": "B", "message": "Internal server error"},
    "terminated": {"status": 500, "shape": "B", "message": "terminating connection due to administrator command"},
    "not_queryable": {
        "status": 500,
        "shape": "B",
        "message": "Client has encountered a connection error and is not queryable",
    },
    "terminated_401": {"status": 401, "shape": "B", "message": "terminating connection due to administrator command"},
    "taken": {
        "status": 400,
        "shape": "A",
        "message": "User either already has booking at this time or is not available",
    },
    "conflict": {"status": 409, "shape": "B", "message": "booking_conflict_error"},
    "limit": {"status": 401, "shape": "B", "message": "booking_limit_reached"},
    "invalid_key": {"status": 401, "shape": "A", "message": "CustomThrottlerGuard - Invalid API Key"},
    "forbidden": {"status": 403, "shape": "A", "message": "PermissionsGuard - insufficient permissions"},
    "forbidden_resource": {"status": 403, "shape": "B", "message": "Forbidden resource"},
    "forbidden_page": {"status": 403, "shape": "C"},
    "too_large": {"status": 413, "shape": "C"},
    "login_page": {"status": 302, "shape": "C", "headers": {"Location": "/login"}},
    "no_booking": {"status": 202, "shape": "B", "message": "Accepted"},
    "not_found": {"status": 404, "shape": "A", "message": "Cannot POST /v2/bookings"},
    "throttled": {
        "status": 429,
        "shape": "A",
        "code": "ThrottlerException",
        "message": "CustomThrottlerGuard - Too many requests. Please try again later.",
        "headers": {
            "X-RateLimit-Limit-Default": "120",
            "X-RateLimit-Remaining-Default": "0",
            "X-RateLimit-Reset-Default": "60",
        },
    },
    "bad_gateway": {"status": 502, "shape": "C"},
    "unavailable": {"status": 503, "shape": "C"},
    "gateway_timeout": {"status": 504, "shape": "C"},
    "origin_timeout": {"status": 524, "shape": "C"},
}


class FaultOrderError(ValueError):
    """An order for a fault cannot be read; the message says what is wrong."""


@dataclass(frozen=True)
class Match:
    """Which calls a fault may meet; a field that is None does not matter. A path ending in * is a prefix."""

    method: str | None = None
    path: str | None = None
    event_type_id: int | None = None
    reference: str | None = None
    key: str | None = None

    def fits(self, entry: Entry) -> bool:
        """Say whether a call is meant."""
        path = entry.target.partition("?")[0]
        wanted = self.path or path
        return (
            self.method in (None, entry.method)
            and (path.startswith(wanted[:-1]) if wanted.endswith("*") else path == wanted)
            and self.event_type_id in (None, entry.event_type_id)
            and self.reference in (None, entry.reference)
            and self.key in (None, entry.key)
        )


@dataclass
class Fault:
    """One order. Seconds throughout; `share` of the matching calls, at most `count` of them, within `seconds`."""

    kind: str
    match: Match = field(default_factory=Match)
    share: float = 1.0
    count: int | None = None
    seconds: float | None = None
    start_after: float = 0.0
    delay: tuple[float, float] = (1.0, 1.0)
    after: bool = False
    when: str = "request"
    hold: float = 3600.0
    gap: float = 0.1
    part: str = "all"
    name: str | None = None
    status: int | None = None
    shape: str | None = None
    message: str | None = None
    code: str | None = None
    retry_after: float | str | None = None  # seconds, or an HTTP date
    headers: dict[str, str] = field(default_factory=dict)
    close: bool = False
    early: float = 0.0
    by: float = 0.0
    step: str | None = None
    week: int | None = None  # of a series; None: any
    id: int = 0
    begins: float = 0.0  # monotonic
    hits: int = 0

    def lasts(self, now: float) -> bool:
        """Say whether it is in force."""
        spent = self.count is not None and self.hits >= self.count
        return self.begins <= now and not spent and (self.seconds is None or now < self.begins + self.seconds)


class Faults:
    """The orders in force, oldest first; the first that fits is met, latencies and stalls add up before it."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._orders: list[Fault] = []
        self._ended: dict[int, asyncio.Event] = {}
        self._last_id = 0

    def order(self, wanted: dict[str, Any]) -> Fault:
        """Take an order. Raises FaultOrderError."""
        fault = read_order(wanted)
        self._last_id += 1
        fault.id = self._last_id
        fault.begins = self._clock.monotonic() + fault.start_after
        self._orders.append(fault)
        self._ended[fault.id] = asyncio.Event()
        return fault

    def meet(self, entry: Entry, *, body_read: bool) -> list[Fault]:
        """Draw the faults that a call meets: any number of latencies and stalls, and at most one other.

        Asked twice a call: before the body is read only resets with `when: headers` count, after it all others.
        """
        met: list[Fault] = []
        now = self._clock.monotonic()
        for fault in self._orders:
            early = fault.kind == "reset" and fault.when == "headers"
            if fault.kind in OF_THE_PORT or early is body_read or not fault.lasts(now) or not fault.match.fits(entry):
                continue
            if fault.share < 1 and self._rng.random() >= fault.share:
                continue
            fault.hits += 1
            met.append(fault)
            if fault.kind not in BESIDE_OTHERS:
                break
        return met

    def listed(self) -> list[Fault]:
        """List all orders."""
        return list(self._orders)

    async def stall(self, fault: Fault) -> None:
        """Hold a call up as long as a fault says, or until it is ended."""
        ended = self._ended.get(fault.id)
        if ended is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), self._rng.uniform(*fault.delay))

    def end(self, fault_id: int) -> None:
        """End one fault; whom it holds up goes on. Raises FaultOrderError."""
        if fault_id not in self._ended:
            raise FaultOrderError(f"no fault has the id {fault_id}")
        self._orders = [fault for fault in self._orders if fault.id != fault_id]
        self._ended.pop(fault_id).set()

    def clear(self) -> None:
        """End all faults."""
        for fault_id in list(self._ended):
            self.end(fault_id)


def read_order(wanted: dict[str, Any]) -> Fault:
    """Read a fault from JSON. Raises FaultOrderError."""
    if not isinstance(wanted, dict) or wanted.get("kind") not in KINDS:
        raise FaultOrderError(f"a fault is a JSON object; its kind must be one of {', '.join(KINDS)}")
    known = {setting.name for setting in fields(Fault)} - {"id", "begins", "hits"}
    if unknown := set(wanted) - known:
        raise FaultOrderError(f"unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
    values = dict(wanted)
    if (name := values.get("name")) is not None:
        if name not in NAMED:
            raise FaultOrderError(f"name must be one of {', '.join(NAMED)}")
        values = {**NAMED[name], **values}
    if values["kind"] == "split":
        values = {**NAMED["database"], **values}
    _check_numbers(values)
    try:
        values["match"] = Match(**values.get("match", {}))
        if "delay" in values:
            values["delay"] = span(values["delay"])
    except (TypeError, SettingError) as error:
        raise FaultOrderError(str(error)) from error
    fault = Fault(**values)
    _check_needs(fault)
    return fault


def _check_numbers(values: dict[str, Any]) -> None:
    for name in ("share", "count", "seconds", "start_after", "hold", "gap", "status", "early", "week"):
        value = values.get(name)
        if value is not None and (not isinstance(value, int | float) or value < 0):
            raise FaultOrderError(f"{name} must be a number of at least 0")
    if not isinstance(values.get("by", 0), int | float):
        raise FaultOrderError("by must be a number of seconds")
    if values.get("share", 0) > 1:
        raise FaultOrderError("share must be between 0 and 1")


def _check_needs(fault: Fault) -> None:
    if fault.kind in OF_THE_PORT and fault.seconds is None:
        raise FaultOrderError(f"{fault.kind} needs seconds: while nobody listens, nobody can end it")
    if fault.kind in ("status", "commit_then_status") and fault.status is None:
        raise FaultOrderError(f"{fault.kind} needs a status or a name; names are {', '.join(NAMED)}")
    if fault.kind in ("stall", "kill") and fault.step not in set(Step):
        raise FaultOrderError(f"{fault.kind} needs a step: {', '.join(Step)}")
    if fault.when not in ("headers", "request") or fault.part not in ("headers", "body", "all"):
        raise FaultOrderError("when is headers or request; part is headers, body or all")
