"""A real deployment and a real browser, shared by the tests of this folder; each begins again."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.browser import Ask, Viewer, chromium
from tests.browser.deployment import Deployment, deployment
from tests.support.fleet import eventually

STATIC = Path(__file__).parents[2] / "worker" / "page" / "static"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put every test of this folder into the group that needs Debian's Chromium."""
    for item in items:
        if "/tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.debian_chromium)


@pytest.fixture(scope="package")
def whole() -> Iterator[Deployment]:
    """Run a deployment that counts what it books, which takes a few seconds after its very first start."""
    counting = "SELECT 1 FROM counted_bookings WHERE counted_until IS NOT NULL"
    with deployment() as running:
        eventually(lambda: running.rows(counting), what="bookings are counted")
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Run a browser."""
    with chromium() as running:
        yield running


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="package")
def static() -> Iterator[str]:
    """Serve the page's static files, and nothing else."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(STATIC)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="package")
def ask(browser: Browser, static: str) -> Iterator[Ask]:
    """Return what a function of a module returns, as JSON: `ask("core/moments.js", "span(...given)", 12)`."""
    page = browser.new_context(timezone_id="UTC").new_page()
    page.goto(f"{static}/page.css")
    page.evaluate(
        "document.head.append(Object.assign(document.createElement('meta'), {name: 'may-act', content: 'yes'}))"
    )

    def evaluate(module: str, expression: str, *given: Any) -> Any:
        script = f"async (given) => {{ const it = await import('{static}/{module}'); return it.{expression}; }}"
        return page.evaluate(script, given)

    yield evaluate
    page.context.close()


@pytest.fixture
def deployed(whole: Deployment) -> Deployment:
    """Hand out the deployment as after its start."""
    whole.begin_anew()
    return whole


@pytest.fixture
def viewer(browser: Browser, deployed: Deployment) -> Iterator[Callable[..., Viewer]]:
    """Make viewers of the page, each with a browser profile of their own; nothing may go wrong in it."""
    made: list[Viewer] = []

    def make(address: str | None = None, **context: Any) -> Viewer:
        page = browser.new_context(**{"reduced_motion": "reduce", **context}).new_page()
        made.append(Viewer(page, address or deployed.address))
        return made[-1]

    yield make
    for one in made:
        one.page.context.close()
    assert [error for one in made for error in one.errors] == []
