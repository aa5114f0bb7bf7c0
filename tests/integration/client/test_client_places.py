"""Where requests go: to the configured server, over trusted TLS, and nowhere else."""

import ssl
from collections.abc import Callable
from typing import Any

import pytest

from tasks.calcom.classify import read_post
from tasks.calcom.http.answer import MAX_BODY, Answer, NoAnswer
from tasks.calcom.reply import ReplyKind


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent"])
def test_a_redirect_is_not_followed(serve: Callable, client: Callable, status: str) -> None:
    """The key and the customer's data go to no other server: it is a matter of configuration."""
    elsewhere = serve()

    def redirect(line: Any) -> None:
        while line.request():
            line.answer(status, b"", f"Location: {elsewhere.url}/v2/bookings")

    answer = client(serve(redirect).url).post_booking({})

    assert isinstance(answer, Answer)
    assert read_post(answer, reference="r").kind is ReplyKind.CONFIGURATION
    assert elsewhere.connections == 0


def test_the_body_of_a_redirect_is_bounded_too(serve: Callable, client: Callable) -> None:
    """`requests` would read all of it, even when told not to follow."""

    def redirect(line: Any) -> None:
        line.request()
        line.send(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n")
        while not line.server.over.is_set():
            line.send(b"x" * 65536)

    answer = client(serve(redirect).url).post_booking({})

    assert isinstance(answer, Answer)
    assert (answer.truncated, len(answer.body)) == (True, MAX_BODY)


def test_no_proxy_of_the_environment_is_used(
    serve: Callable, client: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the settings say where requests go."""
    proxy = serve()
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)

    assert isinstance(client(serve().url).post_booking({}), Answer)
    assert proxy.connections == 0


def test_cookies_are_not_kept(serve: Callable, client: Callable) -> None:
    """Nothing of one call is told in the next."""

    def bake(line: Any) -> None:
        while line.request():
            line.answer("200 OK", b"", "Set-Cookie: session=1; Path=/")

    server = serve(bake)
    calcom = client(server.url)

    calcom.post_booking({})
    calcom.post_booking({})

    assert b"ookie" not in server.requests[1]


def test_each_call_has_its_path_version_and_query(serve: Callable, client: Callable) -> None:
    """Slots have an API version of their own; a plus in an address is sent as %2B."""
    server = serve()
    calcom = client(server.url + "/api/")

    calcom.post_booking({"start": "2030-03-01T09:00:00Z"}, correlation_id="c-1")
    calcom.list_bookings({"attendeeEmail": "ann+tag@example.com", "take": 1})
    calcom.slots({"eventTypeId": 101})

    post, listing, slots = (request.decode() for request in server.requests)
    assert post.startswith("POST /api/v2/bookings HTTP/1.1\r\n")
    assert "cal-api-version: 2024-08-13\r\n" in post
    assert "Authorization: Bearer cal_test_secret_of_ours\r\n" in post
    assert "X-Correlation-Id: c-1\r\n" in post
    assert listing.startswith("GET /api/v2/bookings?attendeeEmail=ann%2Btag%40example.com&take=1 HTTP/1.1\r\n")
    assert "cal-api-version: 2024-09-04\r\n" in slots


def test_a_trusted_server_is_spoken_to_over_tls(
    serve: Callable, client: Callable, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """On one connection, for call after call."""
    server = serve(context=server_tls)
    calcom = client(server.url, tls=trusting)

    answers = [calcom.post_booking({}) for _ in range(3)]

    assert all(isinstance(answer, Answer) for answer in answers)
    assert server.connections == 1


def test_a_certificate_that_nobody_signed_is_refused(
    serve: Callable, client: Callable, server_tls: ssl.SSLContext
) -> None:
    """Nothing is sent to that server."""
    server = serve(context=server_tls)

    answer = client(server.url).post_booking({})

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type, server.requests) == (False, "tls", [])
    assert "self-signed certificate" in answer.message


@pytest.mark.parametrize(
    "behave", [lambda line: line.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), lambda line: line.hang()]
)
def test_a_server_without_tls_gets_nothing(serve: Callable, client: Callable, behave: Callable) -> None:
    """Neither one that speaks plain HTTP, nor one that never answers the handshake."""
    url = serve(behave).url.replace("http:", "https:")
    for longest in (0.3, 3, 30):  # a busy machine may need longer to connect
        answer = client(url, connect_timeout=longest).post_booking({})
        if answer.error_type != "connect":
            break

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (False, "tls")
    assert answer.elapsed < 30, "the server says nothing for as long as the test lasts"


def test_a_dripping_answer_ends_at_the_deadline_over_tls_too(
    serve: Callable, client: Callable, deadlines: Any, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """The socket beneath is cut."""

    def drip(line: Any) -> None:
        line.request()
        line.drip(b"HTTP/1.1 201 Created\r\nX-Slow: " + b"x" * 10_000, deadlines.let_pass)

    server = serve(drip, server_tls)
    answer = client(server.url, tls=trusting).post_booking({})

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type) == (True, "timeout")
    assert server.dripped < 10_000, "it goes on"
