"""A page on paper: in both themes all of each chart is on it, and nothing is pale on white."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.browser import PAPER, Viewer
from tests.browser.deployment import request
from tests.support.fleet import finals
from worker import enqueue_booking

DARK_INK, LIGHT_GRID = "rgb(23, 32, 18)", [228, 233, 225]
INSIDE = """() => [...document.querySelectorAll("#resilience *")].every((one) => {
  const box = one.getBoundingClientRect();
  return !box.width || one.closest(".visually-hidden, .u-over, .u-under, .u-axis") || box.right <= innerWidth + 1;
})"""
# Whether a chart has a line of exactly this colour: the grid, which is there from the first second.
DRAWN = """(colour) => {
  const canvas = document.querySelector(".chart.breaker canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < data.length; at += 4) if (colour.every((part, index) => data[at + index] === part)) return true;
  return false;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_printed_is_whole_and_dark_on_white(viewer: Callable[..., Viewer], theme: str) -> None:
    """The right end of a chart is where "now" is; without what can only be pressed."""
    number = enqueue_booking(request(0)).appointment_id
    finals([number])
    there = viewer(color_scheme=theme, viewport={"width": 1400, "height": 900}).open()
    there.sees("All is well")
    page = there.page
    expect(page.locator(".chart.latency canvas")).to_be_visible()
    page.emulate_media(media="print")
    page.set_viewport_size(PAPER)  # type: ignore[arg-type]  # width and height
    page.wait_for_function(DRAWN, arg=LIGHT_GRID)
    assert page.evaluate(INSIDE)
    for part in ("#sentence", "#charts-title", "#holds-block h2", ".card h3"):
        expect(page.locator(part).first).to_have_css("color", DARK_INK)
    for part in ("#buttons", "#search", ".app-navbar", ".places"):
        expect(page.locator(part).first).to_be_hidden()
    expect(page.locator(".read time")).to_be_visible()
    for path in ("/resilience/bookings", f"/resilience/bookings/{number}"):
        there.open(path)
        expect(page.locator("main")).to_contain_text(str(number))
        assert page.evaluate(INSIDE), path
        expect(page.locator("h1")).to_have_css("color", DARK_INK)
