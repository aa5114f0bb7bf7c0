"""A receiver of callbacks of the fire suite: it writes down each that it takes, before it answers 2xx.

A process of its own, so that it can die between the two: then the same callback comes again. A file beside its journal
says how it misbehaves. The receiver `dead` takes connections and answers none.
"""

import json
import random
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from typing import Any, NamedTuple

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.chaos.said.words import Word, of_callback

LIVE, DEAD = "127.0.0.1", "127.0.0.2"  # two hosts: each has a breaker of its own
STATUSES = ("500", "503", "429", "404", "301")
LATE, HANGS, CUTS = "late", "hangs", "cuts"
LONGER_THAN_A_SENDER_WAITS = 11.0  # seconds
NOW_AND_THEN = 0.05  # share of what is answered 500 on a good day


class Told(NamedTuple):
    """A callback that was answered 2xx, in the order in which the receiver took them."""

    name: str
    booking: int
    sequence: int
    type: str
    status: str
    start: str
    change: int | None


def told(journal: Path) -> list[Told]:
    """Read what was taken, in order."""
    return [read(name, body) for name, body, _ in _taken(journal)]


def said(journal: Path) -> Iterator[Word]:
    """Read what callbacks have claimed, and when."""
    for _, body, heard in _taken(journal):
        yield from of_callback(body, datetime.fromisoformat(heard))


def _taken(journal: Path) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield name, body and moment; a line that its writer died over was not answered."""
    for line in journal.read_text().split("\n")[:-1] if journal.exists() else ():
        name, body, heard = json.loads(line)
        yield name, body, heard


def forged(journal: Path) -> int:
    """Return how many were not signed with the secret."""
    marks = journal.with_suffix(".forged")
    return len(marks.read_text()) if marks.exists() else 0


def read(name: str, body: Mapping[str, Any]) -> Told:
    """Read a callback; its start is written as Cal.com writes one."""
    data = body["data"]
    start = data["start"].replace("Z", ".000Z")
    change = (data.get("change") or {}).get("id")
    return Told(name, data["id"], body["sequence"], body["type"], data["status"], start, change)


class Receiver(ThreadingTCPServer):
    """Receive at one address."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str, port: int, journal: Path, secret: str) -> None:
        super().__init__((host, port), Handler)
        self.journal, self.secret, self.is_dead = journal, secret, host == DEAD
        self.writing = threading.Lock()

    def handle_error(self, *_: object) -> None:
        """Say nothing: senders die."""


class Handler(BaseHTTPRequestHandler):
    """Answer one callback."""

    timeout = 20.0
    server: Receiver

    def do_POST(self) -> None:
        """Receive one."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mode = self._mode()
        if self.server.is_dead or mode == HANGS:
            threading.Event().wait(LONGER_THAN_A_SENDER_WAITS)
        elif mode in STATUSES:
            self._answer(int(mode))
        elif mode != CUTS:
            self._take(body, is_late=mode == LATE)

    def _mode(self) -> str:
        mode = self.server.journal.with_suffix(".mode")
        try:
            return mode.read_text()
        except FileNotFoundError:
            return "500" if random.random() < NOW_AND_THEN else ""  # noqa: S311 - chance for faults

    def _take(self, body: bytes, *, is_late: bool) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            told = Webhook(self.server.secret).verify(body, headers)
        except WebhookVerificationError:
            with self.server.writing, self.server.journal.with_suffix(".forged").open("a") as marks:
                marks.write("x")
            self._answer(401)
            return
        with self.server.writing, self.server.journal.open("a") as lines:
            lines.write(json.dumps([headers["webhook-id"], told, datetime.now(UTC).isoformat()]) + "\n")
        if is_late:
            threading.Event().wait(LONGER_THAN_A_SENDER_WAITS)
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    host, port, journal, secret = sys.argv[1:]
    with Receiver(host, int(port), Path(journal), secret) as receiver:
        sys.stdout.write("receiving\n")
        sys.stdout.flush()
        receiver.serve_forever(0.1)
