"""Nothing but ids travels: no name, e-mail, phone number or key in Redis, in a message, or in a log line."""

import base64
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from tests.support.fleet import Fleet, finals, request
from worker import enqueue_bookings

BASE64 = re.compile(rb"[A-Za-z0-9+/]{16,}={0,2}")
SECRETS = ("quentin", "zephyr", "2025550143", "cal_test_owner", "quiet-metadata")


@contextmanager
def everything_sent_to(url: str) -> Iterator[list[bytes]]:
    """Collect each command that the server gets, as it gets it."""
    seen: list[bytes] = []
    ready = threading.Event()
    done = threading.Event()

    def listen() -> None:
        with redis.Redis.from_url(url, socket_timeout=None) as client, client.monitor() as monitor:
            ready.set()
            for command in monitor.listen():
                seen.append(str(command["command"]).encode())
                if done.is_set():
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert ready.wait(10)
    yield seen
    done.set()
    with redis.Redis.from_url(url) as client:
        client.ping()
    thread.join(10)


def unwrapped(text: bytes) -> bytes:
    """Return the text together with whatever it carries in base64, as Celery's messages do."""
    parts = [text]
    for blob in BASE64.findall(text):
        whole = blob.rstrip(b"=")
        whole = whole[: len(whole) - (len(whole) % 4 == 1)]  # of what only looks like base64, a letter may be over
        parts.append(base64.b64decode(whole + b"=" * (-len(whole) % 4)))
    return b"\n".join(parts).lower()


@pytest.mark.parametrize("pool", ["threads"])
def test_nothing_personal_leaves_postgres_and_cal_com(
    fleet: Callable[..., Fleet], simulator: Any, redis_url: str, pool: str
) -> None:
    """A run with successes, retries, refusals and echoes of the caller's data in Cal.com's own errors."""
    for echo in ("zephyr.quentin@example.com +1 202 555 0143 is wrong", "Quentin Zephyr is not allowed to book here"):
        simulator.faults("status", status=400, shape="A", message=echo, share=0.2, match={"method": "POST"})
    simulator.faults("status", name="unavailable", share=0.3, match={"method": "POST"})
    running = fleet()
    attendee = {
        "name": "Quentin Zephyr",
        "email": "zephyr.quentin@example.com",
        "phone_number": "+12025550143",
        "time_zone": "UTC",
    }
    with everything_sent_to(redis_url) as commands:
        running.start(pool=pool)
        asked = [request(number, attendee=attendee, metadata={"note": "quiet-metadata"}) for number in range(40)]
        finals([receipt.appointment_id for receipt in enqueue_bookings(asked)])
    assert len(commands) > 100, "the messages were seen"
    told = unwrapped(b"\n".join(commands)) + running.logs().lower().encode()
    assert b"book_appointment" in told, "base64 was unwrapped"
    assert [secret for secret in SECRETS if secret.encode() in told] == []
