"""The sinks of ALERT_URLS: their names, and a delivery that ends in time even if a sink never answers."""

import hashlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr

from tasks.ports.sinks import AlertMessage

LIMIT = 20.0  # seconds
_CHILD = Path(__file__).with_name("child.py")
_SCHEME = re.compile(r"([A-Za-z0-9+]{1,20})://")


class AlertSinks:
    """Deliver messages with Apprise, in a child process that is killed after `limit` seconds."""

    def __init__(self, urls: Sequence[SecretStr], *, limit: float = LIMIT) -> None:
        self._urls = {_name(url.get_secret_value()): url for url in urls}
        self.names: tuple[str, ...] = tuple(self._urls)
        self.limit = limit

    def __repr__(self) -> str:
        return f"AlertSinks({', '.join(self.names)})"

    def deliver(self, messages: Sequence[tuple[str, AlertMessage]]) -> Iterator[tuple[int, str | None]]:
        """Send each message to its sink; yield its place in `messages` and its error (None: the sink took it)."""
        jobs = [
            [sink, self._urls[sink].get_secret_value(), message.title, message.body, message.resolved]
            for sink, message in messages
        ]
        child = subprocess.Popen(
            [sys.executable, "-P", str(_CHILD)],  # -P: this folder's modules must not replace those of the library
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a traceback may quote a URL
            text=True,
            start_new_session=True,  # Ctrl-C is for us
        )
        late = threading.Event()

        def end() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(self.limit, end)
        timer.daemon = True
        timer.start()
        waiting = set(range(len(jobs)))
        try:
            for place, error in _answers(child, json.dumps(jobs)):
                waiting.discard(place)
                yield place, error
        finally:
            timer.cancel()
            child.kill()
            child.wait()
        for place in sorted(waiting):
            yield place, f"does not answer within {self.limit:g} s" if late.is_set() else "could not be tried"


def _answers(child: "subprocess.Popen[str]", jobs: str) -> Iterator[tuple[int, str | None]]:
    """Write the jobs to the child and yield its answers, until it has ended."""
    if child.stdin is None or child.stdout is None:
        return
    with child.stdin, child.stdout:
        with suppress(OSError):  # the child died: it will not answer
            child.stdin.write(jobs)
            child.stdin.close()
        for line in child.stdout:
            with suppress(ValueError):  # half a line: the child was killed while it wrote
                place, error = json.loads(line)
                yield place, error


def _name(url: str) -> str:
    """Name a sink by its scheme and a short hash: names differ, and none reveals a URL."""
    scheme = _SCHEME.match(url)
    return f"{scheme[1].lower() if scheme else 'unknown'}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
