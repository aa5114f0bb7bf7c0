"""Every call ends in time, whatever the other side does, and a late cut hits nobody else."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tasks.calcom.client import CalcomClient
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.http.resolver import Resolver

Make = Callable[..., CalcomClient]
DEADLINE = 0.4
SOON = 1.5  # seconds; generous to a busy machine, and far below what the server would take


@pytest.mark.alone
def test_dripping_headers_end_at_the_deadline(serve: Callable, client: Make) -> None:
    """A byte every 20 ms never runs into a read time-out."""

    def drip(line: Any) -> None:
        line.request()
        line.drip(b"HTTP/1.1 201 Created\r\nX-Slow: " + b"x" * 10_000)

    answer = client(serve(drip).url, deadline=DEADLINE).post_booking({})

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (True, "timeout")
    assert DEADLINE <= answer.elapsed < SOON


@pytest.mark.alone
@pytest.mark.parametrize("framing", [b"Content-Length: 9000", b"Transfer-Encoding: chunked", b"X-Until: close"])
def test_a_dripping_body_ends_at_the_deadline(serve: Callable, client: Make, framing: bytes) -> None:
    """The status is known by then: that is an answer, cut short."""

    def drip(line: Any) -> None:
        line.request()
        line.send(b"HTTP/1.1 201 Created\r\n" + framing + b"\r\n\r\n")
        line.drip(b"2328\r\n" + b"x" * 9000)

    answer = client(serve(drip).url, deadline=DEADLINE).post_booking({})

    assert isinstance(answer, Answer)
    assert (answer.status, answer.truncated) == (201, True)
    assert DEADLINE <= answer.elapsed < SOON


@pytest.mark.alone
def test_silence_ends_at_the_read_time_out(serve: Callable, client: Make) -> None:
    """The request was sent: nobody knows what became of it."""

    def hang(line: Any) -> None:
        line.request()
        line.hang()

    answer = client(serve(hang).url, read_timeout=0.3).post_booking({})

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (True, "timeout")
    assert answer.elapsed < SOON


@pytest.mark.alone
def test_a_server_that_does_not_read_ends_at_the_deadline(serve: Callable, client: Make) -> None:
    """A body larger than all buffers blocks in send, where only the watchdog comes."""
    answer = client(serve(lambda line: line.hang()).url, read_timeout=30, deadline=DEADLINE).post_booking(
        {"metadata": "x" * 50_000_000}
    )

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (True, "timeout")
    assert answer.elapsed < SOON + 1


@pytest.fixture
def full_backlog() -> Iterator[int]:
    """Return a port whose queue of connections is full, so that the system answers no more of them."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for sock in waiting:
            sock.close()


@pytest.mark.alone
def test_an_accept_that_hangs_ends_at_the_connect_time_out(full_backlog: int, client: Make) -> None:
    """No connection, no byte sent."""
    answer = client(f"http://127.0.0.1:{full_backlog}", connect_timeout=0.3).post_booking({})

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (False, "connect")
    assert answer.elapsed < SOON


@pytest.mark.alone
def test_a_look_up_that_hangs_ends_at_the_connect_time_out_and_leaks_no_threads(client: Make) -> None:
    """However many calls wait for a dead name server, its threads are few."""
    over = threading.Event()
    resolver = Resolver(lambda _host, _port: over.wait(30) and [], max_threads=3)
    calcom = client("http://calcom.example.test", connect_timeout=0.2, resolver=resolver)
    answers = []

    for _ in range(3):
        calls = [threading.Thread(target=lambda: answers.append(calcom.post_booking({}))) for _ in range(8)]
        for call in calls:
            call.start()
        for call in calls:
            call.join(5)
    hanging = sum(thread.name == "calcom-dns" for thread in threading.enumerate())
    over.set()

    assert {(answer.sent, answer.error_type) for answer in answers} == {(False, "dns")}
    assert (len(answers), max(answer.elapsed for answer in answers) < SOON) == (24, True)
    assert 1 <= hanging <= 3


def test_a_deadline_never_cuts_a_later_call_on_the_same_connection(serve: Callable, client: Make) -> None:
    """Calls follow each other on one connection, for longer than the deadline of the first of them."""
    server = serve()
    calcom = client(server.url, deadline=DEADLINE)
    ends_at = time.monotonic() + 3 * DEADLINE
    answers = []

    while time.monotonic() < ends_at:
        answers.append(calcom.post_booking({}))

    assert all(isinstance(answer, Answer) and not answer.truncated for answer in answers)
    assert server.connections == 1
