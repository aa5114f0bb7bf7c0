"""A receiver of callbacks, as the program of a caller has one: it takes those that are signed with its secret."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any

LONGEST = 65_536  # bytes of a body


class _ReceivingServer(ThreadingTCPServer):
    """Listen on loopback; unlike http.server's own, it asks no name server for its name."""

    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: the sender tries again."""


@dataclass
class Receiver:
    """Hold the bodies of the callbacks that were taken, in their order; before `secret` is set none is."""

    url: str = ""
    secret: str = field(default="", repr=False)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def take(self, body: bytes, headers: dict[str, str]) -> bool:
        """Take a callback; False: it is not signed with our secret."""
        from standardwebhooks.webhooks import Webhook, WebhookVerificationError  # noqa: PLC0415 - of the extra http

        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            return False
        self.bodies.append(json.loads(body))
        return True


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    """Receive until the block ends."""
    receives = Receiver()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LONGEST))
            self.send_response(204 if receives.take(body, dict(self.headers.items())) else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _ReceivingServer(("127.0.0.1", 0), Handler) as server:
        receives.url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
        threading.Thread(target=server.serve_forever, args=(0.05,), name="receiver", daemon=True).start()
        try:
            yield receives
        finally:
            server.shutdown()
