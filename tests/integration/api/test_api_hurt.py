"""Nothing that was answered with 2xx is lost, and no answer is untrue, when the API, Postgres or Redis is hurt."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sqlalchemy import text

from tests.support.api.served import Api, Serving, a_request
from tests.support.fleet import eventually

if TYPE_CHECKING:
    from worker.local.embedded import Postgres, Valkey

UNREADY_WITHIN = timedelta(seconds=3)  # it is one second; a busy machine has two more
STANDS_STILL = 2.0  # seconds
WAITERS_READ = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%WHERE id = ANY%api_key_id%'"""


def test_killed_between_commit_and_answer_the_same_request_gets_its_booking(serving: Serving) -> None:
    """The row is there, its caller had no answer, and a new process knows it; no second row is written."""
    api = serving.start()
    caller, asked = api.key(), a_request()
    caller.booked()  # its connections are open

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(caller.book, asked, key="once", wait=20)  # stored at once, and answered later
        stored = "SELECT id FROM appointments WHERE idempotency_key LIKE :key"
        number = eventually(lambda: api.sql(stored, key="%:once"), what="it is stored")
        os.kill(api.child, signal.SIGKILL)
        with pytest.raises(requests.ConnectionError):
            waiting.result(30)

    again = eventually(lambda: _answered(lambda: caller.book(asked, key="once")), what="another process serves")
    assert (again.status_code, again.json()["id"]) == (200, number)
    assert api.sql("SELECT count(*) FROM appointments") == 2


@pytest.mark.long
def test_the_processes_end_with_the_one_that_began_them(serving: Serving) -> None:
    """Else they would answer beside their successor; nothing else begins at a port that is taken."""
    api = serving.start()
    command = [sys.executable, "-m", "worker.cli", "serve"]
    environment = {**os.environ, "DATABASE_URL": "postgresql://a@127.0.0.1:1/a", "REDIS_URL": "redis://127.0.0.1:1"}  # noqa: TID251 - a child
    environment["HTTP_ADDRESS"] = "{}:{}".format(*api.address)
    second = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    api.process.send_signal(signal.SIGKILL)

    assert second.returncode == 1
    assert "cannot listen at" in second.stderr
    assert eventually(lambda: not _listens(api.address), what="nobody listens")


def _listens(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=5).close()
    except OSError:
        return False
    return True


def test_without_postgres_nothing_is_accepted_and_that_is_said(serving: Serving, postgres: "Postgres") -> None:
    """503 `not-kept` with Retry-After and a sentence; the process lives, is not ready, and goes on by itself."""
    api = serving.start(patient=False)
    caller = api.key()
    asked = a_request(attendee={"language": "de"})

    def told() -> Any:
        caller.booked()  # its key has been read, else that is what is not answered: before its language is known
        postgres.kill()
        answers = [
            caller.book(asked),
            caller.get("/v1/bookings/1"),
            api.call("GET", "/health"),
            api.call("GET", "/ready"),
        ]
        postgres.restart()
        assert (answers[0].status_code, answers[0].json()["type"]) == (503, "/problems/not-kept")
        return answers if "say" in answers[0].json() else None

    refused, read, health, ready = eventually(told, what="its language was read before Postgres died")

    assert refused.json()["say"].startswith("Ich kann gerade keine Anfragen annehmen")
    assert int(refused.headers["Retry-After"]) >= 1
    assert (read.status_code, read.json()["type"]) == (503, "/problems/not-kept")
    assert (health.status_code, ready.status_code) == (200, 503)
    assert eventually(lambda: caller.book(asked).status_code == 202, what="it books again")


def test_a_frozen_postgres_leaves_the_answer_open(serving: Serving, postgres: "Postgres") -> None:
    """503 `perhaps-kept` to who was sent already; the same request gets its receipt, and there is one row of it."""
    api = serving.start(patient=False)
    caller, asked = api.key(), a_request()

    def frozen() -> bool:
        caller.booked()  # its key has been read, else that is what is not answered: nothing is accepted, and said so
        postgres.pause()
        answer = caller.book(asked, key="open")
        postgres.resume()
        assert (answer.status_code, answer.json()["type"].rpartition("-")[2]) == (503, "kept")
        return bool(answer.json()["type"] == "/problems/perhaps-kept")

    assert eventually(frozen, what="it was sent before Postgres froze")
    assert eventually(lambda: caller.book(asked, key="open").status_code in {200, 202}, what="it is told")
    assert api.sql("SELECT count(*) FROM appointments WHERE idempotency_key LIKE :key", key="%:open") == 1


def test_a_repeat_is_never_answered_as_not_stored(serving: Serving) -> None:
    """200: its change could not be read within a caller's patience, and the booking is stored all the same."""
    api = serving.start(patient=False)
    caller, asked = api.key(), a_request()
    number = caller.booked(asked, key="once")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(caller.book, asked, key="once", wait=2)
        eventually(lambda: api.sql(WAITERS_READ), what="the request was answered by Postgres, and its caller waits")
        with api.engine.begin() as conn:
            conn.execute(text("LOCK TABLE booking_changes IN ACCESS EXCLUSIVE MODE"))
            answer = waiting.result(30)

    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json().get("change")) == (number, None)


def test_a_frozen_postgres_makes_it_unready_within_a_bound(serving: Serving, postgres: "Postgres") -> None:
    """503 after a second, also where a connection is open already."""
    api = serving.start(patient=False)

    def unready() -> timedelta:
        """Freeze Postgres, and return how long the answer took."""
        eventually(lambda: api.call("GET", "/ready").status_code == 200, what="it is ready")
        postgres.pause()
        try:
            answer = api.call("GET", "/ready")
            assert (answer.status_code, api.call("GET", "/health").status_code) == (503, 200)
        finally:
            postgres.resume()
        took: timedelta = answer.elapsed
        return took

    assert any(unready() < UNREADY_WITHIN for _ in range(2))  # a busy machine stands still in one of them
    eventually(lambda: api.call("GET", "/ready").status_code == 200, what="it is ready again")


def test_what_has_begun_ends_after_sigterm(serving: Serving, postgres: "Postgres") -> None:
    """A POST whose statement is on its way gets its answer, although Postgres stands still; nobody else gets in."""
    api = serving.start()
    caller, engine = api.key(), api.engine
    caller.booked()  # its key has been read
    with ThreadPoolExecutor(1) as pool, engine.connect() as conn:
        conn.execute(text("LOCK TABLE appointments IN EXCLUSIVE MODE"))
        posted = pool.submit(caller.book, key="last")
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        eventually(lambda: api.sql(waits), what="its statement waits")
        postgres.pause()
        try:
            api.process.send_signal(signal.SIGTERM)
            told_at = time.monotonic()
            eventually(lambda: _is_turned_away(api), what="nothing new is taken")
            eventually(lambda: time.monotonic() - told_at > STANDS_STILL, what="Postgres has stood still")
            assert not posted.done()
        finally:
            postgres.resume()
        conn.rollback()
        answer = posted.result(30)

    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert api.process.wait(20) == 0
    assert api.sql("SELECT count(*) FROM appointments") == 2


def _is_turned_away(api: Api) -> bool:
    """Return whether a new connection is answered 503, or is closed."""
    try:
        return requests.get(f"{api.url}/health", timeout=5).status_code == 503
    except requests.RequestException:
        return True


def test_without_redis_bookings_and_the_rate_go_on(serving: Serving, valkey: "Valkey") -> None:
    """The row is stored, its message comes later; each process counts for itself."""
    api = serving.start()
    caller, limited = api.key(), api.key(rate=3)

    valkey.kill()
    booked = [caller.book().status_code for _ in range(3)]
    counted = [limited.get("/v1/bookings/1").status_code for _ in range(4)]

    assert booked == [202] * 3
    assert counted == [404, 404, 404, 429]


def _answered(call: object) -> requests.Response | None:
    try:
        answer: requests.Response = call()  # type: ignore[operator]
    except requests.ConnectionError:
        return None
    return answer
