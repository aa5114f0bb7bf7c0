"""Names are looked up within a time, by few threads."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.calcom.http.resolver import Resolver

ADDRESS = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]


def test_those_who_ask_for_the_same_name_share_one_look_up() -> None:
    """Sixty-four threads and one name server."""
    go, asked = threading.Event(), []

    def look_up(host: str, port: int) -> list:
        asked.append((host, port))
        go.wait(5)
        return ADDRESS

    resolver = Resolver(look_up)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(resolver.resolve, "calcom.example.test", 443, 5) for _ in range(8)]
        go.set()

    assert {answer.result()[0][4] for answer in answers} == {("192.0.2.1", 443)}
    assert 1 <= len(asked) < 8


def test_a_name_is_looked_up_anew_each_time() -> None:
    """Caching is the name server's business."""
    asked: list[str] = []
    resolver = Resolver(lambda host, _port: asked.append(host) or ADDRESS)

    for _ in range(3):
        resolver.resolve("calcom.example.test", 443, 5)

    assert len(asked) == 3


def test_a_look_up_that_others_gave_up_is_tried_again_up_to_a_bound() -> None:
    """A name server that comes back is noticed, while the old look-ups still hang."""
    over, asked = threading.Event(), []
    resolver = Resolver(lambda host, _port: asked.append(host) or over.wait(30) or ADDRESS, max_threads=2)

    for _ in range(4):
        with pytest.raises(TimeoutError):
            resolver.resolve("calcom.example.test", 443, 0.02)
    with pytest.raises(OSError, match="hang already"):
        resolver.resolve("other.example.test", 443, 0.02)
    over.set()

    assert len(asked) == 2


def test_an_error_of_the_look_up_is_raised_to_who_asked() -> None:
    """As getaddrinfo raises it."""

    def fail(_host: str, _port: int) -> list:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(socket.gaierror):
        Resolver(fail).resolve("calcom.example.test", 443, 5)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_needs_no_look_up(host: str) -> None:
    """And no thread."""
    addresses = Resolver(lambda *_: pytest.fail("looked up")).resolve(host, 443, 5)

    assert addresses[0][4][:2] == (host, 443)
