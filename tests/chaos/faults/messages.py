"""Faults of the messages: doubled, out of order, garbage, of other versions, for nobody; and bookings revoked."""

import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import redis
from kombu.exceptions import KombuError

from db import appointments
from db.appointments import Appointment
from tasks.work.publish import CORRELATION, QUEUE, RELEASED, TASK, VERSION, message
from tests.chaos.environment import ChaosEnvironment
from tests.chaos.faults.servers import Strike
from worker import app

SOME = 30
SEND = {"retry": False, "ignore_result": True}
RAW = (b"", b"not JSON", b"{}", b"[]", b"null", b'"text"', b"\xff\xfe\x00", b'{"body": "e30=", "properties": {}}')


def doubled(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Send messages again, of bookings that live and of such that have long ended."""
    rows = list(_rows(environment, rng))
    with _sending():
        for row in rng.choices(rows, k=SOME) if rows else []:
            app.send_task(**message(row, released=rng.random() < 0.2), **SEND)
    return bool(rows)


def out_of_order(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Turn the queue round, with some doubles in it."""
    doubled(environment, rng)
    with redis.Redis.from_url(environment.valkey.url) as client, _sending():
        for _ in range(5):
            turned = client.pipeline().lrange(QUEUE, 0, -1).delete(QUEUE).execute()[0]
            if turned:
                client.rpush(QUEUE, *turned[::-1])
            environment.pause(0.1)
    return True


def garbage(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Put what is no message at all into the queues."""
    with redis.Redis.from_url(environment.valkey.url) as client, _sending():
        for queue in (QUEUE, "maintenance"):
            client.lpush(queue, rng.choice(RAW))
    return True


def nonsense(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Send well-formed messages that ask for nothing sensible."""
    [(last,)] = environment.sql("SELECT coalesce(max(id), 0) FROM appointments")
    odd: list[dict[str, Any]] = [
        {"name": TASK, "args": arguments}
        for arguments in ([], ["x"], [-1], [10**30], [None], [{"id": 1}], [1, 2, 3], [0.5], [last + 1000])
    ]
    odd += [{"name": "tasks.booking.book_appointmnet", "args": [1]}, {"name": TASK, "kwargs": {"appointment_id": last}}]
    with _sending():
        for one in rng.sample(odd, k=6):
            app.send_task(queue=QUEUE, **one, **SEND)
    return True


def of_other_versions(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Send messages as an older and a newer release would: without headers of ours, with others."""
    with _sending():
        for row in _rows(environment, rng):
            headers = rng.choice([{}, {VERSION: 0}, {VERSION: 99, "booking_more": {"a": 1}}, {RELEASED: "yes"}])
            app.send_task(**{**message(row), "headers": {CORRELATION: row.correlation_id, **headers}}, **SEND)
    return True


def revoked(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Revoke a few bookings as Flower does: those that live, and one that has ended."""
    found = environment.sql(
        "SELECT task_id FROM appointments "
        "ORDER BY status IN ('pending', 'booking', 'retrying', 'held') DESC, id DESC LIMIT 4"
    )
    with _sending():
        for (task_id,) in found:
            app.control.revoke(task_id, terminate=rng.random() < 0.5)
    return bool(found)


def _rows(environment: ChaosEnvironment, rng: random.Random) -> Iterator[Appointment]:
    """Read some of the newest bookings."""
    found = environment.sql("SELECT id FROM appointments ORDER BY id DESC LIMIT 60")
    with environment.dependencies.engine.connect() as conn:
        for (one,) in rng.sample(found, k=min(len(found), SOME)):
            if row := appointments.get(conn, one):
                yield row


def _sending() -> Any:
    """Let a broker that is down be: the other lane's fault."""
    return suppress(redis.RedisError, KombuError, OSError)


FAULTS: dict[str, Strike] = {
    "messages: doubled": doubled,
    "messages: out of order": out_of_order,
    "messages: garbage": garbage,
    "messages: nonsense": nonsense,
    "messages: of other versions": of_other_versions,
    "revoked from Flower": revoked,
}
