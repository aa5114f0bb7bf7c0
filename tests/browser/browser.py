"""Debian's Chromium, driven by playwright; a page keeps what it was told and what it showed, in order."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Playwright, expect, sync_playwright

from tests.browser.deployment import TOKEN

PATIENCE_MS = 30_000  # until what is expected is there
PAPER = {"width": 718, "height": 1050}  # A4 with its margins, in CSS pixels
# Run before the page's own scripts; the browser puts it there, so that no policy of the page's refuses it. In `seen`,
# in order: what the page shows, what it is told of the overview (304: the same again), and for how long it waits.
STAMPS = """{
  window.seen = [];
  const note = (of, text, asked) => window.seen.push({ of, text, asked });
  new MutationObserver(() => {
    const found = document.getElementById("sentence");
    const text = found && !found.hidden ? found.textContent : "";
    const last = window.seen.findLast((one) => one.of === "shown");
    if (text !== (last ? last.text : "")) note("shown", text);
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  const { fetch, setTimeout } = window;
  let told = "";
  window.fetch = async (...given) => {
    const asked = Date.now();
    const answer = await fetch(...given);
    if (answer.url.endsWith("/data/overview")) {
      if (answer.ok) told = JSON.stringify((await answer.clone().json()).verdict.sentence);
      note("told", told, asked);
    }
    return answer;
  };
  window.setTimeout = (what, after, ...more) => {
    note("waits", String(after));
    return setTimeout(what, after, ...more);
  };
}"""
Ask = Callable[..., Any]  # what a module of the page returns; see the fixture `ask`
UNREAD = ("does not answer", "is slow")  # said by a reading that a server did not answer in time


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
        """Listen for what the browser complains of; the viewer has opened the link with the token."""
        name = f"page_token_{self.address.rpartition(':')[2]}"
        self.page.context.add_cookies([{"name": name, "value": TOKEN, "url": f"{self.address}/resilience"}])
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

    def forget(self) -> None:
        """Forget what was seen so far."""
        self.page.evaluate("window.seen = []")

    def late(self, says: Callable[[str], bool], *, since: float) -> int:
        """Count the answers to what was asked since a change that do not say it; the first that does must be shown.

        Of all that was seen since `forget`.
        """
        seen: list[dict[str, Any]] = self.page.evaluate("window.seen")
        first = next(n for n, one in enumerate(seen) if one["of"] == "told" and says(one["text"]))
        shown = next(n for n, one in enumerate(seen) if n > first and one["of"] == "shown" and says(one["text"]))
        assert [one for one in seen[first + 1 : shown] if one["of"] == "told"] == [], "asked again before it was shown"
        asked_since = [one for one in seen[:first] if one["of"] == "told" and one["asked"] >= since]
        return len([one for one in asked_since if not any(words in one["text"] for words in UNREAD)])

    def pause(self) -> float:
        """Return how many seconds the page waits from an answer of the overview to its next question; 0: unknown."""
        seen: list[dict[str, Any]] = self.page.evaluate("window.seen")
        places = [n for n, one in enumerate(seen) if one["of"] == "told"]
        between = [seen[before:after] for before, after in pairwise(places)]
        waits = [min(float(one["text"]) for one in part if one["of"] == "waits") for part in between]
        return max(waits, default=0.0) / 1000

    def now(self) -> float:
        """Return the page's time, in ms since 1970."""
        return float(self.page.evaluate("Date.now()"))

    def asks(self, path: str, *, times: int) -> list[int]:
        """Ask this Flower for something, one time after the other, and return the statuses."""
        ask = """async ([path, times]) => {
          const statuses = [];
          for (let time = 0; time < times; time++) statuses.push((await fetch(path, { cache: "no-store" })).status);
          return statuses;
        }"""
        statuses: list[int] = self.page.evaluate(ask, [path, times])
        return statuses

    def serious_faults(self) -> list[str]:
        """Return what axe finds serious or worse on our part of the page and in Flower's frame around it."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{one['id']}: {node['target']} {node['html'][:200]}"
            for one in found
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"]
        ]
