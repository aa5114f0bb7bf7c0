"""Reading one booking, one seat, an event type, and whose the key is: each to its own address, within its own time."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tasks.calcom.client import CalcomClient
from tasks.calcom.http.answer import Answer, NoAnswer

Make = Callable[..., CalcomClient]

CALLS: list[tuple[Callable[[CalcomClient], Answer | NoAnswer], str, str]] = [
    (lambda calcom: calcom.booking("uid1"), "/v2/bookings/uid1", "2024-08-13"),
    (lambda calcom: calcom.booking("a/b?c=1#d"), "/v2/bookings/a%2Fb%3Fc%3D1%23d", "2024-08-13"),
    (lambda calcom: calcom.booking_of_seat("s/1"), "/v2/bookings/by-seat/s%2F1", "2024-08-13"),
    (lambda calcom: calcom.event_type(2015), "/v2/event-types/2015", "2024-06-14"),
    (
        lambda calcom: calcom.event_types({"username": "host42", "eventSlug": "a&b"}),
        "/v2/event-types?username=host42&eventSlug=a%26b",
        "2024-06-14",
    ),
    (lambda calcom: calcom.own_event_types(), "/v2/event-types", "2024-04-15"),
    (lambda calcom: calcom.me(), "/v2/me", "2024-08-13"),
]


@pytest.mark.parametrize(("call", "path", "version"), CALLS, ids=[path for _, path, _ in CALLS])
def test_each_read_has_its_path_and_version(
    serve: Callable, client: Make, call: Callable[[CalcomClient], Answer | NoAnswer], path: str, version: str
) -> None:
    """A uid is Cal.com's word, and leads nowhere else; event types have an API version of their own."""
    server = serve()

    answer = call(client(server.url))

    assert isinstance(answer, Answer)
    [sent] = [request.decode() for request in server.requests]
    assert sent.startswith(f"GET {path} HTTP/1.1\r\n")
    assert f"cal-api-version: {version}\r\n" in sent
    assert "Authorization: Bearer cal_test_secret_of_ours\r\n" in sent


@pytest.mark.parametrize(
    ("own", "call"),
    [
        (60, lambda calcom: calcom.booking("uid1", deadline=7)),
        (60, lambda calcom: calcom.booking_of_seat("seat1", deadline=7)),
        (7, lambda calcom: calcom.booking("uid1", deadline=60)),
    ],
    ids=["a booking", "a seat", "the client's own is shorter"],
)
def test_whoever_is_on_the_phone_waits_no_longer(
    serve: Callable, client: Make, deadlines: Any, own: float, call: Callable[[CalcomClient], Answer | NoAnswer]
) -> None:
    """A caller's own time is shorter than a worker's; it cannot make a call longer."""

    def drip(line: Any) -> None:
        line.request()
        line.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000, deadlines.let_pass)

    calcom, begun = client(serve(drip).url, deadline=own), time.monotonic()

    answer = call(calcom)

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (True, "timeout")
    assert deadlines.is_of(7, since=begun)
