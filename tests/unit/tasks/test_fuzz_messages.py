"""Any message is dropped or is a call of a task; any argument of that call books nothing that is not there."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery
from hypothesis import HealthCheck, given
from hypothesis import settings as options
from hypothesis import strategies as st
from kombu import Connection
from kombu.serialization import dumps

from tasks import dependencies
from tasks.dependencies import Dependencies
from tasks.work.base import BookingTask
from tasks.work.claim import claim
from worker.transports.redis import is_message

many = options(max_examples=300, deadline=None, derandomize=True)
few = options(
    max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=10
)
CALLS = st.tuples(st.just([7]) | JSON, st.just({}) | JSON, st.just({}) | JSON)
CONTENTS = (
    st.binary(max_size=40) | (CALLS | JSON).map(lambda value: json.dumps(value).encode()) | st.just(b"[" * 10_000)
)
PLACES = st.sampled_from(
    [
        *(("headers",), ("headers", "task"), ("headers", "compression")),
        *(("properties",), ("properties", "body_encoding"), ("properties", "delivery_tag")),
        *(("properties", "delivery_info"), ("properties", "delivery_info", "exchange"), ("body",), ("content-type",)),
    ]
)


def spoilt(content: bytes, place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a message that is right but for its content, or but for one place."""
    message: dict[str, Any] = {
        "body": base64.b64encode(content).decode(),
        "content-type": "application/json",
        "headers": {"task": "tasks.booking.book_appointment"},
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": "t",
            "delivery_info": {"exchange": "", "routing_key": "bookings"},
        },
    }
    inner = message
    for step in place[:-1]:
        inner = inner[step]
    if place:
        inner[place[-1]] = value
    return message


MESSAGES = st.builds(spoilt, CONTENTS, st.just(()), st.none()) | st.builds(
    spoilt, st.just(b"[[7], {}, {}]"), PLACES, JSON
)


@many
@given(MESSAGES | JSON)
def test_a_message_is_dropped_or_has_all_that_celery_reads(message: Any) -> None:
    """What comes through can be taken apart as kombu and Celery do it; what they trip over ends a worker."""
    if not is_message(message):
        return
    properties, delivery = message["properties"], message["properties"]["delivery_info"]
    content = base64.b64decode(message["body"])

    assert isinstance(properties["delivery_tag"] + delivery["exchange"] + delivery["routing_key"], str)
    assert content
    assert "compression" not in message["headers"]
    if "task" in message["headers"] and message["content-type"] == "application/json":
        args, kwargs, embed = json.loads(content)
        assert (list(args), dict(kwargs), dict(embed or {})) == (args, kwargs, embed or {})


def test_what_celery_writes_comes_through() -> None:
    """The strictest door is no use when it is shut: a task, and an event, as kombu's own channel writes them."""
    channel = Connection("memory://").channel()
    task = Celery(set_as_current=False).amqp.as_task_v2("id-1", "tasks.booking.book_appointment", args=[7], kwargs={})
    for body, headers in ((task.body, task.headers), ({"type": "task-held", "uuid": "id-1"}, {"hostname": "x"})):
        written = channel.prepare_message(*_serialized(body), headers=headers, properties={})
        channel._inplace_augment_message(written, "exchange", "key")  # noqa: SLF001 - kombu's name for it
        assert is_message(json.loads(json.dumps(written)))


def _serialized(body: Any) -> tuple[bytes, None, str, str]:
    kind, encoding, content = dumps(body, "json")
    return content.encode(), None, kind, encoding


@few
@given(JSON | st.sampled_from(["1", "\x00", "\ud800", "' OR 1=1", 2**31, 2**63, -(2**70), True, 1e308]))
def test_an_argument_that_is_no_booking_claims_nothing(deployed: Dependencies, argument: Any) -> None:
    """Or fails in a way that BookingTask knows; half a surrogate pair is the one text that cannot even be asked for."""
    try:
        claimed = claim(deployed, argument)
    except (*BookingTask.autoretry_for, UnicodeEncodeError):
        return
    assert claimed is None


@pytest.fixture
def deployed(settings: Callable[..., dict[str, str]]) -> Dependencies:
    """Wire this process as a worker is."""
    settings()
    return dependencies.current()
