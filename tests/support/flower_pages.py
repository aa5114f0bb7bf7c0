"""A real Flower for tests, and requests to it as a browser sends them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.support.fleet import Fleet, Process, eventually
from worker.local.embedded.server import free_port

ANN = ("ann", "secret")  # who may log in where `login` is set
PATIENCE = 30.0  # seconds: a net


@dataclass
class FlowerUnderTest:
    """Flower, listening on loopback; `auth` logs in."""

    url: str
    process: Process
    auth: tuple[str, str] | None = None
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **more: Any) -> requests.Response:
        """Ask for a page below its root."""
        return self.session.get(self.url + path, **{"auth": self.auth, "timeout": PATIENCE} | more)

    def post(self, path: str, body: Any, *, headers: dict[str, str] | None = None, token: bool = True) -> Any:
        """Send JSON as our page does: from the same origin, with the token that a page has set."""
        sent = {"Origin": self.url.rpartition("/")[0] if self.url.count("/") > 2 else self.url} | (headers or {})
        if token:
            self.get("/resilience")
            sent["X-Xsrftoken"] = self.session.cookies["_xsrf"]
        return self.session.post(self.url + path, json=body, headers=sent, auth=self.auth, timeout=PATIENCE)


def start_flower(
    fleet: Callable[..., Fleet],
    *options: str,
    login: bool = False,
    prefix: str = "",
    app: str = "tests.support.workers.patient_overview",
    **settings: str,
) -> FlowerUnderTest:
    """Start one, patient with Postgres unless `app="worker"`, and wait until it answers; it ends with its fleet."""
    port = free_port()
    more = (f"--basic_auth={':'.join(ANN)}",) if login else ()
    more += (f"--url_prefix={prefix}",) if prefix else ()
    running = fleet(**settings)
    process = running.celery("flower", "--address=127.0.0.1", f"--port={port}", *more, *options, app=app)
    root = f"http://127.0.0.1:{port}" + (f"/{prefix}" if prefix else "")
    flower = FlowerUnderTest(root, process, ANN if login else None)
    eventually(lambda: process.poll() is not None or _answers(flower), what="Flower answers")
    assert process.poll() is None, running.logs()
    return flower


def _answers(flower: FlowerUnderTest) -> bool:
    try:
        return requests.get(f"{flower.url}/healthcheck", timeout=2).ok
    except requests.RequestException:
        return False
