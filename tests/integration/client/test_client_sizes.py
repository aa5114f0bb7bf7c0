"""No answer is larger than its bounds, on the wire or unpacked."""

import gzip
import itertools
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from tasks.calcom.http.answer import MAX_BODY, Answer, NoAnswer
from tasks.calcom.reads import OWN_TYPES_BODY

BOMB = gzip.compress(bytes(2**26))


def endless(line: Any) -> None:
    """Send a body without an end."""
    line.request()
    line.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while not line.server.over.is_set():
        line.send(b"x" * 65536)


def bomb(line: Any) -> None:
    """Send 64 KB that unpack to 64 MB."""
    line.request()
    line.answer("200 OK", BOMB, "Content-Encoding: gzip")


@pytest.mark.parametrize("behave", [endless, bomb])
def test_a_body_beyond_its_bound_is_cut(serve: Callable, client: Callable, behave: Callable) -> None:
    """It is an answer, marked as cut, and it never was in memory."""
    calcom = client(serve(behave).url)
    calcom.close()  # what is built once must not count
    tracemalloc.start()

    answer = calcom.list_bookings({})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert isinstance(answer, Answer)
    assert (answer.truncated, len(answer.body)) == (True, MAX_BODY)
    assert peak < 8 * MAX_BODY


def test_a_body_of_just_the_bound_is_whole(serve: Callable, client: Callable) -> None:
    """The bound is 1 MiB, not a byte less."""

    def answer_full(line: Any) -> None:
        line.request()
        line.answer("200 OK", b"x" * MAX_BODY)

    answer = client(serve(answer_full).url).list_bookings({})

    assert isinstance(answer, Answer)
    assert (answer.truncated, len(answer.body)) == (False, MAX_BODY)


def test_own_event_types_have_a_larger_bound(serve: Callable, client: Callable) -> None:
    """All of a user's teams come in one answer, 3 KB a type."""

    def answer_at_length(line: Any) -> None:
        line.request()
        line.answer("200 OK", b"x" * (OWN_TYPES_BODY + 1))

    answer = client(serve(answer_at_length).url).own_event_types()

    assert isinstance(answer, Answer)
    assert (answer.truncated, len(answer.body)) == (True, OWN_TYPES_BODY)


def test_gzip_is_unpacked(serve: Callable, client: Callable) -> None:
    """Lists are a tenth as long."""

    def packed(line: Any) -> None:
        while b"gzip" in line.request():
            line.answer("200 OK", gzip.compress(b'{"data":[]}'), "Content-Encoding: gzip", "X-Mixed-CASE: kept")

    answer = client(serve(packed).url).list_bookings({})

    assert isinstance(answer, Answer)
    assert (answer.body, answer.headers["x-mixed-case"]) == (b'{"data":[]}', "kept")


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 900\r\n\r\nshort",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nshort",
    ],
)
def test_a_body_that_is_cut_or_garbled_is_marked(serve: Callable, client: Callable, rest: bytes) -> None:
    """A 201 is a 201 even so: its reader decides."""

    def garbled(line: Any) -> None:
        line.request()
        line.send(b"HTTP/1.1 201 Created\r\n" + rest)

    answer = client(serve(garbled).url).post_booking({})

    assert isinstance(answer, Answer)
    assert (answer.status, answer.truncated) == (201, True)


@pytest.mark.parametrize(
    "headers",
    [
        [b"X-%d: x\r\n" % number for number in range(200)],
        [b"X-Long: " + b"x" * 100_000 + b"\r\n"],
        [b"X-%d: " % number + b"x" * 30_000 + b"\r\n" for number in range(5)],
        itertools.repeat(b"\r\nHTTP/1.1 100 Continue\r\n"),
    ],
    ids=["many", "long", "many long", "100 Continue for ever"],
)
def test_headers_beyond_their_bounds_are_no_answer(serve: Callable, client: Callable, headers: list[bytes]) -> None:
    """Number, length and sum are bounded, 1xx answers included: also where they never end."""

    def flood(line: Any) -> None:
        line.request()
        line.send(b"HTTP/1.1 100 Continue\r\n")
        for header in headers:
            line.send(header)
        line.send(b"\r\nHTTP/1.1 201 Created\r\n\r\n")

    answer = client(serve(flood).url).post_booking({})

    assert isinstance(answer, NoAnswer) or answer.status != 201
