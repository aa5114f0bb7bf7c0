"""A call is cut through a socket of its own, and never after it has ended."""

import socket
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.calcom.http.call import Call
from tasks.calcom.http.resolver import Resolver


def call(ends_in: float = 60) -> Call:
    """Return a call that may always send."""
    return Call(ends_at=time.monotonic() + ends_in, connect_timeout=5, resolver=Resolver(), may_send=lambda: True)


def test_a_cut_wakes_a_reader_at_once() -> None:
    """It reads the end of the stream."""
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    cut_off = call()
    cut_off.before_send(ours)

    threading.Timer(0.05, cut_off.cut).start()

    with ours, theirs:
        assert ours.recv(1) == b""
    cut_off.finish()


def test_a_late_cut_leaves_the_connection_to_the_next_call() -> None:
    """A call that has finished cannot be cut any more."""
    ours, theirs = socket.socketpair()
    first, second = call(), call()

    first.before_send(ours)
    first.finish()
    second.before_send(ours)
    first.cut()

    with ours, theirs:
        ours.sendall(b"alive")
        assert theirs.recv(5) == b"alive"
    second.finish()


def test_a_call_that_is_over_cannot_send() -> None:
    """Its deadline passed while it was still connecting."""
    ours, theirs = socket.socketpair()
    late = call()
    late.cut()

    with ours, theirs, pytest.raises(TimeoutError):
        late.before_send(ours)
    late.finish()

    assert not late.sent


def test_hosts_are_tried_in_turn_within_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead address takes its share of the connect time-out, not all of it; no other time passes here."""
    passed: list[float] = []
    dead, alive = ("192.0.2.1", 443), socket.create_server(("127.0.0.1", 0))

    class Caller(socket.socket):
        def connect(self, address: Any) -> None:
            if address != dead:
                super().connect(address)
                return
            passed.append(self.gettimeout() or 0)
            raise TimeoutError

    monkeypatch.setattr(socket, "socket", Caller)
    monkeypatch.setattr("tasks.calcom.http.call.time", SimpleNamespace(monotonic=lambda: 1000 + sum(passed)))
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", one) for one in (dead, alive.getsockname())]
    dialling = Call(
        ends_at=2000,
        connect_timeout=60,
        resolver=Resolver(lambda _host, _port: addresses),
        may_send=lambda: True,
    )

    with alive, dialling.dial("calcom.example.test", 443, tls=False) as sock:
        assert sock.getpeername() == alive.getsockname()

    assert passed == [30]
    dialling.finish()
