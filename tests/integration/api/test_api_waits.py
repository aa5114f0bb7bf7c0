"""Who waits for a booking holds no thread and no connection, and is answered when it settles, or when all ends."""

import signal
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from tests.support.api.served import NOT_HELD, Api, Serving
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


def test_who_waits_for_the_rate_limit_hears_of_the_booking(api: Api) -> None:
    """Such a hold ends within a second or two: "noted" would be told of a booking that is made right then."""
    caller = api.key()
    number = caller.booked()
    held = "UPDATE appointments SET status = 'held', hold_reason = 'throttled', held_at = now() WHERE id = :id"
    api.sql(held, id=number)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(caller.get, f"/v1/bookings/{number}?wait=20")
        assert wait([waiting], 1).not_done == {waiting}
        rejected = "UPDATE appointments SET status = 'rejected', hold_reason = NULL, held_at = NULL WHERE id = :id"
        api.sql(rejected, id=number)
        answer = waiting.result(15)

    assert answer.json()["status"] == "rejected"


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
