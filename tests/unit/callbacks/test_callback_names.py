"""Names of callbacks' hosts whose look-ups hang: they delay no other host, and no call to Cal.com."""

import socket
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from db.callbacks import Callback
from tasks.calcom.http.resolver import RESOLVER, Resolver
from tasks.callbacks.addresses import MAX_HANGING, CheckedResolver, NotLookedUpError
from tasks.callbacks.sending import SendResult, post
from tasks.ports.callbacks import CallbackSettings

LOOPBACK = CallbackSettings(loopback=True)


class NameServer:
    """A name server that does not answer for names that begin with `dead`, until it is over."""

    def __init__(self) -> None:
        self.over, self.asked = threading.Event(), list[str]()

    def look_up(self, host: str, port: int, **_: Any) -> Sequence[Any]:
        """Answer as getaddrinfo does."""
        self.asked.append(host)
        if host.startswith("dead"):
            self.over.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def names() -> Iterator[NameServer]:
    """Make a name server that ends with the test."""
    server = NameServer()
    yield server
    server.over.set()


def callback_to(url: str, host: str) -> Callback:
    """Return a callback to an address."""
    return Callback(
        id=1, appointment_id=1, sequence=1, api_key_id=1, secret_version=1, type="booking.confirmed", url=url,
        host=host, data={}, about={}, time_zone="UTC", language=None, tries=0, created_at=datetime.now(UTC),
    )  # fmt: skip


def outcome(resolver: Resolver, host: str, port: int, timeout: float = 0.001) -> Any:
    """Return where a connection goes, or what it fails with."""
    try:
        return resolver.resolve(host, port, timeout)[0][4]
    except (OSError, NotLookedUpError) as error:
        return type(error)


def test_names_that_hang_delay_no_other_name(names: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than Cal.com's resolver has threads, three tries each: each is looked up once, others at once."""
    monkeypatch.setattr(socket, "getaddrinfo", names.look_up)
    resolver = CheckedResolver(LOOPBACK, is_plain=False)
    dead = [f"dead{number}.example.com" for number in range(16)]
    assert {outcome(resolver, host, 443) for host in dead * 3} == {TimeoutError}

    for host in ("one.example.com", "two.example.com"):
        assert outcome(resolver, host, 8443, 60) == ("127.0.0.1", 8443)
    assert RESOLVER.resolve("api.example.com", 443, 60)[0][4] == ("127.0.0.1", 443)
    assert [name for name in names.asked if name.startswith("dead")] == dead


def test_a_name_has_one_look_up_for_all_its_ports(names: NameServer) -> None:
    """A caller who names many ports of a dead name takes one thread."""
    resolver = CheckedResolver(LOOPBACK, Resolver(names.look_up, max_threads=2, one_each=True), is_plain=False)
    assert {outcome(resolver, "dead.example.com", port) for port in (443, 8443, 9443)} == {TimeoutError}
    assert names.asked == ["dead.example.com"]
    assert outcome(resolver, "other.example.com", 443, 60) == ("127.0.0.1", 443)


def test_without_a_free_thread_a_callback_is_not_tried(names: NameServer) -> None:
    """That is no failure of its host; of the names that hang, each is one of its own host."""
    resolver = Resolver(names.look_up, max_threads=1, one_each=True)
    with pytest.raises(TimeoutError):
        resolver.resolve("dead.example.com", 0, 0.001)

    callback = callback_to("https://good.example.com/hooks", "good.example.com")
    assert post(callback, {}, "{}", LOOPBACK, resolver) == SendResult("too many look-ups of names hang", untried=True)
    with pytest.raises(NotLookedUpError):
        CheckedResolver(LOOPBACK, resolver, is_plain=False).resolve("good.example.com", 443, 60)
    assert MAX_HANGING >= 64
