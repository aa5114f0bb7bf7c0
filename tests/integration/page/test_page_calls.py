"""The call list over HTTP: one look, one record, nothing stored by a cache; the marks stand in each answer since."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tasks import dependencies
from tests.integration.page.acting import start_flower_to_act
from tests.support.fleet import Fleet, eventually
from tests.support.flower_pages import FlowerUnderTest, start_flower
from tests.support.page.operating import held, recorded

WHO, WHY = "/resilience/calls/who", {"why": "they start soon"}


def looked(flower: FlowerUnderTest, ids: list[int], **more: Any) -> dict[str, Any]:
    """Return what a page sends once the preview of its call list is confirmed."""
    preview = flower.post("/resilience/actions/preview", {"action": "call_list", "ids": ids}).json()
    assert (preview["lines"], preview["count"]) == (["Shown for 10 min, recorded."], len(ids))
    return {"request_id": preview["request_id"], "ids": ids} | WHY | more


def test_whom_to_call_is_shown_once_the_look_is_recorded(fleet: Callable[..., Fleet], record: Any) -> None:
    """Names, numbers and addresses alone, for ten minutes; sent twice it is one look."""
    flower = start_flower(fleet, login=True)
    rows = [held(record, attendee_phone=f"+1555010{number}") for number in range(3)]
    body = looked(flower, [row.id for row in rows])

    answers = [flower.post(WHO, body) for _ in range(2)]

    assert [answer.headers["Cache-Control"] for answer in answers] == ["no-store"] * 2
    assert answers[0].json() == answers[1].json()
    assert answers[0].json() == {
        "contacts": [
            {"id": row.id, "name": row.attendee_name, "phone": f"+1555010{number}", "email": row.attendee_email}
            for number, row in enumerate(rows)
        ],
        "seconds": 600.0,
    }
    [action] = recorded(dependencies.current())
    assert (action.who, action.via, action.action, action.why) == ("ann", "page", "reveal", WHY["why"])
    assert action.ids == tuple(row.id for row in rows)


def test_a_mark_stands_in_each_answer_from_then_on(fleet: Callable[..., Fleet], record: Any) -> None:
    """Of a list and of the booking, to each viewer; the second operator is told who has called."""
    flower = start_flower(fleet, login=True)
    row = held(record)
    path = f"/resilience/bookings/{row.id}/called"

    def seen() -> list[Any]:
        one = flower.get(f"/resilience/data/bookings/{row.id}").json()["called"]
        listed = flower.get("/resilience/data/bookings").json()["called"].get(str(row.id))
        return [mark and mark["who"] for mark in (one, listed)]

    assert seen() == [None, None]
    assert flower.post(path, {}).json()["called"]["who"] == "ann"
    assert flower.post(path, {}).status_code == 200, "hers already: pressed twice"
    eventually(lambda: seen() == ["ann", "ann"], what="a reading that all share is over")
    bob = start_flower_to_act(fleet)
    told = bob.post(path, {})
    assert (told.status_code, told.json()["error"]) == (409, "ann has called already")
    assert told.json()["called"]["who"] == "ann"
    assert bob.post(path, {"take_back": True}).json() == {"called": None}
    eventually(lambda: seen() == [None, None], what="the next reading")
    assert bob.post("/resilience/bookings/404/called", {}).status_code == 404
    assert [one.action for one in recorded(dependencies.current())] == ["called", "not_called"]


@pytest.mark.variants(first=2)
@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (("--read_only",), {}),
        ((), {"token": False}),
        ((), {"headers": {"Origin": "https://example.com"}}),
        ((), {"headers": {"Sec-Fetch-Site": "cross-site"}}),
        ((), {"headers": {"X-Forwarded-For": "203.0.113.7"}}),
    ],
    ids=["read-only", "a bare POST", "another origin", "another site", "a proxy"],
)
def test_who_may_not_act_sees_nobody_and_marks_nobody(
    fleet: Callable[..., Fleet], record: Any, options: tuple[str, ...], sent: dict[str, Any]
) -> None:
    """Nothing is shown, and nothing recorded."""
    flower = start_flower_to_act(fleet, *options)
    row = held(record)
    body = {"request_id": str(uuid4()), "ids": [row.id]} | WHY
    for path, asked in ((WHO, body), (f"/resilience/bookings/{row.id}/called", {})):
        answer = flower.post(path, asked, **sent)
        assert answer.status_code == 403, path
        assert answer.json().keys() == {"error"}
    assert recorded(dependencies.current()) == []


def test_a_call_list_that_is_not_understood_shows_nobody(flower: FlowerUnderTest, record: Any) -> None:
    """No reason, too many, or what stands for another look."""
    row = held(record)
    body = looked(flower, [row.id])
    for wrong, said in (
        ({"why": " "}, "why: say why"),
        ({"ids": []}, "ids: "),
        ({"ids": list(range(1, 52))}, "ids: "),
        ({"ids": [row.id, row.id]}, "ids: names a booking twice"),
        ({"request_id": "1"}, "request_id: "),
        ({"filter": "at_risk"}, "there is a field"),
    ):
        answer = flower.post(WHO, body | wrong)
        assert (answer.status_code, answer.json()["error"].startswith(said)) == (422, True), wrong
    assert flower.get(WHO).status_code == 405
    assert recorded(dependencies.current()) == []
    other = held(record)
    assert flower.post(WHO, body).status_code == 200
    assert flower.post(WHO, body | {"ids": [other.id]}).status_code == 409
