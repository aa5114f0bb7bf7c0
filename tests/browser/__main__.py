"""Take the pictures of docs/: real states of a real deployment, each as somebody sees it who has the page open.

What is under way is real: a fleet, a simulator, an outage. Only the hour before it is written into the tables of the
charts (tests/browser/past.py), for nobody waits an hour for a picture.
"""

import argparse
import base64
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from playwright.sync_api import Browser, Page, expect

from tests.browser import past
from tests.browser.browser import PAPER, Viewer, chromium
from tests.browser.deployment import Deployment, deployment, request
from worker import enqueue_booking
from worker.console import screen

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SIZES = {"wide": (1200, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
QUALITY = 80  # of 100: WebP takes a fourth of what PNG takes
LONG_MS = 600_000
EVERY = 3.0  # seconds between two bookings
OUTAGE_SECONDS = 240.0  # some minutes of it are in the charts
AT_RISK = "/resilience/calls?state=held&at_risk=1&sort=start"
CHARTS_SECONDS = 12.0  # until the charts show what the sentence says
SIMULATOR = ("--rate-limit", "0", "--latency", "0.4", "1.2")
SETTINGS = {
    "fleet_name": "example.com",
    "calcom_read_timeout": 3.0,
    "calcom_deadline": 4.0,
    "circuit_breaker_threshold": 10,
    "circuit_breaker_half_open_timeout": 20.0,
    "circuit_breaker_open_max": 20.0,
    "retry_delays": (1.0, 2.0, 4.0),
    "calcom_rate_limit_per_minute": 100,  # so that they do not go before they are seen
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser", description=__doc__)
    parser.add_argument("--folder", type=Path, default=PICTURES, help="where the pictures go (%(default)s)")
    folder = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)

    def say(what: str) -> None:
        screen.note(f"starting {what}")

    logging.disable(logging.WARNING)  # a progress bar is shown
    with deployment(say, simulator=SIMULATOR, **SETTINGS) as deployed, chromium() as browser:
        album = Album(deployed, browser, folder)
        with Traffic() as traffic:
            past.write(deployed)
            traffic.pause(90)  # until a whole minute of it is in the charts
            album.of_all_looks("calm", "All is well")
            _outage(deployed, album, traffic)
            deployed.well()
            album.wait_for("is back since")
            traffic.pause(CHARTS_SECONDS)
            album.of_all_looks("recovery", "is back since")
            album.wait_for("All is well")
            deployed.fault("status", name="invalid_key")
            album.of_all_looks("refused-key", "refuses our key")
            deployed.well()
    sizes = sum(picture.stat().st_size for picture in folder.glob("*.webp"))
    screen.note(f"{len(list(folder.glob('*.webp')))} pictures, {sizes // 1000} kB, in {folder}")


def _outage(deployed: Deployment, album: "Album", traffic: "Traffic") -> None:
    """Take the pictures of an outage, and of what it leaves in Flower's own pages."""
    deployed.fault("hang", share=0.6, hold=3)
    deployed.fault("status", name="unavailable")
    traffic.pause(OUTAGE_SECONDS)
    album.of_all_looks("outage", "Cal.com is down")
    held = "SELECT id, task_id FROM appointments WHERE status = 'held' ORDER BY retry_count DESC, id LIMIT 1"
    [(number, task)] = deployed.rows(held)
    album.of("booking", f"/resilience/bookings/{number}", "asked for by")
    album.of_paper("print", "/resilience", "Cal.com is down")
    album.of("bookings", "/resilience/bookings?state=held&sort=asked", "breaker open")
    album.of_calls()
    album.of("actions", "/resilience/actions", "Look at a person")
    album.of("workers", "/resilience/workers", "maintenance")
    album.of("flower-tasks", "/tasks", "HELD")
    album.of("flower-task", f"/task/{task}", "HELD")


@dataclass
class Traffic:
    """Bookings, one after the other, while the block runs."""

    over: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread = field(init=False)

    def __enter__(self) -> Self:
        """Begin."""
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.over.set()
        self.thread.join()

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.over.wait(seconds)

    def _run(self) -> None:
        number = 0
        while not self.over.wait(EVERY):
            near = number % 20 == 10  # it starts so soon that an outage puts it at risk
            enqueue_booking(request(number, hours=1.5 if near else 30 + number % 40))
            number += 1


@dataclass
class Album:
    """Pages that are open all the while, and the pictures that are taken of them."""

    deployed: Deployment
    browser: Browser
    folder: Path
    looks: dict[str, Viewer] = field(default_factory=dict)

    def of_all_looks(self, state: str, sentence: str) -> None:
        """Take a picture of the page in each theme and size when it shows this sentence."""
        for theme in THEMES:
            for size in SIZES:
                name = f"{state}-{theme}-{size}"
                self.wait_for(sentence, theme, size)
                self._take(self._viewer(theme, size).page, name)

    def wait_for(self, sentence: str, theme: str = THEMES[0], size: str = "wide") -> None:
        """Wait until the page shows this sentence."""
        found = self._viewer(theme, size).page.locator("#sentence")
        expect(found).to_contain_text(sentence, timeout=LONG_MS)

    def of(self, name: str, path: str, text: str) -> None:
        """Take a picture of another page, wide and light, when it shows this text."""
        viewer = self._viewer("light", "wide", name).open(path)
        expect(viewer.page.locator("main")).to_contain_text(text)
        self._take(viewer.page, name)

    def of_calls(self) -> None:
        """Take a picture of a call list whose customers are shown, one of them called already."""
        viewer = self._viewer("light", "wide", "calls").open(AT_RISK)
        dialog = viewer.press("show-who")
        dialog.get_by_label("Why?").fill("they start before Cal.com is back")
        dialog.locator("button[type=submit]").click()
        expect(viewer.page.locator("#list")).to_contain_text("Pat Example")
        viewer.page.get_by_role("button", name="Mark booking").first.click()
        expect(viewer.page.locator("#list")).to_contain_text("called by")
        self._take(viewer.page, "calls")

    def of_paper(self, name: str, path: str, text: str) -> None:
        """Take a picture of another page as it is printed, when it shows this text."""
        viewer = self._viewer("dark", "wide", name).open(path)
        expect(viewer.page.locator("main")).to_contain_text(text)
        viewer.page.emulate_media(media="print")
        viewer.page.set_viewport_size(PAPER)  # type: ignore[arg-type]  # width and height
        expect(viewer.page.locator(".chart.latency canvas")).to_be_visible()
        self._take(viewer.page, name)

    def _viewer(self, theme: str, size: str, name: str = "overview") -> Viewer:
        key = f"{theme}-{size}-{name}"
        if key not in self.looks:
            width, height = SIZES[size]
            context = self.browser.new_context(
                color_scheme=theme,  # type: ignore[arg-type]  # of THEMES
                viewport={"width": width, "height": height},
                reduced_motion="reduce",
                timezone_id="Europe/Berlin",
            )
            self.looks[key] = Viewer(context.new_page(), self.deployed.address)
            if name == "overview":
                self.looks[key].open()
        return self.looks[key]

    def _take(self, page: Page, name: str) -> None:
        page.wait_for_load_state("networkidle") if "flower" in name else None
        session = page.context.new_cdp_session(page)  # playwright itself knows no WebP
        taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
        (self.folder / f"{name}.webp").write_bytes(base64.b64decode(taken["data"]))
        screen.note(f"{name}.webp")


if __name__ == "__main__":
    main()
