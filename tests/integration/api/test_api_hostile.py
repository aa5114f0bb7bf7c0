"""Whatever comes in ends with a documented answer or a closed connection, and good callers are answered meanwhile."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from tests.support.api.served import Api, Caller, Serving, a_request
from tests.support.fleet import eventually

HALF = b"POST /v1/bookings HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer "
MOST_KB = 300_000
EACH_KB = 19  # of one connection that sends nothing more
ASIDE_KB = 5_000  # what five bookings and the allocator take beside them
WITHIN = 30.0  # seconds: a net
BYTE_EVERY, BYTES = 0.5, 80  # seconds; a body that takes eight times as long as it may


@contextlib.contextmanager
def connected(api: Api, first: bytes = b"") -> Iterator[socket.socket]:
    """Open a connection, and send the beginning of a request."""
    with socket.create_connection(api.address, timeout=WITHIN) as conn:
        conn.sendall(first)
        yield conn


def head(caller: Caller, length: str) -> bytes:
    """Return the head of a POST with a key."""
    return HALF + f"{caller.key}\r\nContent-Type: application/json\r\n{length}\r\n\r\n".encode()


def answered(conn: socket.socket) -> bytes:
    """Return what comes until the connection ends."""
    got = b""
    try:
        while part := conn.recv(65_536):
            got += part
    except TimeoutError:
        pytest.fail("the connection is still open")
    except ConnectionError:
        pass
    return got


def resident_kb(pid: int) -> int:
    """Return the memory of a process."""
    line = next(one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1])


def half_sent(api: Api, number: int) -> None:
    """Leave so many half-sent requests open while a good caller books, until all of them are closed.

    What they cost is told from what the process has once it books: its libraries are no part of a connection.
    """
    caller = api.key()
    assert [caller.book().status_code for _ in range(5)] == [202] * 5
    before = resident_kb(api.child)
    with contextlib.ExitStack() as stack:
        open_ones = [stack.enter_context(connected(api, HALF)) for _ in range(number)]
        assert [caller.book().status_code for _ in range(5)] == [202] * 5
        assert [conn for conn in open_ones if not _ends(conn)] == []
        assert resident_kb(api.child) - before < number * EACH_KB + ASIDE_KB


def _ends(conn: socket.socket) -> bool:
    got = answered(conn)
    return got == b"" or got.startswith(b"HTTP/1.1 4")


@pytest.mark.long
def test_half_sent_requests_are_closed(api: Api) -> None:
    """Each within seconds, and those who are served do not notice."""
    half_sent(api, 200)


@pytest.mark.long
def test_ten_thousand_half_sent_requests_are_closed(serving: Serving) -> None:
    """As far as this machine lets one process open files: 10,000 here and 10,000 there."""
    resource = pytest.importorskip("resource")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 11_000), hard))
    half_sent(serving.start(), 10_000 if hard >= 11_000 else hard - 1_000)


def test_a_body_that_stops_is_408(api: Api) -> None:
    """Five seconds for a body, then the connection is closed."""
    caller = api.key()
    with connected(api, head(caller, "Content-Length: 100")) as conn:
        conn.sendall(b"{")
        assert caller.book().status_code == 202
        got = answered(conn)

    assert got.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/too-slow" in got


def test_a_body_of_one_byte_a_time_is_408(api: Api) -> None:
    """The five seconds are for the whole of it: who sends a byte now and then gains no time by it."""
    caller, sent, ended = api.key(), count(1), threading.Event()
    with connected(api, head(caller, f"Content-Length: {BYTES}")) as conn:

        def trickle() -> None:
            with contextlib.suppress(OSError):
                while next(sent) < BYTES and not ended.wait(BYTE_EVERY):
                    conn.sendall(b" ")

        with ThreadPoolExecutor(1) as pool:
            pool.submit(trickle)
            got = answered(conn)
            ended.set()

    assert got.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/too-slow" in got
    assert 1 < next(sent) < BYTES / 2


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_100_mb_is_413_before_it_is_read(api: Api, chunked: bool) -> None:  # noqa: FBT001 - a parameter
    """Told by its length, or noticed while it comes; a few megabytes at most are taken."""
    caller, sent = api.key(), 0
    length = "Transfer-Encoding: chunked" if chunked else "Content-Length: 100000000"
    piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with connected(api, head(caller, length)) as conn:
        with contextlib.suppress(ConnectionError):
            while sent < 100_000_000 and not _readable(conn):
                sent += conn.send(piece)
        got = answered(conn)

    assert got == b"" or got.startswith(b"HTTP/1.1 413 ")
    assert sent < 20_000_000
    assert resident_kb(api.child) < MOST_KB


def _readable(conn: socket.socket) -> bool:
    conn.settimeout(0.0)
    try:
        return bool(conn.recv(1, socket.MSG_PEEK)) or True
    except BlockingIOError:
        return False
    finally:
        conn.settimeout(WITHIN)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x00\x00\x00\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /%00%ff?wait=%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /v1/bookings/1?wait=%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX-Correlation-Id: \xff\xfe\r\nConnection: close\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " + b"9" * 9_000 + b"\r\nConnection: close\r\n\r\n",
        b"POST /v1/bookings HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\nConnection: close\r\n\r\n",
        b"POST /v1/bookings HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
        b"GET /health HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 2_000 + b"\r\n",
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=lambda raw: repr(raw[:24]),
)  # fmt: skip
def test_what_is_hardly_http_is_refused(api: Api, raw: bytes) -> None:
    """With a 4xx or a 200, or a closed connection; never with a 500."""
    with connected(api) as conn:
        with contextlib.suppress(ConnectionError):
            conn.sendall(raw)
        got = answered(conn)

    assert got == b"" or got[9:10] in {b"2", b"4"} or got[9:12] == b"505"
    assert api.key().book().status_code == 202


@pytest.mark.parametrize("key", [b"\xff\xfe", b"a" * 255, b'"' + b"\\" * 200, b"\t", "\u00e9".encode(), b"k" * 100_000])
def test_a_strange_idempotency_key_is_answered(api: Api, key: bytes) -> None:
    """400, 431, or taken; the process goes on."""
    caller, body = api.key(), b"{}"
    request = head(caller, f"Content-Length: {len(body)}\r\nConnection: close\r\nIdempotency-Key: ")[:-4] + key
    with connected(api, request + b"\r\n\r\n" + body) as conn:
        got = answered(conn)

    assert got == b"" or got[9:10] == b"4"


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\u202ename", "x" * 60_000, "\U0001f600" * 5_000])
@pytest.mark.parametrize("field", ["name", "email", "time_zone", "language"])
def test_texts_that_cannot_be_stored_are_422(api: Api, text: str, field: str) -> None:
    """A NUL, half a surrogate pair, control characters, and what is too long."""
    answer = api.key().book(a_request(attendee={field: text}))

    assert answer.status_code == 422
    assert text not in answer.text


def test_a_flood_of_bad_requests_leaves_no_trace(api: Api) -> None:
    """Neither in memory nor among its open files."""
    caller = api.key()
    headers = {"Content-Type": "application/json"}
    bodies = (b"[", b"{}", b"\xff", b'{"a":' * 500, b'{"start":"' + b"9" * 60_000 + b'"}')

    statuses = {caller.call("POST", "/v1/bookings", data=body, headers=headers).status_code for body in bodies * 20}

    assert statuses == {400, 422}
    assert resident_kb(api.child) < MOST_KB
    files = Path(f"/proc/{api.child}/fd")
    eventually(lambda: len(list(files.iterdir())) < 120, what="its connections are closed")
