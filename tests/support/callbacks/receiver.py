"""A receiver of callbacks: a small HTTP server on loopback that keeps what it was sent, and misbehaves on order."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

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

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def get_request(self) -> Any:
            one.connections += 1
            return super().get_request()

        def handle_error(self, *_: Any) -> None:
            """Say nothing of a client that was killed."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    one.url = f"http://127.0.0.1:{server.server_port}/hooks"
    try:
        yield one
    finally:
        one.ended.set()
        server.shutdown()
        server.server_close()
