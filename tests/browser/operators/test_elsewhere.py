"""Another Cal.com on the page: its charts are a choice, and an order to its breaker leaves the settings' own alone."""

from collections.abc import Callable

from playwright.sync_api import expect
from sqlalchemy import text

from resilience.circuit_breaker.types import State
from tasks import dependencies
from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.browser.operators.test_actions import WHY, action
from tests.support.accounts.making import make_account
from tests.support.fleet import eventually, finals
from tests.truth.page import read
from tests.unit.overview.test_account_sentences import is_known
from worker import enqueue_booking

HOST = "cal.example.com"  # of the account that is made


def test_an_order_to_another_calcom_and_its_charts(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """Chosen by its host; each sentence that says whose charts they are is known to the judge of the page."""
    finals([enqueue_booking(request(0)).appointment_id])
    engine = dependencies.current().engine
    make_account(engine)
    with engine.begin() as conn:
        conn.execute(text("UPDATE calcom_accounts SET alone = false"))
    breaker = deployed.dependencies.services.breaker("c-other")
    there = viewer().open()

    there.sees("those of the Cal.com of the settings; held and booked are of all accounts", within="#charts-of")
    for block in ("#cards-block", "#changes-block"):
        there.sees("breakers of the Cal.com of the settings", within=f"{block} summary h2 + span")
    there.page.locator("#charts-service").select_option(HOST)
    there.sees(f"those of Cal.com at {HOST}; held and booked are of all accounts", within="#charts-of")
    expect(there.page.locator(".chart.breaker")).to_contain_text(HOST)
    assert f"service={HOST}" in there.page.url
    notes = [one.text for one in read(there.page) if one.region == "note"]
    assert [one for one in notes if not is_known("note", one)] == []
    assert any(HOST in one for one in notes)

    there.page.locator('[data-key="elsewhere"]').click()
    there.act("elsewhere-open", why=WHY, until="1 hour")
    assert action(deployed, "open")["target"]["host"] == HOST
    assert (breaker.get_status().state, deployed.dependencies.breaker.get_status().state) == (
        State.FORCED_OPEN,
        State.CLOSED,
    )
    there.sees(f"{HOST}: an operator holds all back since")

    there.act("elsewhere-reset", why=WHY)
    assert action(deployed, "reset")["target"]["host"] == HOST
    eventually(lambda: breaker.get_status().state is State.CLOSED, what="it is closed")
