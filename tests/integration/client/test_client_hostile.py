"""A Cal.com, or another server in its place, that means harm: it costs one call, and nothing else."""

import resource
import sys
import zlib
from collections.abc import Callable
from json import dumps
from typing import Any

import pytest

from tasks import dependencies
from tasks.calcom.classify import read_post
from tasks.calcom.http.answer import MAX_BODY, Answer, NoAnswer
from tasks.calcom.reply import ReplyKind
from tasks.work.claim import claim
from tests.support.fleet import request
from tests.support.stepping import book
from worker import enqueue_booking, outcome
from worker.cli import show
from worker.cli.check import check

MIB = 2**20
METADATA = "http://169.254.169.254/latest/meta-data/iam"
AT_MOST = 20 * MIB  # that the process may grow by, whatever is sent


@pytest.fixture(scope="module")
def audited() -> list[tuple[str, str]]:
    """Hear of every connection and every opened file of this process; such a hook stays for good."""
    seen: list[tuple[str, str]] = []

    def listen(event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"socket.connect", "open", "socket.getaddrinfo"}:
            seen.append((event, str(arguments)))

    sys.addaudithook(listen)
    return seen


def grown() -> int:
    """Return the most memory that this process has ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", [METADATA, "file:///etc/passwd", "//169.254.169.254/", "gopher://127.0.0.1:6379/_X"])
def test_a_redirect_to_a_secret_place_goes_nowhere(
    serve: Callable, client: Callable, audited: list[tuple[str, str]], status: int, target: str
) -> None:
    """No second request, no second connection, no file: the operator is told of a wrong configuration."""

    def redirect(line: Any) -> None:
        while line.request():
            line.answer(f"{status} Elsewhere", b"", f"Location: {target}", f"Refresh: 0; url={target}")

    server = serve(redirect)
    begins = len(audited)

    answer = client(server.url).post_booking({})

    assert read_post(answer, reference="r").kind is ReplyKind.CONFIGURATION
    assert len(server.requests) == 1
    assert [
        seen for seen in audited[begins:] if "169.254" in seen[1] or "passwd" in seen[1] or ", 6379" in seen[1]
    ] == []
    assert [seen[0] for seen in audited[begins:] if str(server.port) in seen[1]].count("socket.connect") == 1


def bomb(gibibytes: int) -> bytes:
    """Return gzip that unpacks to so many GiB of zeros, 1 MiB each: blocks that do not need each other."""
    packer = zlib.compressobj(9, wbits=31)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * (1024 * gibibytes)


PACKED = bomb(1)
TWICE = zlib.compress(PACKED, wbits=31)


@pytest.mark.parametrize(
    ("encoding", "body", "kept"),
    [
        ("gzip", PACKED, MAX_BODY),
        ("gzip, gzip", TWICE, MAX_BODY),
        ("x-gzip, identity", PACKED, None),
        ("deflate", PACKED, None),
        ("br", PACKED, None),
        ("zstd", PACKED, None),
        ("gzip, " * 50 + "gzip", PACKED, None),
    ],
)
def test_a_gigabyte_in_a_megabyte_is_not_unpacked(
    serve: Callable, client: Callable, encoding: str, body: bytes, kept: int | None
) -> None:
    """Whatever the answer says it is packed with, and how often; `None`: what is kept does not matter."""

    def explode(line: Any) -> None:
        line.request()
        line.answer("200 OK", body, f"Content-Encoding: {encoding}")

    calcom, before = client(serve(explode).url), grown()

    answer = calcom.list_bookings({})

    assert len(PACKED) < 2 * MIB
    assert grown() - before < AT_MOST
    if isinstance(answer, Answer):
        assert len(answer.body) <= MAX_BODY
    if kept:
        assert isinstance(answer, Answer)
        assert (answer.truncated, len(answer.body)) == (True, kept)


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
FLOODS = {
    "10 GB that are promised": (HEAD + b"Content-Length: 10737418240\r\n\r\n", b"x" * MIB),
    "chunks for ever": (CHUNKED, b"100000\r\n" + b"x" * MIB + b"\r\n"),
    "one endless chunk": (CHUNKED + b"F" * 16 + b"\r\n", b"x" * MIB),
    "a chunk's size that never ends": (CHUNKED, b"0" * MIB),
    "a chunk's extension that never ends": (CHUNKED + b"5;", b"x" * MIB),
    "trailers for ever": (CHUNKED + b"0\r\n", b"X-More: and more\r\n" * 10_000),
    "a header line of 100 MB": (HEAD + b"X-Long: ", b"x" * MIB),
    "headers for ever": (HEAD, b"X-Many: one\r\n" * 10_000),
    "a status line that never ends": (b"HTTP/1.1 200 ", b"O" * MIB),
    "a promise for ever": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000),
    "no HTTP at all": (b"", b"x" * MIB),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_cut_off(serve: Callable, client: Callable, flood: str) -> None:
    """In time, in memory, and on the wire: the server finds nobody to send more to."""
    begin, again = FLOODS[flood]
    sent = []

    def pour(line: Any) -> None:
        line.request()
        line.send(begin)
        while not line.server.over.is_set():
            line.send(again)
            sent.append(len(again))

    calcom, before = client(serve(pour).url, deadline=1, read_timeout=1), grown()

    answer = calcom.list_bookings({})
    calcom.close()

    assert isinstance(answer, NoAnswer) or answer.truncated or answer.status != 200
    assert grown() - before < AT_MOST
    assert not isinstance(answer, Answer) or len(answer.body) <= MAX_BODY
    if flood != "trailers for ever":  # these are read, and forgotten, until the deadline
        assert sum(sent) < AT_MOST


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: -1\r\n\r\nx",
        HEAD + b"Content-Length: 99999999999999999999999999\r\n\r\nx",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        HEAD + b"Content-Length: 0x10\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nx",
        CHUNKED + b"-1\r\nx",
        CHUNKED + b"0x5\r\nxxxxx\r\n0\r\n\r\n",
        CHUNKED + b"\r\n\r\n\r\n",
        CHUNKED + b"5\xff\r\nxxxxx",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 -1 OK\r\n\r\n",
        b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n",
        b"HTTP/9.9 201 Created\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x7f",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nxxxxx",
        b"HTTP/1.1 201\r\n\x00\x1b[2J: \xff\r\n : x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"",
    ],
)
def test_what_is_hardly_http_is_an_answer_or_none(serve: Callable, client: Callable, answer: bytes) -> None:
    """Never an exception, and never a booking."""

    def say(line: Any) -> None:
        line.request()
        line.send(answer)

    said = client(serve(say).url, read_timeout=1).post_booking({})

    assert isinstance(said, Answer | NoAnswer)
    reply = read_post(said, reference="r")
    assert reply.kind not in {ReplyKind.BOOKED, ReplyKind.EXISTING_BOOKING}


def test_a_second_answer_is_not_taken_for_the_next_calls(serve: Callable, client: Callable) -> None:
    """Two answers to one request, in one piece: what was not asked for is thrown away."""
    stranger = HEAD + b"Content-Length: 12\r\n\r\na stranger's"

    def say_twice(line: Any) -> None:
        while line.request():
            own = b"its own %d" % len(line.server.requests)
            line.send(HEAD + b"Content-Length: %d\r\n\r\n" % len(own) + own + stranger)

    calcom = client(serve(say_twice).url)

    bodies = [calcom.list_bookings({}).body for _ in range(5)]

    assert bodies == [b"its own %d" % number for number in range(1, 6)]


NASTY = "\x1b[2J\x1b]0;owned\x07 red\r\nforged: line\x00\x9b31m \u202eevil\u2066 \u2028and\u200b more"


@pytest.mark.parametrize("json", [False, True])
def test_nothing_that_cal_com_says_commands_a_terminal(
    serve: Callable,
    settings: Callable[..., dict[str, str]],
    capsys: pytest.CaptureFixture[str],
    json: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Its message is kept in the row and shown to an operator, as one line of plain text."""
    content = dumps({"status": "error", "error": {"code": "X", "message": NASTY}}).encode()

    def refuse(line: Any) -> None:
        while line.request():
            line.answer(f"400 {NASTY[:3]}", content, "Content-Type: application/json\x1b[2J")

    settings(CALCOM_BASE_URL=serve(refuse).url)
    receipt = enqueue_booking(request(1))
    claimed = claim(dependencies.current(), receipt.appointment_id)
    assert claimed is not None
    book(claimed)

    show.run(str(receipt.appointment_id), personal=False, json=json)
    check.run(json=json)

    kept, shown = outcome(receipt.appointment_id), capsys.readouterr().out
    assert kept is not None
    assert "[2J ]0;owned red forged: line 31m evil and more" in str(kept.last_error)
    assert shown.count("]0;owned red forged: line") >= 2
    assert [hex(ord(char)) for char in shown if char != "\n" and not char.isprintable()] == []
