"""Cancel and reschedule: one POST to the booking's own address, and the truth about what was sent."""

import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tasks.calcom.client import CalcomClient
from tasks.calcom.http.answer import Answer, NoAnswer

Make = Callable[..., CalcomClient]


def test_a_cancel_is_one_post_with_both_headers(serve: Callable, client: Make) -> None:
    """And the correlation id of its booking."""
    server = serve()

    answer = client(server.url).cancel_booking("uid1", {"seatUid": "s1"}, correlation_id="c1")

    assert isinstance(answer, Answer)
    [sent] = server.requests
    assert sent.startswith(b"POST /v2/bookings/uid1/cancel HTTP/1.1\r\n")
    assert sent.endswith(b'\r\n\r\n{"seatUid": "s1"}')
    for header in (b"cal-api-version: 2024-08-13", b"Authorization: Bearer ", b"X-Correlation-Id: c1"):
        assert header in sent


@pytest.mark.parametrize(
    ("uid", "path"), [("a/b", b"a%2Fb"), ("a?b=1", b"a%3Fb%3D1"), ("a#b", b"a%23b"), ("a%2Fb", b"a%252Fb")]
)
def test_a_uid_cannot_lead_elsewhere(serve: Callable, client: Make, uid: str, path: bytes) -> None:
    """Cal.com gave it to us, and may be hostile."""
    server = serve()

    client(server.url).cancel_booking(uid, {})

    assert server.requests[0].startswith(b"POST /v2/bookings/" + path + b"/cancel HTTP/1.1\r\n")


def test_may_send_has_the_last_word(serve: Callable, client: Make) -> None:
    """The record is written first; when it cannot be, nothing is cancelled."""
    server = serve()

    answer = client(server.url).cancel_booking("uid1", {}, may_send=lambda: False)

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type, server.requests) == (False, "lease_lost", [])


def test_a_broken_answer_was_sent(serve: Callable, client: Make) -> None:
    """It may be cancelled."""

    def reset(line: Any) -> None:
        line.request()
        line.reset()

    answer = client(serve(reset).url).cancel_booking("uid1", {})

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (True, "reset")


def test_ctrl_c_in_a_call_is_no_answer(serve: Callable, client: Make) -> None:
    """It ends the command, not the call alone: a run must not go on because Cal.com was being waited for."""

    def hang(line: Any) -> None:
        line.request()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        line.hang()

    with pytest.raises(KeyboardInterrupt):
        client(serve(hang).url).cancel_booking("uid1", {})


def _with_quota(line: Any) -> None:
    line.request()
    line.answer("201 Created", b"{}", "X-RateLimit-Limit-Default: 100000", "X-RateLimit-Reset-Default: 60", "X-Kept: 1")


@pytest.mark.parametrize("keyless", [False, True])
def test_a_reschedule_may_go_without_our_key(serve: Callable, client: Make, keyless: bool) -> None:  # noqa: FBT001
    """The limit that Cal.com then reports is that of our address, and must not be heard as our key's."""
    server = serve(_with_quota)

    answer = client(server.url).reschedule_booking("uid1", {"start": "later"}, keyless=keyless)

    assert isinstance(answer, Answer)
    [sent] = server.requests
    assert sent.startswith(b"POST /v2/bookings/uid1/reschedule HTTP/1.1\r\n")
    assert sent.endswith(b'\r\n\r\n{"start": "later"}')
    assert b"cal-api-version: 2024-08-13" in sent
    assert (b"Authorization" not in sent) == keyless
    assert any(name.startswith("x-ratelimit") for name in answer.headers) != keyless
    assert answer.headers["x-kept"] == "1"
