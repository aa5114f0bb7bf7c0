"""A place that alerts go to: a small HTTP server that keeps what it was sent, and misbehaves on order."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.servers.quiet_server import quiet_server


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

    with quiet_server(Handler, ended=one.ended) as port:
        one.url = f"json://127.0.0.1:{port}/T0ken-of-{manner}"
        yield one
