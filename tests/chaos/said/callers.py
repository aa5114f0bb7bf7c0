"""Callers who ask over HTTP how bookings and changes are, all the time and once more at the end; each word is kept."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
import requests

from tests.chaos.background import background
from tests.chaos.environment import ChaosEnvironment
from tests.chaos.said.words import of_booking, of_change
from tests.support.fleet import eventually

EVERY = 0.2  # seconds
ANSWER_SECONDS = 5.0
LATELY = 30  # so many that moved last are asked for
WAITS = (0.0, 0.0, 0.5)  # seconds that a caller gives the answer
AT_ONCE = 4
_LATELY = f"SELECT id FROM appointments WHERE account_id = 1 ORDER BY updated_at DESC LIMIT {LATELY}"  # noqa: S608 - a number
_ALL = "SELECT id FROM appointments WHERE account_id = 1 ORDER BY id"


class ReadingCallers:
    """All of them, in a thread of their own."""

    def __init__(self, environment: ChaosEnvironment, seed: int) -> None:
        self._environment = environment
        self._rng = random.Random(f"{seed} readers")  # noqa: S311 - chance for callers
        self._over = threading.Event()

    def living(self) -> AbstractContextManager[None]:
        """Let them ask for as long as the block lasts."""
        return background("readers", self._live, self._over)

    def last_words(self) -> None:
        """Ask for each booking once more, when nothing moves any more."""
        ids = [one for (one,) in self._environment.sql(_ALL)]
        with ThreadPoolExecutor(AT_ONCE) as asking:
            list(asking.map(self._last_word, ids))

    def _live(self) -> None:
        while not self._over.wait(EVERY):
            with suppress(psycopg.OperationalError):  # Postgres is the one that is hurt
                lately = [one for (one,) in self._environment.sql(_LATELY)]
                if lately:
                    self._ask(self._rng.choice(lately), self._rng.choice(WAITS))

    def _last_word(self, booking: int) -> None:
        eventually(lambda: self._ask(booking, 0.0), what="the last word is heard")

    def _ask(self, booking: int, wait: float) -> bool:
        """Ask for a booking, and then for its change; return whether an answer came."""
        asked = now()
        document = self._get(f"{booking}?wait={wait:g}")
        if document is None:
            return False
        self._environment.said += of_booking(document, asked, now())
        if change := document["change"]:
            asked = now()
            if (told := self._get(f"{booking}/changes/{change['id']}")) is not None:
                self._environment.said.append(of_change(told, asked, now()))
        return True

    def _get(self, path: str) -> dict[str, Any] | None:
        """Return the document at a path; None: the API, or what it stands on, is the one that is hurt."""
        reader = self._environment.reader
        headers = {"Authorization": f"Bearer {reader.key}"}
        with suppress(requests.RequestException):
            answer = requests.get(f"{reader.url}/v1/bookings/{path}", headers=headers, timeout=ANSWER_SECONDS)
            if answer.ok:
                document: dict[str, Any] = answer.json()
                return document
        return None


def now() -> datetime:
    """Return the time by this machine's clock, which Postgres and Cal.com share."""
    return datetime.now(UTC)
