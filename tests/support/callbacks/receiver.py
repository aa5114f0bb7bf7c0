"""A receiver of callbacks: a small HTTP server on loopback that keeps what it was sent, and misbehaves on order."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.servers.quiet_server import quiet_server

Answer = tuple[int, dict[str, str]]


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    text: str

    @property
    def name(self) -> str:
        """Return its `webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def body(self) -> dict[str, Any]:
        """Return its JSON."""
        read: dict[str, Any] = json.loads(self.text)
        return read


@dataclass
class Receiver:
    """`answer` decides about each request; None: it hangs until the end."""

    answer: Callable[[Received], Answer | None] = lambda _: (200, {})
    url: str = ""
    got: list[Received] = field(default_factory=list)
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def count(self) -> None:
        """Count a connection."""
        self.connections += 1

    @property
    def numbers(self) -> list[str]:
        """Return the ids without their moments."""
        return [name.rpartition("_")[0] for name in self.names]

    @property
    def names(self) -> list[str]:
        """Return the ids of what it got, in order."""
        return [one.name for one in self.got]

    @property
    def types(self) -> list[str]:
        """Return the types of what it got, in order."""
        return [one.body["type"] for one in self.got]


@contextmanager
def receiver(answer: Callable[[Received], Answer | None] | None = None) -> Iterator[Receiver]:
    """Run one until the block ends."""
    one = Receiver() if answer is None else Receiver(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(self.path, headers, text)
            one.got.append(received)
            answered = one.answer(received)
            if answered is None:
                one.ended.wait(60)
                return
            status, more = answered
            self.send_response(status)
            for name, value in {"Content-Length": "0", **more}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with quiet_server(Handler, ended=one.ended, connected=one.count) as port:
        one.url = f"http://127.0.0.1:{port}/hooks"
        yield one
