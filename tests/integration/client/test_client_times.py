"""Every call ends in time, whatever the other side does, and a late cut hits nobody else.

The other side goes on for as long as a test lasts: that a call ends, and by which time-out, is what is asserted here.
How soon after its time it ends is measured by benchmarks/bounds/deadlines.py.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tasks.calcom.client import CalcomClient
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.http.call import WATCHDOG
from tasks.calcom.http.resolver import Resolver
from tests.support.timeouts import expired_timeouts

Make = Callable[..., CalcomClient]
DEADLINE = 60.0
LONG = 60  # seconds that no call lasts here: each ends by itself, and by the time-out that it says
LONGER_AND_LONGER = (0.3, 3, 30)  # seconds of a time-out, until the machine is not too busy to come so far in time


def test_dripping_headers_end_at_the_deadline(serve: Callable, client: Make, deadlines: Any) -> None:
    """A byte every 20 ms never runs into a read time-out."""

    def drip(line: Any) -> None:
        line.request()
        line.drip(b"HTTP/1.1 201 Created\r\nX-Slow: " + b"x" * 10_000, deadlines.let_pass)

    server, begun = serve(drip), time.monotonic()
    answer = client(server.url, deadline=DEADLINE).post_booking({})

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (True, "timeout")
    assert deadlines.is_of(DEADLINE, since=begun)
    assert 0 < server.dripped < 10_000, "it goes on"


@pytest.mark.parametrize("framing", [b"Content-Length: 9000", b"Transfer-Encoding: chunked", b"X-Until: close"])
def test_a_dripping_body_ends_at_the_deadline(serve: Callable, client: Make, deadlines: Any, framing: bytes) -> None:
    """The status is known by then: that is an answer, cut short."""

    def drip(line: Any) -> None:
        line.request()
        line.send(b"HTTP/1.1 201 Created\r\n" + framing + b"\r\n\r\n")
        line.drip(b"2328\r\n" + b"x" * 9000, deadlines.let_pass)

    server, begun = serve(drip), time.monotonic()
    answer = client(server.url, deadline=DEADLINE).post_booking({})

    assert isinstance(answer, Answer)
    assert (answer.status, answer.truncated) == (201, True)
    assert deadlines.is_of(DEADLINE, since=begun)
    assert server.dripped < 9000, "it goes on"


def test_silence_ends_at_the_read_time_out(serve: Callable, client: Make) -> None:
    """The request was sent: nobody knows what became of it."""

    def hang(line: Any) -> None:
        line.request()
        line.hang()

    with expired_timeouts() as waited:
        answer = client(serve(hang).url, read_timeout=0.3, deadline=LONG).post_booking({})

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (True, "timeout")
    assert waited == [pytest.approx(0.3)]


def test_a_server_that_does_not_read_ends_at_the_deadline(
    serve: Callable, client: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body larger than all buffers blocks in send, where only the watchdog comes: connecting has its own time."""
    url, send, bounds = serve(lambda line: line.hang()).url, socket.socket.sendall, []
    monkeypatch.setattr(
        socket.socket, "sendall", lambda sock, data: (bounds.append(sock.gettimeout()), send(sock, data))
    )
    for deadline in LONGER_AND_LONGER:
        answer = client(url, deadline=deadline).post_booking({"metadata": "x" * 50_000_000})
        if not isinstance(answer, NoAnswer) or answer.sent:
            break

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (True, "timeout")
    assert answer.elapsed >= deadline
    assert set(bounds) == {None}


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


def test_an_accept_that_hangs_ends_at_the_connect_time_out(full_backlog: int, client: Make) -> None:
    """No connection, no byte sent."""
    for longest in LONGER_AND_LONGER:
        with expired_timeouts() as waited:
            answer = client(f"http://127.0.0.1:{full_backlog}", connect_timeout=longest).post_booking({})
        if waited:
            break

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (False, "connect")
    assert 0 < sum(waited) <= longest


def test_a_look_up_that_hangs_ends_at_the_connect_time_out_and_leaks_no_threads(client: Make) -> None:
    """However many calls wait for a dead name server, its threads are few."""
    over = threading.Event()
    resolver = Resolver(lambda _host, _port: over.wait(2 * LONG) and [], max_threads=3)
    calcom = client("http://calcom.example.test", connect_timeout=0.2, resolver=resolver)
    answers = []

    for _ in range(3):
        calls = [threading.Thread(target=lambda: answers.append(calcom.post_booking({}))) for _ in range(8)]
        for call in calls:
            call.start()
        for call in calls:
            call.join(LONG)
    hanging = sum(thread.name == "calcom-dns" for thread in threading.enumerate())
    over.set()

    assert {(answer.sent, answer.error_type) for answer in answers} == {(False, "dns")}
    assert len(answers) == 24, "while the look-up hangs"
    assert 1 <= hanging <= 3


def test_a_deadline_never_cuts_a_later_call_on_the_same_connection(serve: Callable, client: Make) -> None:
    """The second call is answered when the deadline of the first has passed, and the watchdog has seen to it."""
    soon = 0.3  # seconds
    may_answer = threading.Event()
    may_answer.set()

    def answer_when_told(line: Any) -> None:
        while line.request():
            may_answer.wait(LONG)
            line.answer()

    server = serve(answer_when_told)
    calcom = client(server.url)
    firsts = (calcom.booking("uid1", deadline=soon) for _ in range(1000))
    next(first for first in firsts if isinstance(first, Answer) and not first.truncated)
    connections = server.connections

    may_answer.clear()
    with WATCHDOG.watch(time.monotonic() + soon, may_answer.set):
        second = calcom.booking("uid1")

    assert isinstance(second, Answer)
    assert (second.status, second.truncated) == (201, False)
    assert server.connections == connections
