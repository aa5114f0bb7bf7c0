"""Cancel and move over HTTP: the key's own bookings alone, and each wish once.

What is refused: tests/integration/changes/test_refused_changes.py.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from db.api_keys.keys import Scope
from tests.support.api.served import ALL, NOT_HELD, Api, Caller, Serving, a_request
from tests.support.fleet import eventually

CONFIRMED = f"status = 'confirmed', calcom_booking_uid = :uid, {NOT_HELD}"
NEW = "2030-03-06T10:00:00+01:00"
OUTAGE, SPOKEN = "The calendar does not answer right now.", "Wednesday, 6 March at 10:00"
NOTHING = "999999999"


def booked(api: Api, caller: Caller) -> int:
    """Return a booking that Cal.com has, as a worker leaves it."""
    number = caller.booked()
    api.sql(f"UPDATE appointments SET {CONFIRMED} WHERE id = :id", id=number, uid=f"uid-{number}")  # noqa: S608 - ours
    return number


def cancel(caller: Caller, number: object, *, key: str | None = None, **body: Any) -> Any:
    """Cancel a booking."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return caller.call("POST", f"/v1/bookings/{number}/cancel", json=body, headers=headers)


def move(caller: Caller, number: object, start: str = NEW, *, key: str | None = None, **body: Any) -> Any:
    """Move a booking."""
    headers = {} if key is None else {"Idempotency-Key": key}
    path = f"/v1/bookings/{number}/reschedule"
    return caller.call("POST", path, json={"start": start, **body}, headers=headers)


def changes(api: Api, number: int) -> int:
    """Return how many changes a booking has."""
    counted: int = api.sql("SELECT count(*) FROM booking_changes WHERE appointment_id = :id", id=number)
    return counted


def test_a_cancel_and_a_move_are_stored_and_can_be_read(api: Api) -> None:
    """202 and a place, where the change stands as it does; the reason is Cal.com's to tell, and the way is kept."""
    caller = api.key()
    one, two = booked(api, caller), booked(api, caller)

    answers = cancel(caller, one, reason="Pat is ill"), move(caller, two)

    assert [answer.status_code for answer in answers] == [202, 202]
    told = [answer.json() for answer in answers]
    assert [(one["kind"], one["status"], one["start"], one["final"]) for one in told] == [
        ("cancel", "pending", None, False),
        ("reschedule", "pending", "2030-03-06T09:00:00Z", False),
    ]
    assert [one["say"] for one in told] == [
        "I have noted that you cancel; we will confirm it.",
        "I have noted the new time, Wednesday, 6 March at 10:00; we will confirm it.",
    ]
    assert [caller.get(answer.headers["Location"]).json() for answer in answers] == told
    kept = "SELECT reason || ', ' || via FROM booking_changes WHERE appointment_id = :id"
    assert api.sql(kept, id=one) == "Pat is ill, HTTP"


def test_a_booking_is_not_told_as_it_was_before_its_change_ended(api: Api) -> None:
    """It is read, then it is cancelled, then its change is read: both are told as they are."""
    caller = api.key()
    number = booked(api, caller)
    cancel(caller, number)

    with ThreadPoolExecutor(1) as pool:
        with api.engine.begin() as conn:
            conn.execute(text("LOCK TABLE booking_changes IN ACCESS EXCLUSIVE MODE"))
            reading = pool.submit(caller.get, f"/v1/bookings/{number}")
            eventually(lambda: api.sql("SELECT count(*) FROM pg_locks WHERE NOT granted"), what="the booking is read")
            conn.execute(text("UPDATE booking_changes SET status = 'done'"))
            conn.execute(text("UPDATE appointments SET status = 'cancelled' WHERE id = :id"), {"id": number})
        told = reading.result(15).json()

    assert (told["status"], told["say"], told["change"]["status"]) == ("cancelled", "It is cancelled.", "done")


def test_a_repeat_of_the_first_request_is_told_what_waits(api: Api) -> None:
    """A read: the cancel or the move that is noted stays, and nobody hears that the booking will be confirmed.

    In a batch, too.
    """
    caller = api.key()
    being_made = f"status = 'retrying', {NOT_HELD}, outcome_unknown = true, sent_at = now(), settle_at = now()"
    told = []
    for number, change in enumerate((move, cancel)):
        asked, key = a_request(start=f"2030-03-2{number}T10:00:00Z"), f"first-{number}"
        booking = caller.booked(asked, key=key)
        api.sql(f"UPDATE appointments SET {being_made} WHERE id = :id", id=booking)  # noqa: S608 - ours
        noted = change(caller, booking).json()["say"]
        again = caller.book(asked, key=key)
        told.append((again.status_code, again.json()["say"], again.json()["change"]["status"], noted))
        listed = [a_request(), {**asked, "idempotency_key": key}]
        batch = caller.call("POST", "/v1/bookings/batch", json={"bookings": listed}).json()["results"]
        assert (batch[1]["booking"], "change" in batch[0]["booking"]) == (again.json(), False)

    assert told == [
        (200, f"I have noted the new time, {SPOKEN}; we will confirm it.", "waiting", told[0][1]),
        (200, "I have noted that you cancel; we will confirm it.", "waiting", told[1][1]),
    ]


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def test_a_wish_for_a_booking_that_somebody_has_locked_was_not_stored(serving: Serving) -> None:
    """503 after a second, with a sentence: nothing was stored, and that is said."""
    api = serving.start(patient=False)
    caller = api.key()
    number = booked(api, caller)

    with api.engine.begin() as conn:
        conn.execute(text("SELECT FROM appointments WHERE id = :id FOR UPDATE"), {"id": number})
        answers = [cancel(caller, number), move(caller, number)]
        waiting = api.sql(WAITING)

    assert [(one.status_code, one.json()["type"]) for one in answers] == [(503, "/problems/not-kept")] * 2
    assert waiting == 0, "PostgreSQL has said so, and nobody hung up on it"
    assert {one.json()["say"] for one in answers} == {"I cannot take requests right now. Please try again."}
    assert changes(api, number) == 0


def test_the_same_key_is_the_same_change(api: Api) -> None:
    """Also when the change is done; with another wish it is 422, and of another booking it is another change."""
    caller = api.key()
    number, other = booked(api, caller), booked(api, caller)
    first = move(caller, number, key="move-1")
    again = move(caller, number, key="move-1")
    done = "UPDATE booking_changes SET status = 'done' WHERE id = :id"
    api.sql(done, id=first.json()["id"])
    api.sql("UPDATE appointments SET booked_start_at = :start WHERE id = :id", start=NEW, id=number)

    late, reused = move(caller, number, key="move-1"), cancel(caller, number, key="move-1")

    assert [one.status_code for one in (first, again, late)] == [202, 200, 200]
    assert len({one.json()["id"] for one in (first, again, late)}) == 1
    assert late.json()["say"] == "It is at Wednesday, 6 March at 10:00 already."
    assert (reused.status_code, reused.json()["type"]) == (422, "/problems/key-reused")
    assert move(caller, other, key="move-1").status_code == 202
    assert (changes(api, number), changes(api, other)) == (1, 1)


def test_a_wish_without_a_key_that_is_still_open_is_not_stored_twice(api: Api) -> None:
    """The second answer is the first's change."""
    caller = api.key()
    number = booked(api, caller)

    answers = [cancel(caller, number) for _ in range(2)]

    assert [one.status_code for one in answers] == [202, 200]
    assert changes(api, number) == 1


def test_what_cal_com_does_not_have_is_changed_at_once(api: Api) -> None:
    """Without a call: asked for at the new start, and never called moved; cancelled, once and again."""
    caller = api.key()
    number = caller.booked()

    moved = move(caller, number, key="move")
    cancelled = [cancel(caller, number, key="cancel") for _ in range(2)]

    assert (moved.status_code, moved.json()["status"]) == (200, "done")
    assert "moved" not in moved.json()["say"]
    assert "Wednesday, 6 March at 10:00" in moved.json()["say"]
    told = [(one.status_code, one.json()["id"], one.json()["status"]) for one in cancelled]
    assert told == [(200, None, "done")] * 2
    assert [one.json()["say"] for one in cancelled] == ["It is cancelled.", "It is cancelled already."]
    assert caller.get(cancelled[0].headers["Location"]).json()["status"] == "cancelled"


def test_another_keys_booking_is_as_one_that_is_not_there(api: Api) -> None:
    """To the letter, and nothing is stored; so it is for a key of the scope `all`, which only sees it."""
    owner = api.key()
    number = booked(api, owner)
    mine = move(owner, number).headers["Location"]

    for other in (api.key(), api.key(ALL | {Scope.ALL})):
        for ask in (cancel, move):
            hidden, nothing = ask(other, number), ask(other, NOTHING)
            assert (hidden.status_code, hidden.text) == (404, nothing.text)
    other = api.key()
    assert other.get(mine).text == other.get(f"/v1/bookings/{NOTHING}/changes/1").text
    assert owner.get(f"/v1/bookings/{booked(api, owner)}/changes/{mine.rpartition('/')[2]}").status_code == 404
    assert changes(api, number) == 1


def test_a_key_without_the_scope_changes_nothing(api: Api) -> None:
    """403."""
    caller = api.key(ALL - {Scope.CHANGE})
    number = booked(api, caller)

    assert [cancel(caller, number).status_code, move(caller, number).status_code] == [403, 403]
    assert changes(api, number) == 0


@pytest.mark.parametrize("body", [{}, {"start": 5}, {"start": NEW, "scope": "all"}])
def test_a_wrong_body_is_422(api: Api, body: dict[str, Any]) -> None:
    """With the field."""
    caller = api.key()
    answer = caller.call("POST", f"/v1/bookings/{booked(api, caller)}/reschedule", json=body)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")


def test_in_an_outage_a_change_is_held_and_says_so(api: Api) -> None:
    """The booking stands; of a move that may have gone through nobody says that the old time stands."""
    caller = api.key()
    one, two, three = (booked(api, caller) for _ in range(3))
    asked = [cancel(caller, one), move(caller, two), move(caller, three)]
    held = "UPDATE booking_changes SET status = 'held', hold_reason = 'breaker_open', held_at = now() WHERE id = :id"
    for answer in asked:
        api.sql(held, id=answer.json()["id"])
    unknown = "outcome_unknown = true, settle_at = now(), ends_at = now()"
    api.sql(f"UPDATE booking_changes SET {unknown} WHERE id = :id", id=asked[2].json()["id"])  # noqa: S608 - ours

    told = [caller.get(answer.headers["Location"]).json() for answer in asked]

    assert [(one["status"], one["hold_reason"], one["final"]) for one in told] == [("held", "breaker_open", False)] * 3
    assert [one["say"] for one in told] == [
        f"{OUTAGE} I have noted that you cancel, and we will confirm it. It stands until then.",
        f"{OUTAGE} I have noted {SPOKEN}, in order, and we will confirm it. Your old time stands until then.",
        "I have noted the new time, Wednesday, 6 March at 10:00; we will confirm it.",
    ]
    shown = [caller.get(f"/v1/bookings/{number}").json() for number in (one, two)]
    assert [(one["status"], one["change"]) for one in shown] == [("confirmed", change) for change in told[:2]]
