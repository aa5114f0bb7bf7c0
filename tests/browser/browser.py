"""Debian's Chromium, driven by playwright; a page keeps what it showed, when, by its own clock."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Playwright, expect, sync_playwright

PATIENCE_MS = 30_000  # until what is expected is there
# Run before the page's own scripts; the browser puts it there, so that no policy of the page's refuses it.
STAMPS = """
window.shown = [];
new MutationObserver(() => {
  for (const id of ["sentence", "trouble"]) {
    const found = document.getElementById(id);
    const text = found && !found.hidden ? found.textContent : "";
    const last = window.shown.findLast((one) => one.of === id);
    if (text !== (last ? last.text : "")) window.shown.push({ of: id, at: Date.now(), text });
  }
}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
"""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        try:
            yield browser
        finally:
            browser.close()


def launch(playwright: Playwright) -> Browser:
    """Start Debian's Chromium, which is the only one there is: playwright's own are not downloaded."""
    expect.set_options(timeout=PATIENCE_MS)
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--disable-dev-shm-usage"])


@dataclass
class Viewer:
    """Somebody in front of a page: what they see, and what went wrong in their browser."""

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen for what the browser complains of."""
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.add_init_script(STAMPS)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: "Content Security" in said.text and self.errors.append(said.text))
        self.page.on("dialog", lambda dialog: (self.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def open(self, path: str = "/resilience") -> "Viewer":
        """Go to a page of this Flower."""
        self.page.goto(self.address + path)
        return self

    def sees(self, text: str, *, within: str = "#sentence") -> None:
        """Wait until a part of the page shows this text."""
        expect(self.page.locator(within)).to_contain_text(text)

    def press(self, key: str) -> Locator:
        """Press the button of this key (`data-key`), under More if it is not in sight; return what it opens."""
        found, more = self.page.locator(f'button[data-key="{key}"]'), self.page.locator('[data-key="more"]')
        expect(found).to_be_attached()
        expect(found.or_(more).filter(visible=True).first).to_be_visible()  # what is read first is shown in one piece
        if not found.is_visible():
            more.click()
        found.click()
        return self.page.get_by_role("dialog")

    def act(self, key: str, *, why: str, **answers: str) -> None:
        """Press this button, answer what its dialog asks (`until`, `typed`), and wait until it says that it is done."""
        dialog = self.press(key)
        dialog.get_by_label("Why?").fill(why)
        if "until" in answers:
            dialog.get_by_label(answers["until"]).check()
        if "typed" in answers:
            dialog.get_by_label("to confirm").fill(answers["typed"])
        dialog.locator("button[type=submit]").click()
        expect(dialog.locator(".done")).to_be_visible()
        dialog.get_by_role("button", name="Close").last.click()

    def first_shown_at(self, text: str, *, of: str = "sentence") -> float:
        """Return when a part first showed this text, in seconds since 1970, by the page's own clock."""
        return min(one["at"] for one in self._shown(of) if text in one["text"]) / 1000

    def gone_at(self, text: str, *, of: str = "sentence") -> float:
        """Return when a part showed something else after the last time that it showed this text, by the same clock."""
        shown = self._shown(of)
        last = max(place for place, one in enumerate(shown) if text in one["text"])
        return float(shown[last + 1]["at"]) / 1000

    def now(self) -> float:
        """Return the page's time, in seconds since 1970."""
        return float(self.page.evaluate("Date.now()")) / 1000

    def slowest(self, path: str, *, times: int) -> float:
        """Return how long the slowest of some requests to this Flower took, in seconds, one after the other."""
        ask = """async ([path, times]) => {
          const took = [];
          for (let time = 0; time < times; time++) {
            const begun = performance.now();
            await fetch(path, { cache: "no-store" });
            took.push(performance.now() - begun);
          }
          return Math.max(...took) / 1000;
        }"""
        return float(self.page.evaluate(ask, [path, times]))

    def _shown(self, of: str) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = self.page.evaluate("window.shown")
        return [one for one in shown if one["of"] == of]

    def serious_faults(self) -> list[str]:
        """Return what axe finds serious or worse on our part of the page and in Flower's frame around it."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{one['id']}: {node['target']} {node['html'][:200]}"
            for one in found
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"]
        ]
