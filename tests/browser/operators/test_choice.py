"""Rows are chosen by keyboard alone and acted on; the page of all actions has what was done, and what was left."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from db.lifecycle import Status
from tasks.enqueue import outcome
from tasks.operations import breaker_overrides
from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import eventually
from worker import enqueue_booking, enqueue_bookings

WHY = "a test of the page"
HELD = "/resilience/bookings?state=held&sort=asked"


@pytest.fixture
def held(deployed: Deployment) -> list[int]:
    """Hold four bookings by an order."""
    deps = deployed.dependencies
    eventually(
        lambda: breaker_overrides.force(deps.engine, deps.breaker, "open", by="test", why="held"), what="an order"
    )
    ids = [one.appointment_id for one in enqueue_bookings([request(number) for number in range(4)])]
    eventually(lambda: {status(one) for one in ids} == {Status.HELD}, what="all are held")
    return ids


def status(number: int) -> Status | None:
    """Return where a booking stands."""
    found = outcome(number)
    return None if found is None else found.status


def box(page: Page, key: str) -> Locator:
    """Return a checkbox by its key."""
    return page.locator(f'input[data-key="{key}"]')


def press(page: Page, key: str) -> None:
    """Go to an element with the Tab key, and press Enter there."""
    for _ in range(60):
        if page.evaluate("document.activeElement.dataset.key") == key:
            page.keyboard.press("Enter")
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never came to {key}")


def in_dialog(page: Page) -> Locator:
    """Say why, by keyboard, and wait until the dialog says what was done; it is closed by Esc."""
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Why?")).to_be_focused()
    page.keyboard.type(WHY)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog.locator(".done, .failed")).to_be_visible()
    return dialog


def test_rows_are_chosen_and_cancelled_by_keyboard_alone(
    viewer: Callable[..., Viewer], deployed: Deployment, held: list[int]
) -> None:
    """The choice outlives what comes meanwhile; the title has the number that is done, and so has the record."""
    deployed.rows(
        "UPDATE appointments SET outcome_unknown = true, sent_at = now(), settle_at = now() + interval '1 hour' "
        "WHERE id = %(id)s",
        id=held[1],
    )
    there = viewer().open(HELD)
    page = there.page
    box(page, "choose-all").focus()
    page.keyboard.press("Space")
    there.sees("4 chosen", within="#chosen")
    box(page, f"choose-{held[3]}").focus()
    page.keyboard.press("Space")
    there.sees("3 chosen", within="#chosen")
    later = enqueue_booking(request(9)).appointment_id
    expect(box(page, f"choose-{later}")).to_be_visible()
    assert [box(page, f"choose-{one}").is_checked() for one in (*held, later)] == [True, True, True, False, False]
    there.sees("3 chosen", within="#chosen")
    expect(page.locator(":focus")).to_have_attribute("data-key", f"choose-{held[3]}")

    page.locator("#q").focus()
    press(page, "bulk-cancel")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Cancel 3 bookings")
    expect(in_dialog(page)).to_contain_text(
        "2 are cancelled, 1 is cancelled once a lookup has shown whether it is booked."
    )
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    assert page.evaluate("document.activeElement !== document.body"), "the focus came back"
    assert [status(one) for one in (held[0], held[2], held[3])] == [Status.CANCELLED, Status.CANCELLED, Status.HELD]
    there.sees("2 of them not in this list any more", within="#chosen")
    expect(page.locator("#list tbody tr", has=box(page, f"choose-{held[1]}"))).to_contain_text("cancel asked for")

    there.open("/resilience/actions")
    row = page.locator("#list tbody tr").first
    expect(row).to_contain_text(WHY)
    expect(row).to_contain_text("Cancel")
    expect(row).to_contain_text("2 are cancelled")
    row.get_by_role("link", name=f"Booking {held[1]}").click()
    expect(page).to_have_url(f"{deployed.address}/resilience/bookings/{held[1]}")


def test_what_goes_by_itself_is_left_alone_and_that_is_said(viewer: Callable[..., Viewer], held: list[int]) -> None:
    """A retry of all that are chosen is refused with its reason, and nothing is recorded as done."""
    there = viewer().open(HELD)
    box(there.page, "choose-all").check()
    dialog = there.press("bulk-retry")
    expect(dialog).to_contain_text(f"{len(held)} held for breaker_open go by themselves")
    box_of = there.page.locator('[data-key="call-list"]')
    expect(box_of).to_have_attribute("href", f"/resilience/calls?ids={'%2C'.join(map(str, held))}")


def test_the_focus_returns_also_when_the_buttons_have_changed(
    viewer: Callable[..., Viewer], deployed: Deployment
) -> None:
    """An order from under More: the button that began it is there no more."""
    enqueue_booking(request(0))
    there = viewer().open()
    there.sees("1 booked")
    there.act("do-open", why=WHY, until="1 hour")
    there.sees("An operator holds all back")
    expect(there.page.locator('[data-key="do-auto"]')).to_be_visible()
    focused = there.page.evaluate("document.activeElement.dataset.key ?? document.activeElement.tagName")
    assert focused != "BODY", focused
    assert deployed.rows("SELECT count(*) FROM operator_actions") == [(1,)]
