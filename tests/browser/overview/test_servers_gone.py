"""PostgreSQL or Redis killed or frozen while somebody looks: the page says so, and Flower goes on."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tasks.overview.reading import _LATER
from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import eventually, finals
from worker import enqueue_booking
from worker.page.shared_overview import FRESH, PATIENCE

LATEST = 3.0  # seconds after which the page shows what is
LATE = 1  # answer: out of a reading that began before the change
NAMES = {"postgres": "Postgres does not answer", "valkey": "Redis does not answer"}


@pytest.mark.parametrize("how", ["kill", "pause"])
@pytest.mark.parametrize("name", NAMES)
def test_a_server_that_is_gone_is_said_and_its_return_too(
    viewer: Callable[..., Viewer], deployed: Deployment, name: str, how: str
) -> None:
    """By the second answer to what was asked since, and by itself; meanwhile Flower's own pages are there."""
    finals([enqueue_booking(request(0)).appointment_id])
    there, beside = viewer().open(), viewer().open("/workers")
    there.sees("All is well")
    server = deployed.environment.servers.servers[name]

    there.forget()
    getattr(server, how)()
    gone_at = there.now()
    there.sees(NAMES[name])
    assert there.late(lambda said: NAMES[name] in said, since=gone_at) <= LATE
    assert beside.asks("/tasks", times=10) == [200] * 10

    server.recover()
    there.sees("All is well")


def test_what_has_changed_is_shown_within_three_seconds(viewer: Callable[..., Viewer]) -> None:
    """The age of a reading that is handed out, the wait until the next question, and its reading of a frozen server."""
    there = viewer().open()
    pause = eventually(there.pause, what="it has asked twice")
    assert pause > FRESH, "at most one answer in a row is out of a reading that began before the change"
    assert FRESH + pause + PATIENCE + _LATER <= LATEST


def test_what_nobody_could_read_is_not_said_to_be_nothing(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """A page that is opened while PostgreSQL does not answer: nothing is claimed."""
    finals([enqueue_booking(request(0)).appointment_id])
    there = viewer().open()
    there.sees("All is well")
    expect(there.page.locator("#holds")).to_have_text("Nothing is held.")

    deployed.environment.servers.servers["postgres"].kill()
    there.sees(NAMES["postgres"])  # so that a page that is opened now gets no answer from before, which it would keep
    there.open()
    there.sees(NAMES["postgres"])

    for place in ("#holds", "#front-door", "#changes", "#incidents"):
        expect(there.page.locator(place)).to_have_text("Not known now.")
    expect(there.page.locator("#list-note")).not_to_contain_text("older")
