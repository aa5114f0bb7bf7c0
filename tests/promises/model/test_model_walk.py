"""A run's events and Cal.com's log are steps of the model; each planted bug is named at its step.

The record is of twelve bookings of one run of `make promises`: some meet an outage, workers die, an answer comes late.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.model.walk.__main__ import main
from tests.promises.model.trace import (
    CANCELLED,
    FILE,
    HELD,
    LINES,
    LOST,
    MOVED,
    PLAIN,
    RETRIED,
    SETTLED,
    UNSURE,
    Trace,
    assert_named,
)


def _moved_without_its_event(trace: Trace) -> tuple[int, dict[str, Any]]:
    held = next(one for one in trace.events(SETTLED) if one["kind"] == "held")
    released = trace.events(SETTLED)[trace.events(SETTLED).index(held) + 1]
    trace.lines.remove(held)
    return SETTLED, released


def _held_row_is_claimed(trace: Trace) -> tuple[int, dict[str, Any]]:
    held = next(one for one in trace.events(SETTLED) if one["kind"] == "held")
    look = {"endpoint": "bookings.list", "status": 200, "ms": 100}
    detail = {"why": "", "calls": [look], "attempt_ms": 110, "waited_ms": 800, "retry_in_ms": 300}
    return SETTLED, trace.insert(held, kind="retrying", detail=detail)


def _claimed_under_a_live_lease(trace: Trace) -> tuple[int, dict[str, Any]]:
    first, second = [one for one in trace.events(SETTLED) if one["kind"] == "retrying"][:2]
    ms = round(1000 * (second["created_at"] - first["created_at"])) + 500
    second["detail"] |= {"attempt_ms": ms + 10, "calls": [{"endpoint": "bookings.list", "status": 200, "ms": ms}]}
    return SETTLED, second


def _claimed_before_its_time(trace: Trace) -> tuple[int, dict[str, Any]]:
    first, second = [one for one in trace.events(SETTLED) if one["kind"] == "retrying"][:2]
    first["detail"]["retry_in_ms"] += 5000
    return SETTLED, second


def _posted_again_without_a_look(trace: Trace) -> tuple[int, dict[str, Any]]:
    last = trace.events(SETTLED)[-1]
    last["detail"]["calls"] = [one for one in last["detail"]["calls"] if one["endpoint"] == "bookings.create"]
    return SETTLED, last


def _posted_again_before_it_settled(trace: Trace) -> tuple[int, dict[str, Any]]:
    events = trace.events(SETTLED)
    early = next(one for one in events if one["detail"].get("calls", [{}])[0].get("endpoint") == "bookings.list")
    early["detail"], early["kind"] = deepcopy(events[-1]["detail"]), "confirmed"
    early["detail"]["attempt_ms"], early["detail"]["waited_ms"] = 200, 300
    for call in early["detail"]["calls"]:
        call["ms"] = 1
    trace.all("booked", reference=trace.booking(SETTLED)["reference"])[0]["history"][0][0] -= 100
    return SETTLED, early


def _end_is_left_again(trace: Trace) -> tuple[int, dict[str, Any]]:
    return PLAIN, trace.insert(
        trace.events(PLAIN)[-1], kind="pending", by="sweeper", detail={"why": "", "held": "settling"}
    )


def _posted_by_nobody(trace: Trace) -> tuple[int, dict[str, Any]]:
    [call] = trace.calls(PLAIN)
    again = {**call, "n": 10**6, "t0": call["t0"] + 10}
    trace.lines.append(again)
    return PLAIN, again


def _confirmed_and_nowhere(trace: Trace) -> tuple[int, dict[str, Any]]:
    [booked] = trace.all("booked", reference=trace.booking(PLAIN)["reference"])
    trace.lines.remove(booked)
    return PLAIN, trace.events(PLAIN)[0]


def _released_before_its_cause_ended(trace: Trace) -> tuple[int, dict[str, Any]]:
    held = next(one for one in trace.events(SETTLED) if one["kind"] == "held")
    released = next(one for one in trace.events(SETTLED) if one["detail"].get("held") == "settling")
    released["created_at"] = held["created_at"] + 0.1
    return SETTLED, released


def _held_for_no_such_reason(trace: Trace) -> tuple[int, dict[str, Any]]:
    released = next(one for one in trace.events(SETTLED) if one["detail"].get("held") == "settling")
    released["detail"]["held"] = "credentials"
    return SETTLED, released


def _move_is_done_without_a_call(trace: Trace) -> tuple[int, dict[str, Any]]:
    done = next(one for one in trace.events(MOVED) if one["kind"] == "change_done")
    done["detail"]["calls"] = []
    return MOVED, done


def _expired_before_its_time(trace: Trace) -> tuple[int, dict[str, Any]]:
    end = trace.events(HELD)[-1]
    end.update(kind="expired", by="sweeper", detail={"why": ""})
    return HELD, end


def _retried_too_often(trace: Trace) -> tuple[int, dict[str, Any]]:
    trace.all("part")[0]["retries"] = 0
    again = next(one for one in trace.events(RETRIED) if one["kind"] == "retrying")
    return RETRIED, again


def _lease_ends_while_it_is_alive(trace: Trace) -> tuple[int, dict[str, Any]]:
    lost = next(one for one in trace.events(LOST) if "leases_lost" in one["detail"])
    lost["created_at"] -= 4
    return LOST, lost


def _kind_that_the_model_does_not_know(trace: Trace) -> tuple[int, dict[str, Any]]:
    return PLAIN, trace.insert(trace.events(PLAIN)[-1], kind="unheard_of", detail={})


PLANTED = (
    _moved_without_its_event,
    _held_row_is_claimed,
    _claimed_under_a_live_lease,
    _claimed_before_its_time,
    _posted_again_without_a_look,
    _posted_again_before_it_settled,
    _end_is_left_again,
    _posted_by_nobody,
    _confirmed_and_nowhere,
    _released_before_its_cause_ended,
    _held_for_no_such_reason,
    _move_is_done_without_a_call,
    _expired_before_its_time,
    _retried_too_often,
    _lease_ends_while_it_is_alive,
    _kind_that_the_model_does_not_know,
)


def test_a_real_run_walks_the_model() -> None:
    """Every event of it is walked, and every call has its claim."""
    done = Trace().walked()
    assert [line for stop in done.stops for line in stop.lines()] == []
    assert (done.bookings, done.changes, done.events) == (12, 7, len([one for one in LINES if one["is"] == "event"]))
    assert main([str(FILE)]) == 0


def test_a_slow_release_is_walked() -> None:
    """Its message waited since the beginning of a transaction that took long: the claim is not later for that."""
    trace = Trace()
    detail, [call] = trace.events(HELD)[-1]["detail"], trace.calls(HELD)
    detail["waited_ms"] += 3000
    detail["attempt_ms"] += 300  # the move was written late, too
    call["t0"] -= 0.25
    assert [line for stop in trace.walked().stops for line in stop.lines()] == []


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_bug_is_named_at_its_step(plant: Callable[[Trace], tuple[int, dict[str, Any]]]) -> None:
    """The first step that cannot be taken is the one that was planted, and of no other booking one is named."""
    trace = Trace()
    assert_named(trace, *plant(trace))


def test_a_row_that_no_event_has_moved_is_named_at_the_end() -> None:
    """The row's own status is held to the last event."""
    trace = Trace()
    trace.booking(PLAIN)["status"] = "cancelled"
    [stop] = trace.walked().stops
    assert (stop.booking, stop.step) == (PLAIN, "the end")


def test_two_changes_of_one_uid_at_once_are_named() -> None:
    """A cancel of a shared booking goes while the outcome of another cancel of it is unknown."""
    trace = Trace()
    [unsure], [other] = trace.all("change", booking=UNSURE), trace.all("change", booking=CANCELLED)
    began = next(one["created_at"] for one in trace.events(UNSURE) if one["kind"] == "change_held")
    [done] = [one for one in trace.events(CANCELLED) if one["kind"] == "change_done"]
    by = began + 1 - done["created_at"]
    of_other = [one for one in trace.lines if one["is"] == "call" and other["from_uid"] in one["target"].split("/")]
    [call] = of_other
    call.update(target=call["target"].replace(other["from_uid"], unsure["from_uid"]), t0=call["t0"] + by)
    for event in trace.events(CANCELLED)[1:]:
        event["created_at"] += by
    other["from_uid"] = unsure["from_uid"]
    stops = [stop for stop in trace.walked().stops if stop.booking == CANCELLED]
    assert [stop.step.startswith(f"the POST of change {other['id']},") for stop in stops] == [True]


def test_a_record_with_a_bug_fails_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command names the booking, the step, the states before it and the steps before that."""
    trace = Trace()
    _held_row_is_claimed(trace)
    file = tmp_path / "trace.jsonl"
    file.write_text("".join(f"{json.dumps(one)}\n" for one in trace.lines), encoding="utf-8")
    assert main([str(file)]) == 1
    told = capsys.readouterr().out
    assert told.startswith(f"booking {SETTLED}: the model cannot take retrying")
    assert "held(settling), unknown" in told
