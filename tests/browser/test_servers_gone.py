"""PostgreSQL or Redis killed or frozen while somebody looks: the page says so, and Flower goes on."""

from collections.abc import Callable

import pytest

from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import finals
from worker import enqueue_booking

LATEST = 3.0  # seconds after which the page shows what is
QUICK = 0.5  # seconds: less than a reading that waits for a server
NAMES = {"postgres": "Postgres does not answer", "valkey": "Redis does not answer"}


@pytest.mark.parametrize("how", ["kill", "pause"])
@pytest.mark.parametrize("name", NAMES)
def test_a_server_that_is_gone_is_said_and_its_return_too(
    viewer: Callable[..., Viewer], deployed: Deployment, name: str, how: str
) -> None:
    """Within three seconds, and by itself; meanwhile none of Flower's own pages waits for what this one reads."""
    finals([enqueue_booking(request(0)).appointment_id])
    there, beside = viewer().open(), viewer().open("/workers")
    there.sees("All is well")
    server = deployed.environment.servers.servers[name]

    gone_at = there.now()
    getattr(server, how)()
    there.sees(NAMES[name])
    assert there.first_shown_at(NAMES[name]) - gone_at <= LATEST
    assert beside.slowest("/tasks", times=10) < QUICK

    server.recover()
    there.sees("All is well")
