"""States that are rare, as axe and a narrow phone see them: servers gone, other ends, words without a blank."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import finals
from worker import enqueue_booking

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
LONG = "https://status.example.com/" + "a" * 400
TYPE = "a-type-of-" + "b" * 137

# Its message is not due yet, so that nobody takes up what is pending.
BECOMES = "UPDATE appointments SET status = %(state)s, enqueued_at = now() + interval '1 hour' WHERE id = %(id)s"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_end_of_a_booking_can_be_read(viewer: Callable[..., Viewer], deployed: Deployment, theme: str) -> None:
    """Also one that is not there; axe's contrast is that of each state's pill and words."""
    numbers = [enqueue_booking(request(number)).appointment_id for number in range(3)]
    finals(numbers)
    there = viewer(color_scheme=theme)
    faults = {}
    for number, state in zip(numbers, ("rejected", "cancelled", "pending"), strict=True):
        deployed.rows(BECOMES, state=state, id=number)
        there.open(f"/resilience/bookings/{number}")
        expect(there.page.locator("#state")).to_have_text(state)
        faults[state] = there.serious_faults()
    there.open("/resilience/bookings")
    expect(there.page.locator("#list")).to_contain_text("rejected")
    faults["list"] = there.serious_faults()
    there.open("/resilience/bookings/999999")
    expect(there.page.locator("#state")).to_have_text("not there")
    faults["not there"] = there.serious_faults()
    assert {place: found for place, found in faults.items() if found} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_without_redis_the_page_can_be_read(viewer: Callable[..., Viewer], deployed: Deployment, theme: str) -> None:
    """Every breaker is unknown then."""
    finals([enqueue_booking(request(0)).appointment_id])
    there = viewer(color_scheme=theme).open()
    there.sees("All is well")
    deployed.environment.servers.servers["valkey"].kill()
    there.sees("Redis does not answer")
    expect(there.page.locator("#cards .pill", has_text="unknown").first).to_be_visible()
    assert there.serious_faults() == []


def test_a_word_without_a_blank_makes_no_page_wide(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """A link in an operator's reason, and the longest name of an event type; on a phone."""
    number = enqueue_booking(request(0)).appointment_id
    finals([number])
    there = viewer(**PHONE).open()
    there.act("do-open", why=LONG, until="10 minutes")
    there.sees("aaaa")
    narrow = "document.documentElement.scrollWidth <= innerWidth"
    assert there.page.evaluate(narrow)
    there.page.evaluate("document.querySelectorAll('details.fold').forEach((one) => (one.open = true))")
    expect(there.page.locator("#changes")).to_contain_text("aaaa")
    assert there.page.evaluate(narrow)
    deployed.rows(
        "UPDATE appointments SET event_type_slug = %(type)s, username = 'pat', event_type_id = NULL", type=TYPE
    )
    for path in (f"/resilience/bookings/{number}", "/resilience/bookings"):
        there.open(path)
        expect(there.page.locator("main")).to_contain_text("a-type-of-")
        assert there.page.evaluate(narrow), path


def test_each_link_of_the_totals_has_a_name_of_its_own(viewer: Callable[..., Viewer]) -> None:
    """A screen reader lists links by their names: "0" three times says nothing."""
    finals([enqueue_booking(request(0)).appointment_id])
    there = viewer().open()
    there.sees("All is well")
    expect(there.page.locator("#totals").get_by_role("link", name="0 pending, now")).to_be_visible()
    links = there.page.locator("#totals a").all()
    names = [link.get_attribute("aria-label") or "" for link in links]
    assert len(names) > 5
    assert len(set(names)) == len(names)
    assert [name for name, link in zip(names, links, strict=True) if (link.text_content() or "-") not in name] == []
