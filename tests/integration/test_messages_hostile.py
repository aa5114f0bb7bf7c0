"""A client that can write to the queue can send nonsense: nothing of it runs, no worker ends, and bookings go on."""

import base64
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis

from db.lifecycle import Status
from tasks.work.publish import TASK
from tests.support.fleet import Fleet, eventually, finals, request
from worker import enqueue_booking
from worker.celery_app import BOOKINGS


def message(sent: bytes = b"[[1], {}, {}]", headers: Any = None, **parts: Any) -> bytes:
    """Return a message as kombu puts it into the list, with what a test changes of it."""
    told = {"lang": "py", "task": TASK, "id": "0-1", "retries": 0, "argsrepr": ""}
    delivery = {"exchange": "", "routing_key": BOOKINGS}
    whole = {
        "body": base64.b64encode(sent).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": told | headers if isinstance(headers, dict) else headers or told,
        "properties": {"body_encoding": "base64", "delivery_tag": str(uuid4()), "delivery_info": delivery},
    }
    return json.dumps(whole | parts).encode()


# Each of the first two kinds ended a worker, or made it connect again, before worker/transports/redis.py dropped them.
NO_MESSAGE = [
    b"\xff\xfe not json",
    b"",
    b"5",
    b"[1, 2]",
    b"null",
    b"{}",
    b"[" * 100_000,
    b'{"__type__": "uuid", "__value__": {"hex": 5}}',  # one of kombu's own types
    message(properties={}),
    message(properties={"body_encoding": "base64", "delivery_tag": "tag", "delivery_info": {}}),
    message(properties={"body_encoding": "zip", "delivery_tag": "tag"}),
    message(headers=[1]),
    message(b""),
    message(body="!!!"),
    message(body=5),
    message(headers={"compression": "application/x-gzip"}),
]
NO_TASK = [
    message(headers={"task": [1]}),
    message(headers={"id": [1]}),
    message(headers={"timelimit": 5}),
    message(headers={"expires": {}}),
    message(headers={"task": TASK, "id": None, "eta": 5}),
    message(b"5"),
    message(b"null"),
    message(b"[]"),
    message(b'"args"'),
    message(b"[1, 2, 3]"),
    message(b"\xff\x00"),
    message(b"[" * 100_000),
    message(headers={"task": "os.system"}),
    message(headers={"task": None}),
]
ODD_ARGUMENTS = [b'"x"', b"null", b"99999999999999999999999999", b"-1", b"1e400", b"{}", b"true", b"1, 2", b""]
ODD_TASKS = [
    *(message(b"[[%s], {}, {}]" % argument) for argument in ODD_ARGUMENTS),
    message(b'[[], {"appointment_id": "1; DROP TABLE appointments"}, {}]'),
    message(b'[[1], {}, {"callbacks": 5, "chain": 7, "chord": "x"}]'),
    message(headers={"retries": "many"}),
    message(headers={"timelimit": ["x", "y"]}),
    message(headers={"expires": "1990-01-01T00:00:00"}),
    message(headers={"booking_version": {"of": "tomorrow"}, "booking_released": "x", "booking_correlation": [1]}),
]


class Bomb:
    """Make a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return (Path.touch, (self.target,))


@pytest.fixture
def running(fleet: Callable[..., Fleet]) -> Fleet:
    """Start a worker that takes one message at a time: one that is never let go of would stop it."""
    made = fleet()
    made.worker(concurrency=1)
    eventually(lambda: " ready." in made.logs())
    return made


@pytest.fixture
def send(redis_url: str) -> Callable[[list[bytes]], None]:
    """Put messages into the queue and wait until all have been taken and let go of."""

    def put(messages: list[bytes]) -> None:
        with redis.Redis.from_url(redis_url) as client:
            client.lpush(BOOKINGS, *messages)
            eventually(lambda: not client.llen(BOOKINGS), what="the queue is empty")

    return put


@pytest.fixture
def books(running: Fleet, simulator: Any) -> Callable[[], None]:
    """Look whether the worker still works: it books what comes next, and it has booked nothing else."""

    def check() -> None:
        assert simulator.journal() == []
        receipt = enqueue_booking(request(1))
        assert finals([receipt.appointment_id])[receipt.appointment_id].status is Status.CONFIRMED
        assert [process.poll() for process in running.processes] == [None]
        assert "Connection to broker lost" not in running.logs()

    return check


@pytest.mark.parametrize(("kind", "dropped"), [(NO_MESSAGE, len(NO_MESSAGE)), (NO_TASK, 9), (ODD_TASKS, 0)])
def test_no_message_ends_a_worker(
    running: Fleet, send: Callable[..., None], books: Callable[[], None], kind: list[bytes], dropped: int
) -> None:
    """What is dropped is told in a line each; what Celery reads it refuses itself, and a wrong id books nothing."""
    send(kind)

    books()
    assert running.logs().count("message_dropped") >= dropped


def test_nothing_but_json_is_read(
    running: Fleet, send: Callable[..., None], books: Callable[[], None], tmp_path: Path
) -> None:
    """Reading a pickle runs what its sender likes; no header makes us read one."""
    trace = tmp_path / "it ran"
    bomb = pickle.dumps([[Bomb(trace)], {}, {}])

    send(
        [
            message(bomb, **{"content-type": kind, "content-encoding": "binary"})
            for kind in ("application/x-python-serialize", "application/x-yaml", "application/json", "", "nonsense")
        ]
    )

    books()
    assert "Refusing to deserialize untrusted content of type pickle" in running.logs()
    assert not trace.exists()


def test_copies_of_a_message_from_other_versions_book_once(
    fleet: Callable[..., Fleet], send: Callable[..., None], simulator: Any
) -> None:
    """Headers that this version does not know, ids written as text, a hundred times: one POST."""
    running = fleet()
    receipt = enqueue_booking(request(1))
    body = json.dumps([[receipt.appointment_id], {}, {"callbacks": 5, "chain": 7, "chord": "x"}]).encode()
    headers = {"booking_version": 99, "booking_released": True, "retries": 2**40, "of_tomorrow": [{}]}

    running.worker()
    send([message(body, {**headers, "id": f"copy-{number}"}) for number in range(100)])

    assert finals([receipt.appointment_id])[receipt.appointment_id].status is Status.CONFIRMED
    assert [entry["method"] for entry in simulator.journal()].count("POST") == 1
