"""Who waits for a booking holds no thread and no connection, and is answered when it settles, or when all ends."""

import signal
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from tests.support.api.served import NOT_HELD, Api, Caller, Serving
from tests.support.fleet import eventually

CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = :name"


@pytest.mark.parametrize(
    "becomes",
    [
        f"status = 'confirmed', calcom_booking_uid = 'u', {NOT_HELD}",
        "status = 'held', hold_reason = 'breaker_open', held_at = now()",
        f"status = 'rejected', error_type = 'refused', {NOT_HELD}",
    ],
)
def test_who_waits_hears_at_once(api: Api, becomes: str) -> None:
    """When it is settled or held, long before the time is up."""
    caller = api.key()
    number = caller.booked()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(caller.get, f"/v1/bookings/{number}?wait=20")
        assert not waiting.done()
        api.sql(f"UPDATE appointments SET {becomes} WHERE id = :id", id=number)  # noqa: S608 - our own
        answer = waiting.result(15)
    freed = "UPDATE appointments SET status = 'rejected', hold_reason = NULL, held_at = NULL WHERE status = 'held'"
    api.sql(freed)  # else what comes later would wait behind it

    assert answer.json()["status"] == becomes.split("'")[1]


@pytest.mark.parametrize(
    "becomes", ["status = 'done'", "status = 'held', hold_reason = 'breaker_open', held_at = now()"]
)
def test_who_waits_for_a_change_hears_at_once(api: Api, becomes: str) -> None:
    """When it is over or held."""
    caller = api.key()
    number = caller.booked()
    booked = f"status = 'confirmed', calcom_booking_uid = :uid, {NOT_HELD}"
    api.sql(f"UPDATE appointments SET {booked} WHERE id = :id", id=number, uid=f"uid-{number}")  # noqa: S608 - ours
    place = caller.call("POST", f"/v1/bookings/{number}/cancel", json={}).headers["Location"]

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(caller.get, f"{place}?wait=20")
        assert not waiting.done()
        api.sql(f"UPDATE booking_changes SET {becomes} WHERE appointment_id = :id", id=number)  # noqa: S608 - our own
        answer = waiting.result(15)

    assert answer.json()["status"] == becomes.split("'")[1]
    assert caller.get(f"{place}?wait=soon").status_code == 422


def test_who_asks_for_a_change_may_wait_too(api: Api) -> None:
    """One request for the whole of it: 200 as soon as it is done."""
    caller = api.key()
    number = caller.booked()
    booked = f"status = 'confirmed', calcom_booking_uid = :uid, {NOT_HELD}"
    api.sql(f"UPDATE appointments SET {booked} WHERE id = :id", id=number, uid=f"uid-{number}")  # noqa: S608 - ours
    is_there = "SELECT count(*) FROM booking_changes WHERE appointment_id = :id"

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(caller.call, "POST", f"/v1/bookings/{number}/cancel?wait=20", json={})
        eventually(lambda: api.sql(is_there, id=number), what="it is stored")
        api.sql("UPDATE booking_changes SET status = 'done' WHERE appointment_id = :id", id=number)
        answer = asked.result(15)

    assert (answer.status_code, answer.json()["status"]) == (200, "done")
    assert caller.call("POST", f"/v1/bookings/{number}/cancel?wait=soon", json={}).status_code == 422


@pytest.mark.parametrize("held_for", [None, "line"], ids=["itself", "in line"])
def test_who_waits_for_the_rate_limit_hears_of_the_booking(api: Api, held_for: str | None) -> None:
    """Such a hold ends within a second or two: "noted" would be told of a booking that is made right then."""
    caller = api.key()
    number = caller.booked()
    held = "status = 'held', hold_reason = 'throttled', held_for = :held_for, held_at = now()"
    api.sql(f"UPDATE appointments SET {held} WHERE id = :id", id=number, held_for=held_for)  # noqa: S608 - our own

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(caller.get, f"/v1/bookings/{number}?wait=20")
        assert wait([waiting], 1).not_done == {waiting}
        rejected = f"UPDATE appointments SET status = 'rejected', {NOT_HELD} WHERE id = :id"  # noqa: S608 - our own
        api.sql(rejected, id=number)
        answer = waiting.result(15)

    assert answer.json()["status"] == "rejected"


def test_who_comes_behind_the_limit_is_waited_for_and_not_told_of_an_outage(api: Api) -> None:
    """Cal.com answers, so who is in line hears that it takes longer, and with time to wait how it ends."""
    caller = _behind(api, "throttled")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(caller.book, wait=20)
        at_once = caller.book().json()
        assert wait([waiting], 1).not_done == {waiting}
        api.sql(f"UPDATE appointments SET status = 'rejected', {NOT_HELD} WHERE status = 'held'")  # noqa: S608 - our own
        answer = waiting.result(15).json()

    assert (at_once["status"], at_once["hold_reason"]) == ("held", "in_line")
    assert at_once["say"].startswith("It takes a little longer right now. I have noted")
    assert answer["status"] == "rejected"


def test_who_comes_behind_an_outage_hears_at_once_that_the_calendar_does_not_answer(api: Api) -> None:
    """However long the caller would wait."""
    caller = _behind(api, "breaker_open")

    answer = caller.book(wait=20).json()
    api.sql(f"UPDATE appointments SET status = 'rejected', {NOT_HELD} WHERE status = 'held'")  # noqa: S608 - our own

    assert (answer["status"], answer["hold_reason"]) == ("held", "in_line")
    assert answer["say"].startswith("The calendar does not answer right now.")


def _behind(api: Api, reason: str) -> Caller:
    """Return a caller whose bookings come behind one that is held."""
    caller = api.key()
    held = f"status = 'held', hold_reason = '{reason}', held_at = now()"
    api.sql(f"UPDATE appointments SET {held} WHERE id = :id", id=caller.booked())  # noqa: S608 - our own
    return caller


def test_a_change_in_line_for_the_rate_limit_is_waited_for(api: Api) -> None:
    """It has the sentence of the limit, and not that of an outage."""
    caller = api.key()
    number = caller.booked()
    booked = f"status = 'confirmed', calcom_booking_uid = :uid, {NOT_HELD}"
    api.sql(f"UPDATE appointments SET {booked} WHERE id = :id", id=number, uid=f"uid-{number}")  # noqa: S608 - ours
    place = caller.call("POST", f"/v1/bookings/{number}/cancel", json={}).headers["Location"]
    held = "status = 'held', hold_reason = 'throttled', held_for = 'line', held_at = now()"
    api.sql(f"UPDATE booking_changes SET {held} WHERE appointment_id = :id", id=number)  # noqa: S608 - our own

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(caller.get, f"{place}?wait=20")
        assert wait([waiting], 1).not_done == {waiting}
        said = caller.get(place).json()["say"]
        done = f"UPDATE booking_changes SET status = 'done', {NOT_HELD} WHERE appointment_id = :id"  # noqa: S608 - our own
        api.sql(done, id=number)
        answer = waiting.result(15)

    assert said.startswith("It takes a little longer right now. I have noted that you cancel")
    assert answer.json()["status"] == "done"


def test_who_posts_may_wait_too(api: Api) -> None:
    """One request for the whole of it; what does not settle is told as it is."""
    caller = api.key()

    answer = caller.book(wait=0.3)

    assert (answer.status_code, answer.json()["status"]) == (202, "pending")


def test_many_who_wait_hold_no_connection(serving: Serving) -> None:
    """Sixty wait on 16 threads, others are served meanwhile, and at SIGTERM each is answered with what is known."""
    api = serving.start()
    caller = api.key()
    number = caller.booked()

    with ThreadPoolExecutor(60) as pool:
        waiting = [pool.submit(caller.get, f"/v1/bookings/{number}?wait=20") for _ in range(60)]
        later = [caller.book().status_code for _ in range(20)]
        assert [one.done() for one in waiting] == [False] * 60
        assert api.sql(CONNECTIONS, name="booking-worker") <= 18  # theirs at most, and this test's own
        api.process.send_signal(signal.SIGTERM)
        assert wait(waiting, 9).not_done == set(), "who waits is answered at once"
        answers = [one.result() for one in waiting]

    assert later == [202] * 20
    assert {(one.status_code, one.json()["status"]) for one in answers} == {(200, "pending")}
    assert api.process.wait(20) == 0
    eventually(lambda: api.sql(CONNECTIONS, name="booking-worker") == 1, what="its connections are closed")
