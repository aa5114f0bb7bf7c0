"""Deal troubles to a deployment while a browser looks, and compare each text of the page with the world."""

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from cryptography.fernet import Fernet
from playwright.sync_api import Browser, Page

from resilience.exceptions import AppointmentDatabaseException
from tests.browser.browser import Viewer, chromium
from tests.browser.deployment import Deployment, deployment
from tests.truth.claims.grammar import Claim, Forecast, Seen, read
from tests.truth.page import figures_of
from tests.truth.page import read as read_page
from tests.truth.patterns import PATTERNS, forecasts
from tests.truth.troubles import Dealer, Traffic
from tests.truth.world import AHEAD, FRESH, World
from worker import ChangeRefusedError, reschedule_booking

EVERY = 1.0  # seconds between two readings
ASKED_EVERY = 0.9  # seconds between two bookings
SETTINGS: dict[str, Any] = {
    "calcom_rate_limit_per_minute": 100,
    "account_encryption_keys": Fernet.generate_key().decode(),
}
HATCHED = {"hold", "no hold", "account", "total", "beside totals", "change", "incident"}  # of the moment that is shown
_LATER = datetime(2031, 3, 1, tzinfo=UTC)
Say = Callable[[str], object]


@dataclass
class Result:
    """What was compared: `claims` with the world, `unread` are texts that no claim is read from."""

    claims: list[Claim] = field(default_factory=list)
    unread: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def false(self) -> list[Claim]:
        """Return the claims that were not true."""
        return [one for one in self.claims if not one.true]


@dataclass
class Judge:
    """Reads the page once a second and compares."""

    world: World
    pages: Sequence[Page]
    result: Result = field(default_factory=Result)
    later: list[Forecast] = field(default_factory=list)

    def open_newest(self, deployed: Deployment) -> None:
        """Open the page of the newest booking beside the overview, and have it moved."""
        [(number,)] = deployed.rows("SELECT coalesce(max(id), 0) FROM appointments")
        self.world.watched = number
        self.pages[1].goto(f"{deployed.address}/resilience/bookings/{number}")
        with contextlib.suppress(ChangeRefusedError, AppointmentDatabaseException):
            reschedule_booking(number, _LATER + number * timedelta(minutes=30))

    def watch(self, seconds: float) -> None:
        """Compare for so long; moments at which the machine was busy with something else do not count.

        Raises:
            TimeoutError: It was busy for ten times as long.
        """
        left, ends = seconds, time.monotonic() + 10 * seconds
        while left > 0:
            begun, at = time.monotonic(), datetime.now(UTC)
            seen = [one for page in self.pages for one in self._look(page)]
            self.pages[0].wait_for_timeout(1000 * (AHEAD.total_seconds() + FRESH))  # until the snapshots are as new
            busy = self.world.was_busy(at)
            if not busy:
                for one in seen:
                    self._compare(one)
            elif begun > ends:
                raise TimeoutError("the machine is busy with something else: let nothing run beside this")
            self.pages[0].wait_for_timeout(1000 * max(0.05, begun + EVERY - time.monotonic()))
            left -= 0 if busy else time.monotonic() - begun

    def _look(self, page: Page) -> list[Seen]:
        """Return all that a page says now."""
        told = tuple(read_page(page))
        at = datetime.now(UTC)
        stale_at = figures_of(told, at)
        return [
            Seen(one, stale_at if one.stale and one.region in HATCHED and stale_at else at, self.world, told)
            for one in told
        ]

    def end(self) -> Result:
        """Judge what was said of moments to come; return everything."""
        for one in self.later:
            if (true := one.is_true()) is not None:
                self.result.claims.append(Claim(one.seen, one.name, f"{one.at:%H:%M:%S}", true))
        return self.result

    def _compare(self, seen: Seen) -> None:
        if not seen.lately or not seen.told.text:
            return
        claims = read(PATTERNS, seen)
        if claims is None:
            key = (seen.told.region, seen.told.text)
            self.result.unread[key] = self.result.unread.get(key, 0) + 1
            return
        self.result.claims += claims
        self.later += forecasts(seen)


def run(kinds: Iterable[tuple[str, ...]], *, seconds: float, say: Say) -> Result:
    """Start a deployment and a browser, and compare."""
    with deployment(say, **SETTINGS) as deployed, chromium() as browser:
        return compare(deployed, browser, kinds, seconds=seconds, say=say)


def compare(
    deployed: Deployment, browser: Browser, kinds: Iterable[tuple[str, ...]], *, seconds: float, say: Say
) -> Result:
    """Deal each kind, or pair of kinds, for so many seconds, and look for as long after it."""
    with World(deployed) as world:
        viewer = Viewer(browser.new_context(reduced_motion="reduce", timezone_id="UTC").new_page(), deployed.address)
        viewer.open()
        judge = Judge(world, [viewer.page, viewer.page.context.new_page()])
        traffic = Traffic(world, ASKED_EVERY)
        with traffic.lasting():
            dealer = Dealer(deployed, world, traffic)
            judge.watch(5)
            for names in kinds:
                say(" and ".join(names))
                traffic.ask()
                with contextlib.suppress(psycopg.Error):
                    judge.open_newest(deployed)
                _deal(dealer, judge, names, seconds)
        return judge.end()


def _deal(dealer: Dealer, judge: Judge, names: tuple[str, ...], seconds: float) -> None:
    first, *others = names
    with dealer.trouble(first):
        judge.watch(seconds / 2)
        if others:
            with dealer.trouble(others[0]):
                judge.watch(seconds)
        judge.watch(seconds / 2)
    judge.watch(seconds)
