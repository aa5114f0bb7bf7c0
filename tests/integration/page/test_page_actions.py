"""Actions over HTTP: for a user who may, once, and recorded; the server refuses all others, whatever a page shows."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from db.lifecycle import HoldReason, Status
from resilience.circuit_breaker.types import State
from tasks import dependencies
from tasks.operations import breaker_overrides
from tasks.operations.breaker_actions import KEPT, NOT_DONE
from tests.integration.page.acting import TOKEN, start_flower_to_act
from tests.support.accounts.making import make_account
from tests.support.fleet import Fleet, eventually
from tests.support.flower_pages import FlowerUnderTest, start_flower
from tests.support.page.operating import held, recorded, story

PREVIEW, ACT = "/resilience/actions/preview", "/resilience/actions"
WHY = {"why": "Cal.com asked us to"}


def pressed(
    flower: FlowerUnderTest, action: str, ids: list[int] | None = None, *, service: str | None = None, **given: Any
) -> dict[str, Any]:
    """Return what a page sends once its preview is confirmed; `service`: for a Cal.com at this host."""
    about = {"action": action, "service": service}
    seen = flower.post(PREVIEW, about | {"ids": ids})
    assert seen.status_code == 200, seen.text
    preview = seen.json()
    assert preview["refused"] is None, preview
    more = {"until": 600 if "until" in preview["asks"] else None, "typed": preview["typed"]} | WHY | given
    return {name: preview[name] for name in ("request_id", "epoch", "ids")} | about | more


def press(flower: FlowerUnderTest, action: str, ids: list[int] | None = None, **given: Any) -> Any:
    """Ask for a preview, confirm it, and return the answer."""
    return flower.post(ACT, pressed(flower, action, ids, **given))


def followed(flower: FlowerUnderTest, request_id: str) -> dict[str, Any]:
    """Follow an action to its end."""
    last: dict[str, Any] = eventually(lambda: (now := flower.get(f"{ACT}/{request_id}").json())["ended"] and now)
    return last


def test_each_order_changes_the_breaker_and_says_who_and_why(fleet: Callable[..., Fleet]) -> None:
    """As the login is called; the same stands in the order and in what is recorded. Also below a url_prefix."""
    flower = start_flower(fleet, login=True, prefix="below/here")
    built = dependencies.current()
    built.breaker.record_success("bookings.create")
    for action, state in (
        ("open", State.FORCED_OPEN),
        ("auto", State.HALF_OPEN),
        ("off", State.OFF),
        ("reset", State.CLOSED),
    ):
        answer = press(flower, action)
        assert (answer.status_code, answer.json()["done"]) == (200, True), answer.text
        assert built.breaker.get_status().state is state
        change = built.breaker.view.transitions()[-1]
        assert (change.by, change.why) == ("ann", WHY["why"])
    actions = recorded(built)
    assert [one.action for one in actions] == ["open", "auto", "off", "reset"]
    assert {(one.who, one.via, one.why) for one in actions} == {("ann", "page", WHY["why"])}


def test_an_order_to_another_calcom_is_for_its_breaker_alone(fleet: Callable[..., Fleet], record: Any) -> None:
    """Which one stands in the record, by its host, and in the answer; the settings' own is left alone."""
    make_account(record.engine)
    with record.engine.begin() as conn:
        conn.execute(text("UPDATE calcom_accounts SET alone = false"))
    flower = start_flower(fleet, login=True)
    built = dependencies.current()
    other = built.services.breaker("c-other")
    for action, state in (
        ("open", State.FORCED_OPEN),
        ("auto", State.HALF_OPEN),
        ("off", State.OFF),
        ("reset", State.CLOSED),
    ):
        answer = press(flower, action, service="cal.example.com")
        assert answer.status_code == 200, answer.text
        assert answer.json()["text"].startswith("Cal.com at cal.example.com: ")
        assert [one.get_status().state for one in (other, built.breaker)] == [state, State.CLOSED]
    actions = recorded(built)
    assert {(one.who, one.via, one.why) for one in actions} == {("ann", "page", WHY["why"])}
    targets = [(one.target["service"], one.target["host"]) for one in actions]
    assert targets == [("c-other", "cal.example.com")] * 4
    assert breaker_overrides.in_force(built.engine, "c-other") == []


def test_bookings_are_sent_again_and_cancelled_one_by_one_or_many_at_once(flower: FlowerUnderTest, record: Any) -> None:
    """One is answered at once, many are followed; a double click of either does nothing twice."""
    one, other = held(record), held(record)
    many = [held(record) for _ in range(30)]
    assert press(flower, "retry", [one.id]).json() == {"done": True, "text": "Sent again."}
    assert press(flower, "cancel", [other.id]).json() == {"done": True, "text": "Cancelled."}
    assert [record.read(row.id).status for row in (one, other)] == [Status.PENDING, Status.CANCELLED]

    body = pressed(flower, "cancel", [row.id for row in many])
    assert body["typed"] == "30"
    with ThreadPoolExecutor(4) as clicks:
        answers = [click.result(30) for click in [clicks.submit(flower.post, ACT, body) for _ in range(4)]]
    assert {answer.status_code for answer in answers} <= {200, 202}
    last = followed(flower, body["request_id"])
    assert (last["total"], last["done"], last["moved_on"], last["text"]) == (30, 30, 0, "30 are cancelled.")
    assert flower.post(ACT, body).json() == {"done": True, "text": "30 are cancelled."}
    assert [len(story(record, row)) for row in many] == [1] * 30
    assert len(recorded(dependencies.current())) == 3


def test_what_has_moved_on_since_the_preview_is_left_and_counted(flower: FlowerUnderTest, record: Any) -> None:
    """Two of them were confirmed while somebody read."""
    rows = [held(record) for _ in range(5)]
    body = pressed(flower, "cancel", [row.id for row in rows])
    for row in rows[:2]:
        record.write(row.id, **dict.fromkeys(("hold_reason", "held_at")), status="confirmed", calcom_booking_uid="uid")

    flower.post(ACT, body)

    assert followed(flower, body["request_id"])["text"] == "3 are cancelled. 2 were left alone: 2 are booked."


@pytest.mark.long
def test_a_page_that_is_older_than_the_breakers_state_acts_on_nothing(flower: FlowerUnderTest) -> None:
    """It is told how it stands now, and a second press is told the same."""
    breaker = dependencies.current().breaker
    breaker.record_success("bookings.create")
    body = pressed(flower, "open")
    breaker.operators.force_open("somebody", "since")
    breaker.operators.auto("somebody", "since")

    answers = [flower.post(ACT, body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["error"].startswith("half-open since ")
    assert answers[0].json()["error"].endswith("; look again")
    assert breaker.get_status().state is State.HALF_OPEN


@pytest.mark.long
def test_an_action_whose_flower_was_killed_goes_on_when_it_is_pressed_again(
    fleet: Callable[..., Fleet], database_url: str, record: Any
) -> None:
    """In the next Flower, where it was: `12 of 20`, then the rest; none of them twice."""
    # It would count a row that it cannot have as moved on; the time that a statement may take bounds this one too.
    patient = f"{database_url}?options=-c%20lock_timeout%3D60s%20-c%20statement_timeout%3D60s"
    flower = start_flower_to_act(fleet, DATABASE_URL=patient)
    rows = [held(record) for _ in range(20)]
    body = pressed(flower, "cancel", [row.id for row in rows])
    with record.engine.connect() as other:
        other.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        other.execute(text("SELECT 1 FROM appointments WHERE id = :id FOR UPDATE"), {"id": rows[12].id})
        assert flower.post(ACT, body).status_code == 202
        eventually(lambda: flower.get(f"{ACT}/{body['request_id']}").json()["done"] == 12)
        os.kill(flower.process.pid, signal.SIGKILL)
        flower.process.wait(10)
        other.rollback()

    again = start_flower_to_act(fleet)
    half = again.get(f"{ACT}/{body['request_id']}").json()
    assert (half["text"], half["ended"], half["running"]) == ("12 of 20", False, False)
    assert again.post(ACT, body).status_code == 202
    assert followed(again, body["request_id"])["text"] == "20 are cancelled."
    assert [len(story(record, row)) for row in rows] == [1] * 20


def test_who_has_looked_ends_what_is_unknown_of_one(flower: FlowerUnderTest, record: Any) -> None:
    """With the tick it is posted again; without, it is looked up first."""
    unknown = {"outcome_unknown": True, "sent_at": timedelta(minutes=-5), "settle_at": timedelta(minutes=-1)}
    rows = [held(record, HoldReason.BLIND_KEY, **unknown) for _ in range(2)]

    texts = [
        press(flower, "retry", [row.id], not_booked=tick).json()["text"]
        for row, tick in zip(rows, (True, False), strict=True)
    ]

    assert texts == ["Sent again.", "Sent again; it is looked up at Cal.com first."]
    assert [record.read(row.id).outcome_unknown for row in rows] == [False, True]


@pytest.mark.fresh_database
def test_whose_booking_it_is_is_shown_once_that_is_recorded(fleet: Callable[..., Fleet], record: Any) -> None:
    """To whom, and why; no cache keeps it."""
    flower = start_flower(fleet, login=True)
    row = record.keep(attendee_name="Ann Example", guests=["guest@example.com"], request_metadata={"note": "n"})
    path = f"/resilience/bookings/{row.id}/who"
    preview = flower.post(PREVIEW, {"action": "reveal", "ids": [row.id]}).json()
    assert (preview["lines"], preview["asks"]) == (["Shown for 60 s, recorded."], ["why"])

    answer = flower.post(path, {"why": "they called"})

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["seconds"] == 60
    fields = answer.json()["fields"]
    assert (fields["attendee_name"], fields["guests"]) == ("Ann Example", ["guest@example.com"])
    assert fields["attendee_email"] == row.attendee_email
    actions = recorded(dependencies.current())
    assert [(one.who, one.via, one.action, one.why) for one in actions] == [("ann", "page", "reveal", "they called")]
    assert [(one.ids, one.outcomes) for one in actions] == [((row.id,), {"shown": 1})]

    assert flower.post(path, {"why": " "}).status_code == 422
    assert flower.post("/resilience/bookings/404/who", {"why": "they called"}).status_code == 404
    with record.engine.begin() as conn:
        conn.execute(text("ALTER TABLE operator_actions ADD CONSTRAINT none CHECK (false) NOT VALID"))
    refused = flower.post(path, {"why": "they called"})
    assert (refused.status_code, "Ann Example" in refused.text) == (500, False), "nothing is shown unrecorded"


@pytest.mark.variants(first=2)
@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (("--read_only",), {}),
        ((), {"token": False}),
        ((), {"headers": {"Origin": "https://example.com"}}),
        ((), {"headers": {"Sec-Fetch-Site": "cross-site"}}),
        ((), {"headers": {"Host": "calendar.example.com", "Origin": "http://calendar.example.com"}}),
        ((), {"headers": {"X-Forwarded-For": "203.0.113.7"}}),
        (("--address=0.0.0.0",), {}),
    ],
    ids=["read-only", "a bare POST", "another origin", "another site", "another host", "a proxy", "for everybody"],
)
def test_the_server_refuses_whoever_may_not(
    fleet: Callable[..., Fleet], record: Any, options: tuple[str, ...], sent: dict[str, Any]
) -> None:
    """Each way to act or to see a person; nothing is done, shown or recorded."""
    flower = start_flower_to_act(fleet, *options)
    row = held(record)
    act = {"request_id": str(uuid4()), "action": "cancel", "ids": [row.id]} | WHY
    opens = {"request_id": str(uuid4()), "action": "open", "epoch": 0} | WHY
    for path, body in (
        (PREVIEW, {"action": "cancel", "ids": [row.id]}),
        (ACT, act),
        (ACT, act | {"action": "reschedule", "start": "2031-03-05T09:00:00Z"}),
        (ACT, opens),
        (ACT, opens | {"service": "cal.example.com"}),
        (PREVIEW, {"action": "open", "service": "cal.example.com"}),
        (f"/resilience/bookings/{row.id}/who", WHY),
    ):
        answer = flower.post(path, body, **sent)
        assert answer.status_code == 403, (path, answer.text)
        assert answer.json().keys() == {"error"}
    assert (record.read(row.id).status, recorded(dependencies.current())) == (Status.HELD, [])


def test_without_a_login_only_who_has_opened_the_link_may_act(fleet: Callable[..., Fleet], record: Any) -> None:
    """A proxy that speaks HTTP/1.1 and adds no header looks as this machine does: a viewer behind it reads, no more."""
    flower = start_flower_to_act(fleet)
    other = FlowerUnderTest(flower.url, flower.process)
    row = held(record)
    asked = {"action": "retry", "ids": [row.id]}

    for wrong in ("", TOKEN[:-1], TOKEN + "x"):
        page = other.get("/resilience", params={"token": wrong})
        assert (page.status_code, page.history) == (200, [])
        assert 'content="no: this Flower has no login; open the link with the token' in page.text
    for path, body in ((PREVIEW, asked), (ACT, asked | {"request_id": str(uuid4())} | WHY)):
        refused = other.post(path, body)
        assert (refused.status_code, "booking up" in refused.json()["error"]) == (403, True), path
    assert [one["id"] for one in other.get("/resilience/data/bookings").json()["rows"]] == [row.id]
    opened = other.get("/resilience", params={"token": TOKEN}, allow_redirects=False)
    assert (opened.status_code, opened.headers["Location"]) == (302, "/resilience")
    assert opened.headers["Set-Cookie"].endswith("HttpOnly; Path=/resilience; SameSite=Strict")
    assert other.get("/resilience").text.count('content="yes"') == 1
    assert press(other, "retry", [row.id]).json() == {"done": True, "text": "Sent again."}


def test_who_is_not_logged_in_may_do_nothing(fleet: Callable[..., Fleet], record: Any) -> None:
    """Where a login is asked for."""
    flower = start_flower(fleet, login=True)
    row = held(record)
    flower.get("/resilience")
    headers = {"Origin": flower.url, "X-Xsrftoken": flower.session.cookies["_xsrf"]}
    body = {"request_id": str(uuid4()), "action": "cancel", "ids": [row.id]} | WHY
    for auth in (None, ("ann", "wrong")):
        for path in (PREVIEW, ACT, f"/resilience/bookings/{row.id}/who"):
            answer = flower.session.post(flower.url + path, json=body, headers=headers, auth=auth, timeout=30)
            assert answer.status_code == 401, path
        assert flower.get(f"{ACT}/{body['request_id']}", auth=auth).status_code == 401
    assert (record.read(row.id).status, recorded(dependencies.current())) == (Status.HELD, [])


def test_what_is_not_understood_is_refused_with_a_sentence(flower: FlowerUnderTest, record: Any) -> None:
    """Nothing is done, and nothing of what was sent is repeated."""
    row = held(record)
    one = {"request_id": str(uuid4()), "action": "cancel", "ids": [row.id]} | WHY
    order = {"request_id": str(uuid4()), "action": "open", "epoch": 1} | WHY
    many = list(range(1, 22))
    wrong: list[tuple[Any, str]] = [
        (one | {"why": ""}, "why: say why"),
        (one | {"why": "\x00\n"}, "why: say why"),
        (one | {"why": "x" * 501}, "why: "),
        (one | {"ids": []}, "ids: "),
        (one | {"ids": [row.id, row.id]}, "ids: names a booking twice"),
        (one | {"ids": list(range(1, 1002))}, "ids: "),
        (one | {"ids": ["<script>"]}, "ids: "),
        (one | {"ids": [2**63]}, "ids: "),
        (one | {"ids": None}, "ids go with retry"),
        (one | {"ids": many, "typed": "20"}, "typed: type 21 to confirm"),
        (one | {"ids": many, "typed": "21", "not_booked": True}, "one booking at a time"),
        (one | {"action": "delete"}, "action: "),
        (one | {"request_id": "1"}, "request_id: "),
        (one | {"filter": "state=held"}, "there is a field that nobody asked for"),
        (one | {"zone": "Nowhere/At all"}, "zone: is no time zone"),
        (order | {"epoch": None}, "epoch is missing"),
        (order | {"ids": [row.id]}, "ids go with retry"),
        (order | {"service": "<script>"}, "service: no account is at a Cal.com of this host"),
        (order | {"service": "x" * 257}, "service: "),
        (one | {"service": "cal.example.com"}, "service goes with open, off, auto and reset"),
        (order | {"until": 0}, "until: "),
        (order | {"action": "off", "typed": "off", "until": 600}, "typed: type OFF to confirm"),
        (order | {"action": "off", "typed": "OFF", "until": 3601}, "until: off needs an end, an hour at most"),
        (order | {"action": "off", "typed": "OFF"}, "until: off needs an end, an hour at most"),
        (order | {"action": "reset", "until": 600}, "until goes with open and off"),
        (one | {"start": "2031-03-05T09:00:00Z"}, "start goes with reschedule"),
        (one | {"action": "reschedule"}, "start goes with reschedule"),
        (one | {"action": "reschedule", "start": "2031-03-05T09:00:00"}, "start: "),
        (one | {"action": "reschedule", "start": "3000-03-05T09:00:00Z"}, "start: is later than the year"),
        (one | {"action": "reschedule", "start": "2031-03-05T09:00:00Z", "ids": [1, 2]}, "one booking at a time"),
        (one | {"ids": [1, 2], "reason": "the host is ill"}, "reason goes with"),
        ([], ""),
        ("", ""),
    ]
    for body, said in wrong:
        answer = flower.post(ACT, body)
        assert answer.status_code == 422, body
        assert answer.json()["error"].startswith(said), (body, answer.text)
        assert "script" not in answer.text
    assert flower.post(ACT, one | {"why": "x" * 70_000}).status_code == 413
    assert (record.read(row.id).status, recorded(dependencies.current())) == (Status.HELD, [])


def test_a_request_id_of_another_action_is_refused(flower: FlowerUnderTest, record: Any) -> None:
    """Nobody is given the answer of what somebody else had done."""
    rows = [held(record), held(record)]
    body = pressed(flower, "retry", [rows[0].id])
    flower.post(ACT, body)

    answer = flower.post(ACT, body | {"ids": [rows[1].id]})

    assert answer.status_code == 409
    assert record.read(rows[1].id).status is Status.HELD
    assert flower.get(f"{ACT}/{uuid4()}").status_code == 404


def test_without_redis_orders_are_kept_and_the_others_refused(flower: FlowerUnderTest, valkey: Any) -> None:
    """What was refused can be pressed again when it is back."""
    built = dependencies.current()
    built.breaker.operators.force_open("somebody", "before")
    auto = pressed(flower, "auto")
    opens = {"request_id": str(uuid4()), "action": "open", "epoch": 0, "until": 600} | WHY
    valkey.kill()

    assert flower.post(ACT, opens).json() == {"done": True, "text": KEPT}
    refused = flower.post(ACT, auto)
    assert (refused.status_code, refused.json()["error"]) == (503, NOT_DONE)
    assert [one.kind for one in breaker_overrides.in_force(built.engine, built.breaker.service)] == ["open"]
    valkey.recover()
    again = eventually(lambda: (answer := flower.post(ACT, auto)).status_code != 503 and answer)
    assert again.status_code == 200
    eventually(lambda: built.breaker.get_status().state is State.HALF_OPEN, what="its override is over")


@pytest.mark.parametrize("harm", ["kill", "pause"])
def test_without_postgres_nothing_is_done_and_it_is_said(
    flower: FlowerUnderTest, record: Any, postgres: Any, harm: str
) -> None:
    """Flower's other pages answer meanwhile; the same press does it when Postgres is back."""
    row = held(record)
    body = pressed(flower, "cancel", [row.id])
    getattr(postgres, harm)()
    with ThreadPoolExecutor(1) as waiting:
        asked = waiting.submit(flower.post, ACT, body)
        assert flower.get("/workers").ok
        answer = asked.result(30)

    assert answer.status_code == 503
    assert answer.json()["error"].startswith("Postgres ")
    postgres.recover()
    done = eventually(lambda: (now := flower.post(ACT, body)).status_code == 200 and now)
    assert done.json()["text"] == "Cancelled."
    assert len(story(record, row)) == 1
