"""A place that alerts go to: a small HTTP server that keeps what it was sent, and misbehaves on order."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Sink:
    """`manner`: ok, fail (answers 500), hang (no answer) or drip (an answer without end)."""

    manner: str = "ok"
    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def titles(self) -> list[str]:
        """Return the first line of each message that it took."""
        return [message["title"] for message in self.got]


@contextmanager
def sink(manner: str = "ok") -> Iterator[Sink]:
    """Run one until the block ends; its URL carries a secret."""
    one = Sink(manner)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            one.asked += 1
            manner = one.manner
            if manner == "hang":
                one.ended.wait(60)
                return
            if manner == "ok":
                one.got.append(json.loads(body))
            self.send_response(500 if manner == "fail" else 200)
            self.send_header("Content-Length", "1000000" if manner == "drip" else "0")
            self.end_headers()
            while manner == "drip" and not one.ended.wait(0.2):
                self.wfile.write(b".")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Say nothing of a client that was killed."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    one.url = f"json://127.0.0.1:{server.server_port}/T0ken-of-{manner}"
    try:
        yield one
    finally:
        one.ended.set()
        server.shutdown()
        server.server_close()
