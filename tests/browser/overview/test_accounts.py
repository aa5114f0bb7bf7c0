"""Several accounts on the page: who is stopped by something of its own stands there, and leads to its bookings."""

import re
from collections.abc import Callable
from functools import partial

from playwright.sync_api import expect
from sqlalchemy import text

from db.models.accounts import AccountState
from tasks import dependencies
from tests.browser.browser import Viewer
from tests.browser.deployment import request
from tests.browser.test_access import search
from tests.support.accounts.making import make_account
from tests.support.fleet import eventually, finals
from worker import enqueue_booking


def test_a_paused_account_stands_on_the_page_and_leads_to_its_bookings(viewer: Callable[..., Viewer]) -> None:
    """With how many wait, and its name leads to its page; the account that is well does not stand there."""
    other = enqueue_booking(request(0)).appointment_id
    finals([other])
    engine = dependencies.current().engine
    _, name = make_account(engine, AccountState.PAUSED)
    with engine.begin() as conn:
        conn.execute(text("UPDATE calcom_accounts SET alone = false"))
    held = enqueue_booking(request(1).model_copy(update={"account": name})).appointment_id

    there = viewer().open()

    row = there.page.locator("#accounts tbody tr")
    expect(row).to_contain_text("it is paused by an operator since")
    expect(row.locator("td").first).to_have_text("1")
    row.get_by_role("link", name=name, exact=True).click()
    expect(there.page).to_have_url(re.compile(rf"/accounts/{name}$"))
    expect(there.page.get_by_role("heading", level=1)).to_contain_text(name)
    there.page.go_back()
    row.get_by_role("link", name=f"held bookings of {name}: 1").click()
    expect(there.page.locator("#list-title")).to_have_text(f"Held bookings, account {name}")
    expect(there.page.locator("#list tbody th")).to_have_text([str(held)])

    eventually(partial(search, there, str(other)), what="Postgres has answered in time")
    expect(there.page.locator("#found")).to_contain_text(f"No booking of account {name} has “{other}”")
