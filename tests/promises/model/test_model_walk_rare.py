"""The walk of what a run seldom has: each such step is taken as it is told truthfully, and named where it is not."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.promises.model.trace import (
    CANCELLED,
    HELD,
    LEASE,
    LOST,
    MOVED,
    PLAIN,
    RETRIED,
    TWO,
    Trace,
    assert_named,
    moment,
)


def _flag(trace: Trace, after: dict[str, Any]) -> dict[str, Any]:
    detail = {"why": "held too long", "held": "breaker_open", "change": after["detail"]["change"]}
    return trace.insert(after, kind="change_degraded", by="sweeper", detail=detail)


def _held_change_is_flagged(trace: Trace) -> dict[str, Any]:
    return _flag(trace, next(one for one in trace.events(TWO) if one["kind"] == "change_held"))


def _suspect_is_looked_up(trace: Trace) -> dict[str, Any]:
    """Write that the worker of a cancel was gone three times, and that a lookup has ended it; return its end."""
    asked, done, cancelled = trace.events(CANCELLED)[1:]
    at, last = asked["created_at"], asked
    for lost, status in enumerate(("retrying", "retrying", "held"), 1):
        lease = {"written_at": moment(at + 0.1), "lease_ended_at": moment(at + 0.1 + LEASE)}
        detail = {"change": asked["detail"]["change"], "why": "", "leases_lost": lost, **lease}
        at += 6
        last = trace.insert(last, kind=f"change_{status}", by="sweeper", detail=detail, created_at=at)
    look = {"endpoint": "bookings.get", "status": 200, "ms": 100}
    done.update(by="sweeper", detail={"change": asked["detail"]["change"], "why": "", "calls": [look]})
    done["created_at"] = cancelled["created_at"] = at + 60
    return done


def _double_is_cancelled(trace: Trace) -> dict[str, Any]:
    """Write that a second booking of a booking was found, and was cancelled; return what says so."""
    [row] = trace.all("booked", reference=trace.booking(PLAIN)["reference"])
    first, at = trace.events(PLAIN)[-1], row["history"][0][0] + 10
    trace.lines.append({**row, "uid": "double", "history": [*row["history"], [at, "cancelled"]]})
    trace.lines.append({**trace.all("call")[0], "n": 10**6, "reference": None, "uid": None, "t0": at - 0.1})
    trace.lines[-1].update(method="POST", target="/v2/bookings/double/cancel", t1=at, status=200)
    detail = {"why": "", "uid": "double", "seat": None}
    intent = trace.insert(first, kind="cancelling_double", by="sweeper", detail=detail, created_at=at - 0.2)
    return trace.insert(intent, kind="double_cancelled", by="sweeper", detail=detail, created_at=at + 0.1)


def _moved_to_the_start_that_it_has(trace: Trace) -> dict[str, Any]:
    """Write that a booking was moved again to its start, and that a look has shown it there; return its end."""
    [change], [asked, done] = trace.all("change", booking=MOVED), trace.events(MOVED)[2:4]
    more = {"id": 10**6, "from_uid": change["to_uid"], "posts": 0}
    trace.lines.append({**change, **more})
    look = {"endpoint": "bookings.get", "status": 200, "ms": 100}
    last, detail = trace.events(MOVED)[-1], {"change": 10**6, "why": ""}
    again = trace.insert(last, **{**asked, "detail": detail, "created_at": last["created_at"] + 1})
    calls = {"attempt_ms": 120, "waited_ms": 10, "calls": [look]}
    return trace.insert(again, **{**done, "detail": detail | calls, "created_at": again["created_at"] + 0.2})


def _another_one_reads_its_type(trace: Trace) -> dict[str, Any]:
    """Write that a second POST went by the reading of a booking beside it; return that attempt."""
    posted = next(one for one in trace.events(RETRIED) if one["kind"] == "retrying")
    calls = posted["detail"]["calls"]
    posted["detail"]["calls"] = [one for one in calls if one["endpoint"] not in {"event_types", "me"}]
    return posted


def _cancel_is_asked_for_before_the_sweep(trace: Trace) -> dict[str, Any]:
    """Write that a cancel was asked for, and taken back, half a second before a lost lease was found; return that."""
    lost = next(one for one in trace.events(LOST) if "leases_lost" in one["detail"])
    last = trace.events(LOST)[trace.events(LOST).index(lost) - 1]
    said = {"by": "caller", "detail": {"why": ""}}
    cancel = trace.insert(last, kind="cancel_requested", created_at=lost["created_at"] - 0.6, **said)
    trace.insert(cancel, kind="cancel_taken_back", created_at=lost["created_at"] - 0.5, **said)
    lost["detail"]["written_at"] = moment(lost["created_at"] - 0.5)
    return lost


def _another_one_gets_its_time(trace: Trace) -> dict[str, Any]:
    """Write that a booking in the line was never let go, for another one got its time; return its end."""
    released, confirmed = trace.events(HELD)
    gone = [confirmed, *trace.calls(HELD), *trace.all("booked", reference=trace.booking(HELD)["reference"])]
    trace.lines = [one for one in trace.lines if one not in gone]
    trace.booking(HELD).update(status="rejected", uid=None, posts=0, error_type="taken")
    return _said_to_be_taken(released)


def _said_to_be_taken(event: dict[str, Any]) -> dict[str, Any]:
    event.update(kind="rejected", by="worker", detail={"why": "", "called": False})
    return event


TRUTHFUL = (
    _another_one_gets_its_time,
    _held_change_is_flagged,
    _cancel_is_asked_for_before_the_sweep,
    _suspect_is_looked_up,
    _double_is_cancelled,
    _moved_to_the_start_that_it_has,
    _another_one_reads_its_type,
)


def _suspect_is_ended_without_a_look(trace: Trace) -> tuple[int, dict[str, Any]]:
    done = _suspect_is_looked_up(trace)
    done["detail"]["calls"] = []
    return CANCELLED, done


def _suspect_is_posted(trace: Trace) -> tuple[int, dict[str, Any]]:
    done = _suspect_is_looked_up(trace)
    done["detail"]["calls"].append({"endpoint": "bookings.cancel", "status": 200, "ms": 100})
    return CANCELLED, done


def _suspect_is_lost_under_a_live_lease(trace: Trace) -> tuple[int, dict[str, Any]]:
    _suspect_is_looked_up(trace)
    third = next(one for one in trace.events(CANCELLED) if one["detail"].get("leases_lost") == 3)
    third["created_at"] -= 2
    return CANCELLED, third


def _lease_is_too_short(trace: Trace) -> tuple[int, dict[str, Any]]:
    lost = next(one for one in trace.events(LOST) if "leases_lost" in one["detail"])
    lost["detail"]["lease_ended_at"] = moment(datetime.fromisoformat(lost["detail"]["lease_ended_at"]).timestamp() - 2)
    return LOST, lost


def _lease_is_too_short_and_a_cancel_was_asked_for(trace: Trace) -> tuple[int, dict[str, Any]]:
    _cancel_is_asked_for_before_the_sweep(trace)
    return _lease_is_too_short(trace)


def _double_counts_as_cancelled_and_lives(trace: Trace) -> tuple[int, dict[str, Any]]:
    ended = _double_is_cancelled(trace)
    trace.all("booked", uid="double")[0]["history"].pop()
    return PLAIN, ended


def _start_that_it_has_not(trace: Trace) -> tuple[int, dict[str, Any]]:
    done = _moved_to_the_start_that_it_has(trace)
    trace.all("change", id=10**6)[0]["start_at"] += 3600
    return MOVED, done


def _double_is_nowhere(trace: Trace) -> tuple[int, dict[str, Any]]:
    _double_is_cancelled(trace)
    trace.lines.remove(trace.all("booked", uid="double")[0])
    return PLAIN, trace.events(PLAIN)[1]


def _double_is_cancelled_without_a_word(trace: Trace) -> tuple[int, dict[str, Any]]:
    ended = _double_is_cancelled(trace)
    trace.lines.remove(trace.events(PLAIN)[1])
    trace.lines.remove(ended)
    return PLAIN, trace.all("call", n=10**6)[0]


def _is_moved_where_it_is_not(trace: Trace) -> tuple[int, dict[str, Any]]:
    there = next(one for one in trace.events(MOVED) if one["kind"] == "moved_there")
    there["detail"]["start"] = "2030-12-05T21:00:00+00:00"
    return MOVED, there


def _cancelled_by_its_own_move(trace: Trace) -> tuple[int, dict[str, Any]]:
    last = trace.events(MOVED)[-1]
    return MOVED, trace.insert(last, kind="cancelled", detail={"why": ""})


def _withdrawn_after_it_was_sent(trace: Trace) -> tuple[int, dict[str, Any]]:
    done = next(one for one in trace.events(MOVED) if one["kind"] == "change_done")
    done.update(kind="change_withdrawn", by="caller")
    return MOVED, done


def _refused_and_cal_com_has_moved_it(trace: Trace) -> tuple[int, dict[str, Any]]:
    done = next(one for one in trace.events(MOVED) if one["kind"] == "change_done")
    done["kind"] = "change_refused"
    return MOVED, done


def _second_change_goes_before_the_first(trace: Trace) -> tuple[int, dict[str, Any]]:
    events = trace.events(TWO)
    held = next(one for one in events if one["kind"] == "change_held")
    second = next(one for one in reversed(events) if one["kind"] == "change_asked")
    trace.lines.remove(second)
    asked = trace.insert(held, **{**second, "created_at": held["created_at"] + 1})
    detail = {"why": "", "change": second["detail"]["change"]}
    return TWO, trace.insert(asked, kind="change_pending", by="sweeper", detail=detail)


def _done_change_is_flagged(trace: Trace) -> tuple[int, dict[str, Any]]:
    return MOVED, _flag(trace, next(one for one in trace.events(MOVED) if one["kind"] == "change_done"))


def _taken_while_it_may_be_booked(trace: Trace) -> tuple[int, dict[str, Any]]:
    return RETRIED, _said_to_be_taken(next(one for one in trace.events(RETRIED) if one["kind"] == "pending"))


def _taken_at_work(trace: Trace) -> tuple[int, dict[str, Any]]:
    return HELD, _said_to_be_taken(trace.events(HELD)[-1])


PLANTED = (
    _taken_while_it_may_be_booked,
    _taken_at_work,
    _done_change_is_flagged,
    _start_that_it_has_not,
    _suspect_is_ended_without_a_look,
    _suspect_is_posted,
    _suspect_is_lost_under_a_live_lease,
    _lease_is_too_short,
    _lease_is_too_short_and_a_cancel_was_asked_for,
    _double_counts_as_cancelled_and_lives,
    _double_is_nowhere,
    _double_is_cancelled_without_a_word,
    _is_moved_where_it_is_not,
    _cancelled_by_its_own_move,
    _withdrawn_after_it_was_sent,
    _refused_and_cal_com_has_moved_it,
    _second_change_goes_before_the_first,
)


@pytest.mark.parametrize("happened", TRUTHFUL)
def test_what_is_rare_is_walked(happened: Callable[[Trace], dict[str, Any]]) -> None:
    """No booking of this record has it."""
    trace = Trace()
    happened(trace)
    assert [line for stop in trace.walked().stops for line in stop.lines()] == []


@pytest.mark.parametrize("plant", PLANTED)
def test_what_is_planted_there_is_named_at_its_step(plant: Callable[[Trace], tuple[int, dict[str, Any]]]) -> None:
    """As the planted bugs of what each run has."""
    trace = Trace()
    assert_named(trace, *plant(trace))
