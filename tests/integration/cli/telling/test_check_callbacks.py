"""`booking check` of the hosts that callbacks go to: one that cannot be reached is a warning, without its address."""

import contextlib
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.callbacks.callers import LOOPBACK, key_with, sql
from worker.cli.check import callbacks

Booking = Callable[..., Any]
MANY = 40  # hosts
SECRET = "token-in-the-path"


@pytest.fixture
def booking(settings: Callable[..., dict[str, str]], call: Booking) -> Booking:
    """Run `booking ...` where callbacks may go to this machine."""
    settings(**LOOPBACK)
    return call


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Listen, and accept nothing by hand: to connect is enough."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@contextlib.contextmanager
def deaf() -> Iterator[int]:
    """Listen where nobody else gets in: those who wait to be accepted fill the queue."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as waiting:
        for _ in range(3):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def url_of(port: int) -> str:
    """Return an address for callbacks at this machine."""
    return f"http://127.0.0.1:{port}/{SECRET}?x=1"


def said(booking: Booking) -> list[tuple[bool, str]]:
    """Return what `booking check` says of callbacks: whether it is a warning, and the words."""
    ran = booking("check", "--json")
    found = [one for one in ran.json["findings"] if one["about"] == "callbacks"]
    assert SECRET not in ran.said
    assert all(one["ok"] for one in found), "bookings go on without them"
    return [(one["warning"], one["said"]) for one in found]


def test_without_callbacks_nothing_is_said(booking: Booking) -> None:
    """Neither of a key without an address nor of one that is revoked, or whose receiver wants none."""
    key_with(None)
    revoked, switched_off = key_with(url_of(1)), key_with(url_of(1))
    sql("UPDATE api_keys SET revoked_at = now() WHERE id = :id", id=revoked)
    sql("UPDATE api_keys SET callback_off_at = now() WHERE id = :id", id=switched_off)

    assert said(booking) == []


def test_a_host_that_is_there_is_well(booking: Booking, listener: socket.socket) -> None:
    """Two keys of one host are one connection."""
    for _ in range(2):
        key_with(url_of(listener.getsockname()[1]))

    assert said(booking) == [(False, "1 host can be reached")]


def test_a_host_that_cannot_be_reached_is_named_with_its_keys(booking: Booking, listener: socket.socket) -> None:
    """Where nobody listens, where a name is none, and where the address is not one for callbacks; the others are well.

    Why is said, too.
    """
    port = listener.getsockname()[1]
    listener.close()
    names = {
        number: sql("SELECT name FROM api_keys WHERE id = :id", id=key_with(url))
        for number, url in enumerate((url_of(port), "https://nobody.invalid/x", "https://10.0.0.1/x"))
    }

    later = "wait, and are tried again"
    assert sorted(said(booking)) == [
        (True, f"10.0.0.1 cannot be reached (the address is not public); callbacks of the key {names[2]} {later}"),
        (True, f"127.0.0.1 cannot be reached (connection refused); callbacks of the key {names[0]} {later}"),
        (True, f"nobody.invalid cannot be reached (its name is not found); callbacks of the key {names[1]} {later}"),
    ]


def test_hosts_that_never_answer_are_given_up_together(booking: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each after its own time, several at once, and the rest after the time for all."""
    monkeypatch.setattr(callbacks, "CONNECT_WITHIN", 1.0)
    monkeypatch.setattr(callbacks, "ALL_WITHIN", 1.5)
    with contextlib.ExitStack() as open_ones:
        for _ in range(MANY):
            key_with(url_of(open_ones.enter_context(deaf())))
        found = said(booking)

    assert [is_warning for is_warning, _ in found] == [True] * MANY
    reasons = Counter(words.partition("(")[2].partition(")")[0] for _, words in found)
    assert reasons.keys() == {"no answer within 1 s", "not known within 1.5 s"}
    assert reasons["no answer within 1 s"] <= 2 * callbacks.AT_ONCE
