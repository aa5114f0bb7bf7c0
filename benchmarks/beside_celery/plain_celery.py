"""Plain Celery, to stand beside: one POST a task, retried by Celery's own backoff; no breaker, no look, no record.

As an engineer writes it who measures: a session a thread keeps its connection, as ours does; `book_bare` is what most
people write. `CONFIGURATION` is the product's own where it concerns the broker, so that only the task differs; the
stage compares them and prints both.
"""

import threading
from functools import cache
from typing import Any

import requests
from celery import Celery
from psycopg_pool import ConnectionPool

CONFIGURATION = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "worker_send_task_events": True,
    "task_send_sent_event": False,
    "task_serializer": "json",
    "task_ignore_result": True,
}
HEADERS = {"Accept": "application/json", "cal-api-version": "2024-08-13"}
POOL = 15  # connections to PostgreSQL, as many as a process of ours has
INSERT = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, enqueued_at, requested_at, calcom_booking_uid
)
VALUES (
    %(idempotency_key)s, true, %(payload_hash)s, %(correlation_id)s, %(task_id)s, %(event_type_id)s, %(start_at)s,
    %(attendee_name)s, %(attendee_email)s, %(attendee_time_zone)s, %(status)s, now(), now(), %(uid)s
)
"""

app = Celery("plain_celery")
app.conf.update(CONFIGURATION, broker_connection_retry_on_startup=True)
app.conf.broker_transport = "kombu.transport.redis:Transport"  # in a process that has ours, too
_local = threading.local()


@app.task(autoretry_for=(requests.RequestException,), retry_backoff=True, max_retries=3)
def book(url: str, key: str, body: dict[str, Any]) -> None:
    """Book once; whatever goes wrong is tried again after about 1, 2 and 4 seconds."""
    _post(url, key, body)


@app.task(autoretry_for=(requests.RequestException,), retry_backoff=True, max_retries=3)
def book_bare(url: str, key: str, body: dict[str, Any]) -> None:
    """Book once by a connection of its own."""
    headers = {**HEADERS, "Authorization": f"Bearer {key}"}
    requests.post(url + "/v2/bookings", json=body, headers=headers, timeout=30).raise_for_status()


@app.task
def book_and_keep(url: str, key: str, body: dict[str, Any], row: dict[str, Any]) -> None:
    """Book once, and write the row down."""
    uid = _post(url, key, body).json()["data"]["uid"]
    with _pool().connection() as conn:
        conn.execute(INSERT, {**row, "status": "confirmed", "uid": uid})


def _post(url: str, key: str, body: dict[str, Any]) -> requests.Response:
    session = getattr(_local, "session", None)
    if session is None:
        session = _local.session = requests.Session()
        session.trust_env = False
        session.headers.update({**HEADERS, "Authorization": f"Bearer {key}"})
    answer: requests.Response = session.post(url + "/v2/bookings", json=body, timeout=30)
    answer.raise_for_status()
    return answer


@cache
def _pool() -> ConnectionPool:
    """Return this process's pool; libpq reads where the database is from the environment."""
    return ConnectionPool("", min_size=1, max_size=POOL, kwargs={"autocommit": True}, open=True)
