"""The walk of what is held for the answer to a read: for the key, for another server, or for a 429.

Each attempt here makes the calls of a real one, and its last read is answered so or so. An event of a hold does not say
its reason: the one that ends the hold does. So that event is the step that is walked or named.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from db.lifecycle import HoldReason
from tests.model.walk.attempts import result_of
from tests.promises.model.trace import MOVED, RETRIED, UNSURE, Trace, assert_named, moment

RESTED = 6.0  # seconds that each is held: longer than a hold for a key lasts at least
EXPLAINED: Mapping[HoldReason, frozenset[Any]] = {  # by these results, also by a 200 that is not Cal.com's
    HoldReason.CREDENTIALS: frozenset({401, "credentials"}),
    HoldReason.CONFIGURATION: frozenset({200, 401, 403, 404}),
    HoldReason.THROTTLED: frozenset({429}),
}
RESULTS = (200, 401, 403, 404, 429, 500, 503, "timeout", "credentials")

Read = Callable[[Trace, Any, HoldReason], tuple[int, dict[str, Any]]]


def _held(trace: Trace, after: dict[str, Any], reason: HoldReason, *reads: tuple[str, Any]) -> dict[str, Any]:
    """Write after an event that an attempt made these reads, was held, and was released; return the release.

    What came later comes so much later.
    """
    at, booking = after["created_at"], after["booking"]
    of_change = {name: after["detail"][name] for name in ("change", "what") if name in after["detail"]}
    kind = "change_{}" if of_change else "{}"
    _postpone(trace, booking, at, RESTED + 2)
    calls = [
        {"endpoint": endpoint, "ms": 100, "error" if isinstance(result, str) else "status": result}
        for endpoint, result in reads
    ]
    busy = 100 * len(calls)
    detail = {**of_change, "why": "", "calls": calls, "waited_ms": 700, "attempt_ms": busy + 20}
    held_at = at + 1 + busy / 1000
    held = trace.insert(after, kind=kind.format("held"), by="worker", detail=detail, created_at=held_at)
    told = {**of_change, "why": "released", "held": reason.value, "since": moment(held_at)}
    ended_at = held_at + RESTED
    return trace.insert(held, kind=kind.format("pending"), by="sweeper", detail=told, created_at=ended_at)


def _postpone(trace: Trace, booking: int, since: float, by: float) -> None:
    """Have all of a booking's record that is later than a moment be so much later."""
    for event in trace.events(booking):
        event["created_at"] += by if event["created_at"] > since else 0
    there = trace.all("booked", reference=trace.booking(booking)["reference"])
    for line in there:
        line["history"] = [[at + by if at > since else at, status] for at, status in line["history"]]
    uids = {line["uid"] for line in there} | {line["movedFrom"] for line in there}
    for call in trace.all("call"):
        if call["t0"] > since and (call in trace.calls(booking) or uids & set(call["target"].split("/"))):
            call.update(t0=call["t0"] + by, t1=call["t1"] + by)


def _a_list(trace: Trace, result: Any, reason: HoldReason) -> tuple[int, dict[str, Any]]:
    return RETRIED, _held(trace, trace.events(RETRIED)[1], reason, ("bookings.list", result))


def _a_reading_of_its_type(trace: Trace, result: Any, reason: HoldReason) -> tuple[int, dict[str, Any]]:
    reads = ("bookings.list", 200), ("event_types", 200), ("event_types", result)
    return RETRIED, _held(trace, trace.events(RETRIED)[1], reason, *reads)


def _a_moves_reading_of_its_type(trace: Trace, result: Any, reason: HoldReason) -> tuple[int, dict[str, Any]]:
    asked = next(one for one in trace.events(MOVED) if one["kind"] == "change_asked")
    return MOVED, _held(trace, asked, reason, ("event_types", result))


def _a_look_at_a_cancel(trace: Trace, result: Any, reason: HoldReason) -> tuple[int, dict[str, Any]]:
    posted = next(one for one in trace.events(UNSURE) if one["kind"] == "change_retrying")
    return UNSURE, _held(trace, posted, reason, ("bookings.get", result))


READS: tuple[Read, ...] = (_a_list, _a_reading_of_its_type, _a_moves_reading_of_its_type, _a_look_at_a_cancel)


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("read", READS)
def test_a_hold_is_explained_by_a_call_or_named(read: Read, result: Any) -> None:
    """The same calls are walked for the reasons that they may have, and named for every other one."""
    for reason, results in EXPLAINED.items():
        trace = Trace()
        booking, ended = read(trace, result, reason)
        held = trace.events(booking)[trace.events(booking).index(ended) - 1]
        if results & {result_of(call) for call in held["detail"]["calls"]}:
            assert [line for stop in trace.walked().stops for line in stop.lines()] == [], reason
        else:
            assert_named(trace, booking, ended)
