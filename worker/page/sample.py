"""Invented answers, in the shape of the true ones, until these are here."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any


def _iso(seconds: float) -> str:
    base = datetime.now(UTC).replace(second=0, microsecond=0)
    return (base + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _at(seconds: float, style: str) -> dict[str, str]:
    return {"at": _iso(seconds), "as": style}


def overview() -> dict[str, Any]:
    """Return an outage."""
    well = {"well": True, "since": None, "ms": 3.1}
    card = {"since": _iso(-480), "next_at": None, "until": None, "by": None, "why": None, "epoch": 1795676365337}
    return {
        "read_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "verdict": {
            "level": "critical",
            "row": 8,
            "name": "open",
            "whose": "Cal.com",
            "sentence": [
                "Cal.com is down since ",
                _at(-480, "clock"),
                ": 37 held, 2 at risk (first at ",
                _at(4800, "clock"),
                "), next probe in ",
                _at(72, "in"),
                ".",
            ],
            "nothing": [
                "all go by themselves, in order; 2 expire from ",
                _at(4800, "clock"),
                ": call those.",
            ],
            "also": [["The limit is reached: 14 wait."]],
            "buttons": ["show_at_risk", "open", "retry"],
        },
        "parts": {"postgres": well, "redis": well, "broker": well},
        "cards": [
            {**card, "name": "calcom", "kind": "service", "state": "open", "next_at": _iso(72), "calls": 60}
            | {"failed": 58, "average_ms": 812, "limit_left": 40},
            {**card, "name": "bookings.create", "kind": "endpoint", "state": "closed", "calls": 60}
            | {"failed": 3, "average_ms": 700, "limit_left": None},
            {**card, "name": "database", "kind": "database", "state": "closed", "calls": 1204}
            | {"failed": 0, "average_ms": 3, "limit_left": None},
        ],
        "holds": [
            {"reason": "breaker_open", "count": 35, "capped": False, "at_risk": 2, "oldest_at": _iso(-420)}
            | {"first_start": _iso(4800), "next_until": None, "moves_on": ["itself, in the order asked"]},
            {"reason": "settling", "count": 2, "capped": False, "at_risk": 0, "oldest_at": _iso(-60)}
            | {"first_start": _iso(90000), "next_until": _iso(70), "moves_on": ["a look at ", _at(70, "clock")]},
        ],
        "now": {"pending": 0, "booking": 1, "retrying": 0, "held": 37},
        "day": {"confirmed": 1204, "rejected": 0, "failed": 2, "expired": 0, "cancelled": 1},
        "changes": [
            {"at": _iso(-480), "of": "calcom", "from": "half_open", "to": "open", "reason": "probe failed"}
            | {"by": None, "why": None}
        ],
        "incidents": [
            {"id": 3, "kind": "outage", "title": "Cal.com is down", "opened_at": _iso(-480), "told_at": _iso(-420)}
        ],
        "first_day": False,
        "try": None,
    }


def charts() -> dict[str, Any]:
    """Return an hour whose last minutes are an outage."""
    until = int(datetime.now(UTC).timestamp()) // 60 * 60
    times = [until - 60 * minute for minute in range(60, 0, -1)]
    down = [max(0, n - 51) for n in range(60)]
    return {
        "range": "1h",
        "step": 60,
        "t": times,
        "held": [None if n == 20 else down[n] * 5 for n in range(60)],
        "booked": [None if n == 20 else 0 if down[n] else round(20 + 3 * math.sin(n)) for n in range(60)],
        "accepted": [None if n == 20 else round(20 + 3 * math.sin(n)) for n in range(60)],
        "failures": {"timeout": [3 * one for one in down], "http_503": list(down)},
        "p50": [None if one > 2 else 0.8 for one in down],
        "p95": [None if one > 2 else 2.1 for one in down],
        "breaker": [
            {"name": "calcom", "spans": [{"from": until - 3600, "to": until - 480, "state": "closed"}]},
        ],
        "until": until,
    }


def bookings() -> dict[str, Any]:
    """Return a page of held bookings."""
    rows = [
        {
            "id": 8123 + n,
            "status": "held",
            "hold_reason": "breaker_open",
            "event_type": "id:101",
            "start_at": _iso(4800 + 1800 * n),
            "requested_at": _iso(-430 + n),
            "held_at": _iso(-420 + n),
            "hold_until": None,
            "next_attempt_at": None,
            "error_type": "timeout",
            "retry_count": 0,
            "outcome_unknown": n == 1,
            "updated_at": _iso(-420 + n),
        }
        for n in range(37)
    ]
    return {"rows": rows, "next": None, "count": 37, "capped": False}


def booking(appointment_id: int) -> dict[str, Any]:
    """Return one that is settling."""
    call = {"endpoint": "bookings.create", "ms": 30000, "status": None}
    return {
        "id": appointment_id,
        "status": "held",
        "hold_reason": "settling",
        "final": False,
        "why": "A call may still turn into a booking at Cal.com; it is looked for in 12 s.",
        "facts": {
            "what": "event type id:101",
            "start_at": _iso(4800),
            "requested_at": _iso(-430),
            "calcom_uid": None,
            "seat_uid": None,
            "tries": "1 call to book, 0 retries",
            "last_error": "no answer within 30 s",
            "error_type": "timeout",
            "key": "order-17",
            "uuid": "0190a5c2-0000-7000-8000-000000000001",
            "task_id": "0190a5c2-0000-7000-8000-000000000001",
            "correlation_id": "c-17",
        },
        "who": "hidden",
        "timeline": [
            {"at": _iso(-430), "by": "caller", "kind": "asked", "why": None, "detail": {}, "calls": [], "took_ms": 28},
            {"at": _iso(-429), "by": "worker", "kind": "booking", "why": "attempt 1", "detail": {"waited_ms": 28}}
            | {"calls": [call], "took_ms": 30000},
            {"at": _iso(-399), "by": "worker", "kind": "held", "why": "a call may still turn into a booking"}
            | {"detail": {}, "calls": [], "took_ms": None},
        ],
        "actions": [{"action": "cancel", "asks": ["why"], "confirmation": "Cancelled once a look shows it is not."}],
    }
