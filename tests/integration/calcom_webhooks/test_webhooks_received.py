"""Cal.com's webhooks come in: only what is signed is stored, once, and nothing of a person."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from db.engine import make_engine
from tests.support.api.served import Api, Serving
from tests.support.callbacks.webhooks import GIVEN, SECRET, body, path, signature
from tests.support.fleet import eventually
from tests.support.prometheus.exporting import scraped
from worker.local.embedded.server import free_port

READERS = 40  # of whom 16 have a thread each
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def serving(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Serving]:
    """Start APIs of the test's own."""
    engine = make_engine(database_url)
    with Serving({"DATABASE_URL": database_url, "REDIS_URL": redis_url, **GIVEN}, engine, tmp_path) as made:
        yield made
    engine.dispose()


def tell(api: Api, sent: bytes, *, signed: str | None = None, to: str | None = None) -> int:
    """Send a webhook; return the status of the answer."""
    headers = {**JSON, "X-Cal-Signature-256": signature(sent) if signed is None else signed}
    return api.call("POST", to or path(), data=sent, headers=headers).status_code


def kept(api: Api, uid: str) -> Any:
    """Return how many hints there are of a uid."""
    return api.sql("SELECT count(*) FROM calcom_webhooks WHERE uid = :uid", uid=uid)


def test_a_webhook_is_stored_once_and_without_a_person(api: Api) -> None:
    """The same body again changes nothing."""
    sent = body("BOOKING_CREATED", "uid-once", reference="00000000-0000-0000-0000-000000000007")
    assert [tell(api, sent), tell(api, sent)] == [204, 204]

    row = api.sql("SELECT CAST(one AS text) FROM calcom_webhooks AS one WHERE uid = 'uid-once'")
    assert (kept(api, "uid-once"), "BOOKING_CREATED" in row, "-000000000007" in row) == (1, True, True)
    assert not [word for word in ("Pat", "pat@", "Host") if word in row]


def test_what_is_not_signed_by_the_accounts_secret_is_not_stored(api: Api) -> None:
    """Forged, cut, another account's or another deployment's, without a signature, at an address that is none."""
    sent = body("BOOKING_CANCELLED", "uid-forged")
    other = "another-secret-of-webhooks-with-40-letters"
    assert [
        tell(api, sent, signed="0" * 64),
        tell(api, sent, signed=""),
        tell(api, sent[:-1], signed=signature(sent)),
        tell(api, sent, signed=signature(sent, account=2)),
        tell(api, sent, to=path(account=2)),
        tell(api, sent, to=path(secret=other)),
        tell(api, sent, signed=signature(sent, secret=other)),
        tell(api, sent, to="/v1/calcom/webhook/1-x"),
    ] == [401] * 8
    assert kept(api, "uid-forged") == 0


@pytest.mark.long
def test_who_guesses_is_counted_and_stopped_and_cal_com_is_not(serving: Serving) -> None:
    """Wrong addresses and wrong signatures, 20 a minute from one address; what Cal.com signs is taken all the same."""
    port = free_port()
    api = serving.start(patient=False, HTTP_METRICS_ADDRESS=f"127.0.0.1:{port}")
    sent = body("BOOKING_CANCELLED", "uid-guessed")
    answers: list[int] = []

    def stopped() -> bool:
        answers.append(tell(api, sent, signed="0" * 64))
        answers.append(tell(api, sent, to="/v1/calcom/webhook/1-x"))
        return answers[-2:] == [429, 429]

    assert any(stopped() for _ in range(100))
    eventually(lambda: tell(api, sent) == 204, what="what is signed is stored")
    assert (set(answers), answers.count(401) >= 20) == ({401, 429}, True)
    wrong, stops = (scraped(port)[f'booking_http_refused_total{{why="{why}"}}'] for why in ("wrong_key", "wrong_keys"))
    assert (0 < wrong <= answers.count(401), stops) == (True, answers.count(429))


def test_signed_rubbish_is_refused_or_tells_nothing(api: Api) -> None:
    """No object, no booking, a trigger that we do not know, bytes that are no UTF-8, NUL, a uid without end."""
    rubbish = [b"[]", b"\xff", b"{", b'{"triggerEvent": 7}', b'{"triggerEvent":"PING","createdAt":"","payload":{}}']
    rubbish += [
        body("BOOKING_PAID", "uid-rubbish"),
        body("BOOKING_CREATED", "x\x00"),
        body("BOOKING_CREATED", "x" * 999),
    ]
    assert {tell(api, sent) for sent in rubbish} <= {204, 400}
    assert api.sql("SELECT count(*) FROM calcom_webhooks WHERE uid LIKE 'x%' OR uid = 'uid-rubbish'") == 0


def test_a_webhook_that_is_a_day_old_leads_to_no_look(api: Api) -> None:
    """It was replayed, or waited too long."""
    assert tell(api, body("BOOKING_CANCELLED", "uid-old", age=timedelta(hours=25))) == 204
    assert tell(api, body("BOOKING_CANCELLED", "uid-new", age=timedelta(hours=23))) == 204

    due = "SELECT next_at IS NOT NULL FROM calcom_webhooks WHERE uid = :uid"
    assert (api.sql(due, uid="uid-old"), api.sql(due, uid="uid-new")) == (False, True)


def test_while_postgres_is_frozen_the_answer_is_503(postgres: Any, serving: Serving) -> None:
    """The hint is lost, and Cal.com goes on, soon, also while each thread waits for others' requests.

    It waits for us within a call that we may be waiting for.
    """
    api = serving.start(patient=False)
    caller = api.key()

    def refused_after() -> float:
        """Freeze Postgres under others' requests; return the seconds that the slowest of five webhooks took."""
        eventually(lambda: caller.get("/v1/bookings/1").status_code == 404, what="the key is read")
        eventually(lambda: tell(api, body("BOOKING_CREATED", "uid-before")) == 204, what="Postgres is quick enough")
        postgres.pause()
        try:
            with ThreadPoolExecutor(READERS) as readers:
                readers.map(caller.get, ["/v1/bookings?key=nothing"] * READERS)  # by number they would be read together
                return max(_refused_after(api) for _ in range(5))
        finally:
            postgres.recover()

    assert any(refused_after() < 1.0 for _ in range(2))  # a busy machine stands still in one of them
    eventually(lambda: tell(api, body("BOOKING_CREATED", "uid-after")) == 204, what="all goes on")


def _refused_after(api: Api) -> float:
    """Return the seconds until a webhook was refused."""
    began_at = time.monotonic()
    assert tell(api, body("BOOKING_CREATED", "uid-frozen")) == 503
    return time.monotonic() - began_at


def test_the_secret_is_in_no_answer_and_no_log(api: Api) -> None:
    """Nor is the token of an address."""
    tell(api, body("BOOKING_CREATED", "uid-log"))
    log = api.log.read_text()

    assert "/v1/calcom/webhook/{token}" in log
    assert not [word for word in (SECRET, path(), "uid-log") if word in log]
