"""The list of all actions and that of all workers: what is recorded, what the fleet tells of itself; no person."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from db.lifecycle import HoldReason, Status
from tasks import dependencies
from tasks.operations import booking_actions, breaker_actions, calls
from tests.integration.page.acting import start_flower_to_act
from tests.support.fleet import Fleet, eventually, finals, request
from tests.support.flower_pages import FlowerUnderTest, start_flower
from tests.support.page.operating import asked, held, of_bookings
from worker import enqueue_booking

ACTIONS = "/resilience/data/actions"


def listed(flower: FlowerUnderTest, **query: Any) -> list[dict[str, Any]]:
    """Return a page of the actions."""
    answer = flower.get(ACTIONS, params=query)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store"), answer.text
    assert "Ann Example" not in answer.text
    rows: list[dict[str, Any]] = answer.json()["rows"]
    return rows


def done(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return what is said of each action."""
    return [(row["who"], row["action"], row["outcome"], row["left"]) for row in rows]


def test_each_action_says_what_it_did_and_what_it_left(flower: FlowerUnderTest, record: Any) -> None:
    """The newest first; what was broken off and what was refused are told apart; by person and by kind."""
    built = dependencies.current()
    rows = [held(record), record.moved(Status.REJECTED), held(record)]
    booking_actions.carry_out(built, booking_actions.begin(built.engine, of_bookings("cancel", [*rows[:2], 404])))
    booking_actions.begin(built.engine, of_bookings("retry", rows, who="bob"))
    breaker_actions.carry_out(built, asked("auto", epoch_seen=7, who="bob"))
    calls.reveal(built.engine, asked("reveal", ids=(rows[2].id,), target=calls.CALL_LIST))
    calls.mark(built.engine, rows[2].id, who="ann", via="page")

    all_of_them = listed(flower)

    cancelled = "1 is cancelled. 2 were left alone: 1 is not there any more, 1 has ended."
    assert done(all_of_them[:2]) == [("ann", "called", "Marked as called.", None), ("ann", "reveal", "1 shown.", None)]
    assert [(row["action"], row["ended"], row["refused"]) for row in all_of_them[2:]] == [
        ("auto", True, True),
        ("retry", False, False),
        ("cancel", True, False),
    ]
    assert done(all_of_them)[3:] == [
        ("bob", "retry", "0 of 3", None),
        ("ann", "cancel", cancelled, cancelled.partition(". ")[2]),
    ]
    assert (all_of_them[4]["ids"], all_of_them[4]["total"]) == ([rows[0].id, rows[1].id, 404], 3)
    bobs = all_of_them[2]["id"]
    assert [row["action"] for row in listed(flower, by=bobs)] == ["auto", "retry"]
    assert flower.get(ACTIONS, params={"by": bobs}).json()["who"] == "bob"
    assert flower.get(ACTIONS).json()["people"] == {"ann": all_of_them[0]["id"], "bob": bobs}
    assert [row["who"] for row in listed(flower, kind="cancel")] == ["ann"]
    assert listed(flower, by=bobs, kind="called") == []
    assert [row["id"] for row in listed(flower, before=all_of_them[2]["id"])] == [row["id"] for row in all_of_them[3:]]


def test_no_action_is_left_out_between_two_pages(flower: FlowerUnderTest, record: Any) -> None:
    """Fifty a page, and the rest on the next."""
    built, row = dependencies.current(), held(record)
    for back in (False, True) * 30:
        calls.mark(built.engine, row.id, who="ann", via="page", take_back=back)
    first = flower.get(ACTIONS).json()
    second = flower.get(ACTIONS, params={"before": first["next"]}).json()
    ids = [one["id"] for one in first["rows"] + second["rows"]]
    assert (len(first["rows"]), len(second["rows"]), second["next"]) == (50, 10, None)
    assert ids == sorted(set(ids), reverse=True)


@pytest.mark.parametrize(
    "query",
    [{"before": "x"}, {"before": "-1"}, {"by": "ann@example.com"}, {"by": "404"}, {"kind": "x" * 257}, {"filter": "1"}],
)
def test_a_filter_that_is_none_is_refused(flower: FlowerUnderTest, query: dict[str, str]) -> None:
    """With a sentence, and never by an error of ours."""
    answer = flower.get(ACTIONS, params=query)
    assert (answer.status_code, answer.json().keys()) == (422, {"error"})


def test_without_a_login_nobody_reads_what_operators_did(fleet: Callable[..., Fleet]) -> None:
    """Nor who works where; a page shows the way to the login."""
    flower = start_flower(fleet, login=True)
    for path in (
        ACTIONS,
        "/resilience/data/workers",
        "/resilience/actions",
        "/resilience/workers",
        "/resilience/calls",
    ):
        assert flower.get(path, auth=("ann", "wrong")).status_code == 401, path
        assert flower.get(path).status_code == 200, path


@pytest.mark.usefixtures("simulator")
def test_a_uid_that_nobody_has_resolves_nothing(fleet: Callable[..., Fleet], record: Any) -> None:
    """By the function of `booking resolve`: Cal.com's answer decides, and the outcome is recorded."""
    flower = start_flower_to_act(fleet)
    unknown = {"outcome_unknown": True, "sent_at": timedelta(minutes=-5), "settle_at": timedelta(minutes=-3)}
    row = held(record, HoldReason.BLIND_KEY, **unknown)
    preview = flower.post("/resilience/actions/preview", {"action": "resolve", "ids": [row.id]}).json()
    assert (preview["asks"], preview["refused"]) == (["uid", "why"], None)
    body = {"request_id": preview["request_id"], "action": "resolve", "ids": [row.id], "why": "the host says so"}
    assert flower.post("/resilience/actions", body).status_code == 422, "no uid"
    assert flower.post("/resilience/actions", body | {"uid": "two words"}).status_code == 422
    assert flower.post("/resilience/actions", body | {"uid": "nobodyhasthis"}).status_code == 202

    def ended() -> Any:
        found = flower.get(f"/resilience/actions/{preview['request_id']}").json()
        return found["ended"] and found

    last = eventually(ended)
    assert (last["refused"], "knows neither a booking nor a seat" in last["text"]) == (True, True)
    assert record.read(row.id).status is Status.HELD
    [recorded] = listed(flower, kind="resolve")
    assert (recorded["refused"], recorded["options"], recorded["ids"]) == (True, {"uid": "nobodyhasthis"}, [row.id])


def test_a_worker_tells_of_its_threads_and_what_it_is_busy_on(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """By its own events, within a heartbeat; the bookings by rows, so that they are there when an event was lost."""
    simulator.faults("hang", hold=3)
    running = fleet()
    flower = start_flower(lambda **_: running)
    running.start(pool="threads")
    number = enqueue_booking(request(0)).appointment_id

    def busy() -> Any:
        seen = flower.get("/resilience/data/workers").json()
        workers = [one for one in seen["workers"] if one["threads"] and [b["id"] for b in one["bookings"]] == [number]]
        return (workers, seen) if workers else None

    [worker], seen = eventually(busy, what="a worker is busy")
    assert (worker["online"], worker["release"] is not None, worker["host"] != "") == (True, True, True)
    assert seen["unplaced"] == []
    assert [queue["name"] for queue in seen["queues"]] == ["bookings", "maintenance"]
    simulator.no_faults()
    finals([number])
