"""`sent` is the truth: False only when certainly no byte of the request has left."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tasks.calcom.client import CalcomClient
from tasks.calcom.http import exchange
from tasks.calcom.http.answer import Answer, NoAnswer

Make = Callable[..., CalcomClient]


def test_a_refused_connection_sent_nothing(client: Make) -> None:
    """Nobody listens there."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = client(f"http://127.0.0.1:{unused.getsockname()[1]}").post_booking({})

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type, answer.message) == (
        False,
        "connect",
        "ConnectionRefusedError: Connection refused",
    )


def test_a_name_that_does_not_exist_sent_nothing(client: Make) -> None:
    """The look-up says so at once."""
    answer = client("http://calcom.invalid", connect_timeout=2).post_booking({})

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (False, "dns")


def reset(line: Any) -> None:
    """Read the request, then break the connection."""
    line.request()
    line.reset()


def close(line: Any) -> None:
    """Read the request, then close the connection."""
    line.request()


def cut_in_headers(line: Any) -> None:
    """End within the headers: http.client would take that for their end, and a 400 without a body for an answer."""
    line.request()
    line.send(b"HTTP/1.1 400 Bad Request\r\nContent-Ty")


def cut_after_a_header(line: Any) -> None:
    """End between two headers."""
    line.request()
    line.send(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n")


def not_http(line: Any) -> None:
    """Speak another protocol."""
    line.request()
    line.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


@pytest.mark.parametrize("behave", [reset, close, cut_in_headers, cut_after_a_header, not_http])
def test_a_connection_that_breaks_after_sending_is_unknown(serve: Callable, client: Make, behave: Callable) -> None:
    """Cal.com books what it has read, also when nobody waits for the answer."""
    answer = client(serve(behave).url).post_booking({})

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (True, "reset")


def test_a_used_connection_that_breaks_is_unknown_and_not_tried_again(serve: Callable, client: Make) -> None:
    """urllib3 and requests would be glad to send it once more."""

    def answer_once(line: Any) -> None:
        line.request()
        line.answer()
        line.request()
        line.reset()

    server = serve(answer_once)
    calcom = client(server.url)

    first, second = calcom.post_booking({}), calcom.post_booking({})

    assert isinstance(first, Answer)
    assert isinstance(second, NoAnswer)
    assert (second.sent, len(server.requests), server.connections) == (True, 2, 1)


def test_a_connection_closed_meanwhile_is_not_used(serve: Callable, client: Make) -> None:
    """What can be known before sending is known."""
    closed = threading.Event()

    def answer_and_close(line: Any) -> None:
        line.request()
        line.answer()
        line.sock.shutdown(socket.SHUT_RDWR)
        closed.set()

    server = serve(answer_and_close)
    calcom = client(server.url)

    calcom.post_booking({})
    assert closed.wait(60)

    assert isinstance(calcom.post_booking({}), Answer)


def test_an_idle_connection_is_not_used(serve: Callable, client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cal.com closes it after 5 s; a POST that crosses that has an unknown outcome."""
    monkeypatch.setattr(exchange, "MAX_IDLE", 0.0)
    server = serve()
    calcom = client(server.url)

    answers = [calcom.post_booking({}) for _ in range(3)]

    assert all(isinstance(answer, Answer) for answer in answers)
    assert server.connections == 3


@pytest.mark.parametrize("used", [False, True])
def test_may_send_has_the_last_word(serve: Callable, client: Make, used: bool) -> None:  # noqa: FBT001 - a column
    """It is asked when the connection stands; its no leaves nothing on the wire, on a new connection or a used one."""
    server = serve()
    calcom = client(server.url)
    if used:
        calcom.post_booking({})
    asked_at: list[tuple[int, int]] = []

    def no() -> bool:
        asked_at.append((server.connections, len(server.requests)))
        return False

    answer = calcom.post_booking({}, may_send=no)

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (False, "lease_lost")
    assert isinstance(calcom.post_booking({}), Answer)
    assert len(server.requests) == 1 + used
    assert len(asked_at) == 1


def test_may_send_is_asked_once_after_connecting(serve: Callable, client: Make) -> None:
    """Not for each piece that is sent: head and body are two."""
    server = serve()
    asked: list[bool] = []

    answer = client(server.url).post_booking({"a": 1}, may_send=lambda: asked.append(True) or True)

    assert isinstance(answer, Answer)
    assert asked == [True]
    assert server.requests[0].endswith(b'{"a": 1}')


def test_what_may_send_raises_is_raised_and_nothing_is_sent(serve: Callable, client: Make) -> None:
    """A database that is gone must not look like a Cal.com that is."""
    server = serve()

    def fail() -> bool:
        raise ConnectionResetError("the database is gone")

    with pytest.raises(ConnectionResetError, match="the database is gone"):
        client(server.url).post_booking({}, may_send=fail)
    assert server.requests == []


def test_threads_share_a_client_and_no_connection(serve: Callable, client: Make) -> None:
    """Sixteen threads, five calls each, every answer its own."""

    def echo(line: Any) -> None:
        while head := line.request():
            line.answer("200 OK", head.partition(b"X-Correlation-Id: ")[2].partition(b"\r\n")[0])

    server = serve(echo)
    calcom = client(server.url)
    wrong: list[object] = []

    def work(number: int) -> None:
        for turn in range(5):
            answer = calcom.post_booking({}, correlation_id=f"{number}-{turn}")
            if not isinstance(answer, Answer) or answer.body != b"%d-%d" % (number, turn):
                wrong.append(answer)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert wrong == []
    assert server.connections == 16
