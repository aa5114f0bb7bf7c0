"""A cancel or a move that an operator asks for on a booking's page: the command's own function and record.

What is refused: tests/integration/changes/test_refused_changes.py.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from db.changes import asking
from db.lifecycle import ChangeStatus, Status
from db.models.changes import ChangeKind, booking_changes
from tasks import dependencies
from tests.integration.page.test_page_actions import ACT, PREVIEW, WHY, press
from tests.support.audits.scene import Scene
from tests.support.changes import held_change
from tests.support.fleet import eventually
from tests.support.flower_pages import FlowerUnderTest
from tests.support.page.operating import recorded
from tests.support.refused_changes import LATER, booked, stored
from worker.cli.orders import reschedule, retry_cancel


def moved(record: Any, row: Any) -> Any:
    """Return the last change of a booking."""
    with record.engine.connect() as conn:
        return asking.of_booking(conn, row.id)[-1]


def test_the_page_and_the_command_ask_for_a_change_by_one_function(flower: FlowerUnderTest, record: Any) -> None:
    """The changes and the records of the two differ by nothing but who asked, by which way and why."""
    by_page, by_command = booked(record), booked(record)
    start, reason = LATER.isoformat(), "the host is ill"
    for action, more in (("reschedule", {"start": start}), ("cancel", {})):
        answer = press(flower, action, [by_page.id], reason=reason, **more)
        assert (answer.status_code, answer.json()["done"]) == (200, True), answer.text
    named: dict[str, Any] = {"reason": reason, "account": None, "why": "they called"}
    assert reschedule.run(str(by_command.id), start, **named)
    assert retry_cancel.run("cancel", [str(by_command.id)], not_booked=False, **named)

    changes = [moved(record, row) for row in (by_page, by_command)]
    assert [(one.kind, one.status, one.reason) for one in changes] == [
        (ChangeKind.CANCEL, ChangeStatus.PENDING, reason)
    ] * 2
    assert [one.via for one in changes] == ["page", "command line"]
    acts = recorded(dependencies.current())
    assert {one.why for one in acts if one.via == "page"} == {WHY["why"]}
    same = {
        via: [(one.action, one.target, one.outcomes, one.refused, one.done) for one in acts if one.via == via]
        for via in ("page", "command line")
    }
    assert same["page"] == same["command line"]
    assert [one[0] for one in same["page"]] == ["reschedule", "cancel"]


def test_a_booking_shows_its_changes_and_what_each_waits_for(flower: FlowerUnderTest, record: Any) -> None:
    """The newest first, with the sentence of `booking show`; what Cal.com tells the attendee is not in it."""
    row = booked(record)
    path = f"/resilience/data/bookings/{row.id}"
    assert flower.get(path).json()["actions"] == ["reschedule", "cancel"]
    press(flower, "reschedule", [row.id], start=LATER.isoformat(), reason="Pat is ill")
    press(flower, "cancel", [row.id])

    answer = flower.get(path)

    cancel, move = answer.json()["changes"]
    assert (cancel["kind"], cancel["status"], cancel["wanted"], cancel["via"]) == ("cancel", "pending", None, "page")
    assert (move["status"], datetime.fromisoformat(move["wanted"])) == ("withdrawn", LATER)
    assert cancel["said"].startswith("Its cancel, asked for ")
    assert cancel["said"].endswith(", waits for a worker.")
    assert "Pat is ill" not in answer.text
    assert answer.json()["actions"] == [], "what is being cancelled is neither moved nor cancelled again"


def test_a_change_that_failed_is_sent_again_from_the_page(flower: FlowerUnderTest, record: Any) -> None:
    """Its booking is confirmed, and is not sent; a change that waits for the breaker goes by itself."""
    row = booked(record)
    press(flower, "reschedule", [row.id], start=LATER.isoformat())
    path, columns = f"/resilience/data/bookings/{row.id}", booking_changes.c
    held = {"status": "held", "hold_reason": "breaker_open", "held_at": LATER, "enqueued_at": None}
    failed = {"status": "failed", "hold_reason": None, "held_at": None}
    for values, actions in ((held, ["reschedule", "cancel"]), (failed, ["retry", "reschedule", "cancel"])):
        with record.engine.begin() as conn:
            conn.execute(booking_changes.update().where(columns.appointment_id == row.id).values(values))
        eventually(lambda expected=actions: flower.get(path).json()["actions"] == expected, what=str(actions))

    assert press(flower, "retry", [row.id]).json() == {"done": True, "text": "Sent again."}
    assert (moved(record, row).status, record.read(row.id).status) == (ChangeStatus.PENDING, Status.CONFIRMED)


def test_a_person_says_on_the_page_what_became_of_a_held_change(
    flower: FlowerUnderTest, record: Any, simulator: Any
) -> None:
    """By the command's own function; what the word needs is asked for, and it is recorded."""
    row = Scene(record, simulator).confirmed()
    change = held_change(record, row, LATER)
    path = f"/resilience/data/bookings/{row.id}"
    assert flower.get(path).json()["actions"] == ["retry", "done", "not_done", "reschedule", "cancel"]
    asks = [flower.post(PREVIEW, {"action": "resolve", "ids": [row.id], "done": done}).json() for done in (True, False)]
    assert [(one["asks"], one["refused"]) for one in asks] == [(["new_uid", "why"], None), (["why"], None)]
    assert asks[0]["lines"][0].startswith("Its move to ")

    body = {"request_id": str(uuid4()), "action": "resolve", "ids": [row.id], "done": False} | WHY
    assert flower.post(ACT, body).status_code == 202

    last = eventually(lambda: (now := recorded(dependencies.current())[-1]).done_at and now, what="the action's end")
    assert (last.target, last.outcomes, last.refused) == ({"done": False}, {"change_not_done": 1}, None)
    assert (moved(record, row).id, moved(record, row).status) == (change.id, ChangeStatus.REFUSED)
    assert flower.get(path).json()["actions"] == ["reschedule", "cancel"]


def test_a_move_that_is_pressed_twice_is_one_change(flower: FlowerUnderTest, record: Any) -> None:
    """Also of a booking that is not at Cal.com, which takes the new start without a call."""
    row, waits = booked(record), record.keep()
    for one in (row, waits):
        body = {"request_id": str(uuid4()), "action": "reschedule", "ids": [one.id], "start": LATER.isoformat()} | WHY
        first, again = (flower.post(ACT, body).json() for _ in range(2))
        assert first == again
        assert first["done"]
    now = record.read(waits.id)
    assert (now.status, now.start_at) == (Status.PENDING, LATER)
    assert stored(record) == [(ChangeKind.RESCHEDULE, "pending"), (ChangeKind.RESCHEDULE, "done")]
    assert len(recorded(dependencies.current())) == 2


def test_a_preview_of_a_move_gives_the_present_start_in_the_viewers_zone(flower: FlowerUnderTest, record: Any) -> None:
    """And says what becomes of it."""
    row = booked(record, booked_start_at=LATER)

    seen = flower.post(PREVIEW, {"action": "reschedule", "ids": [row.id], "zone": "Europe/Berlin"}).json()

    assert seen["lines"] == [
        f"It starts {LATER + timedelta(hours=1):%a %d %b %Y, %H:%M} (Europe/Berlin).",
        "It is booked: its move goes to Cal.com.",
    ]
    assert (seen["asks"], seen["refused"]) == (["start", "reason", "why"], None)
