"""Every visitor can use the page: by keyboard, by screen reader, on a phone, in the dark, with many tabs."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import expect

from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import finals
from worker import enqueue_booking, enqueue_bookings

LOOKS: dict[str, dict[str, Any]] = {
    "wide": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}


def test_axe_finds_nothing_serious(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """In calm, in an outage, with a dialog open, in a list and of one booking; a phone scrolls one way only."""
    finals([enqueue_booking(request(0)).appointment_id])
    viewers = {look: viewer(**context).open() for look, context in LOOKS.items()}
    faults: dict[str, list[str]] = {}

    def judge(state: str) -> None:
        for look, there in viewers.items():
            faults[f"{state}, {look}"] = there.serious_faults()
            assert there.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{state}, {look}"

    for there in viewers.values():
        there.sees("All is well")
    judge("calm")
    deployed.fault("status", name="unavailable")
    [*_, last] = enqueue_bookings([request(number, hours=1) for number in range(1, 8)])
    for there in viewers.values():
        there.sees("Cal.com is down since")
        expect(there.page.locator("#list")).to_contain_text(str(last.appointment_id))
    judge("outage")
    for there in viewers.values():
        expect(there.press("do-open")).to_contain_text("Why?")
    judge("dialog")
    for path in ("/resilience/bookings?state=held", f"/resilience/bookings/{last.appointment_id}"):
        for there in viewers.values():
            there.open(path)
            expect(there.page.locator("main")).to_contain_text("breaker open")
        judge(path)
    assert {place: found for place, found in faults.items() if found} == {}


def test_the_keys_do_what_their_list_says(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """And none while somebody types; a dialog keeps the focus, and gives it back."""
    number = enqueue_booking(request(0)).appointment_id
    finals([number])
    there = viewer()
    page, focused = there.page, there.page.locator(":focus")
    page.clock.install()
    there.open()
    there.sees("All is well")
    page.clock.pause_at(datetime.now(UTC).timestamp() + 3600)  # nothing is asked for by itself
    with page.expect_request("**/resilience/data/overview"):
        page.keyboard.press("r")
    page.keyboard.press("/")
    expect(focused).to_have_attribute("type", "search")
    page.keyboard.type("r?/")
    expect(focused).to_have_value("r?/")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(focused).to_have_count(0)

    page.locator("#keys").focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("search a booking")
    for _ in range(5):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)  # gone, and not only out of sight: it has given the focus back
    expect(focused).to_have_id("keys")

    page.keyboard.press("/")
    page.keyboard.type(str(number))
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{deployed.address}/resilience/bookings/{number}")


def test_what_somebody_has_opened_stays_open_while_the_figures_move(viewer: Callable[..., Viewer]) -> None:
    """The orders under More, of which the wrong one must not come under the pointer; and by keyboard alone."""
    finals([enqueue_booking(request(0)).appointment_id])
    there = viewer().open()
    there.sees("All is well: 1 booked")
    there.page.locator('[data-key="more"]').focus()
    there.page.keyboard.press("Enter")
    finals([enqueue_booking(request(1)).appointment_id])
    there.sees("All is well: 2 booked")
    expect(there.page.locator('[data-key="do-open"]')).to_be_visible()
    expect(there.page.locator(":focus")).to_have_attribute("data-key", "more")
    there.page.keyboard.press("Tab")
    there.page.keyboard.press("Enter")
    expect(there.page.get_by_role("dialog")).to_contain_text("Why?")


def test_the_seventh_tab_shows_what_is_too(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """A browser opens six connections to an address: none is kept by a page that only waits."""
    finals([enqueue_booking(request(0)).appointment_id])
    first = viewer()
    tabs = [first, *(Viewer(first.page.context.new_page(), deployed.address) for _ in range(6))]
    for tab in tabs:
        tab.open()
    finals([enqueue_booking(request(1)).appointment_id])
    for tab in tabs:
        tab.sees("All is well: 2 booked")
