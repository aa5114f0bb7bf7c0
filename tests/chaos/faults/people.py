"""People at Cal.com: strangers who book the same times, hosts who accept and decline, customers who cancel there.

Accepting is always allowed. Who declines or cancels takes only what our record knows as booked: before that promise 2
does not hold (docs/promises.md). What our customers change is left to tests/chaos/changes.
"""

import random
import threading
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta
from typing import Any

import psycopg
import requests

from tests.chaos import kinds
from tests.chaos.accounts import fleet
from tests.chaos.background import background
from tests.chaos.changes.wishes import is_drawn
from tests.chaos.environment import ChaosEnvironment
from tests.chaos.kinds import BESIDE, HOST, OTHER
from tests.chaos.processes.caller import receipts
from worker.local.environment import SimulatedCalcom

EVERY = 0.5  # seconds
PATIENCE = 1.0  # seconds
HASTE = 8  # so many requests ahead of ours a stranger may be
STRANGERS, ACCEPTED, ENDED = 0.08, 0.4, 0.15  # chances: of a request, of a pending booking a look, of a look

_KNOWN = """
    SELECT id, account_id, calcom_booking_uid, calcom_seat_uid, series_uid FROM appointments
    WHERE status = 'confirmed' AND (series_uid IS NULL OR series_weeks IS NOT NULL)
        AND updated_at < now() - interval '1 second'
    ORDER BY id DESC LIMIT 60
"""


class People:
    """All of these people, in a thread of their own."""

    def __init__(self, environment: ChaosEnvironment, seed: int, *, sight_for: float) -> None:
        self._environment = environment
        self._seed = seed
        self._rng = random.Random(f"{seed} people")  # noqa: S311 - chance for people
        self._sees_for = sight_for if environment.part.loses_sight else None  # seconds
        self._asked = 0
        self._ended: set[tuple[Any, ...]] = set()  # a seat that is given back twice would end the others' booking
        self._over = threading.Event()

    def living(self) -> AbstractContextManager[None]:
        """Let them live for as long as the block lasts."""
        return background("people", self._live, self._over)

    def _live(self) -> None:
        lived = 0.0
        while not self._over.wait(EVERY):
            lived += EVERY
            if self._sees_for is not None and lived >= self._sees_for:
                self._environment.calcom.order("POST", "/_settings", {"keys": {self._environment.part.key: "nothing"}})
                self._sees_for = None
            self._strangers()
            self._hosts()
            with suppress(psycopg.OperationalError):  # Postgres is the one that is hurt
                self._customers()

    def _strangers(self) -> None:
        """Book the very time of a request, or another time of its hosts; some come before ours, some after."""
        asked = max((number for number, _ in receipts(self._environment.receipts)), default=-1) + 1
        for number in range(self._asked, asked):
            if self._rng.random() < STRANGERS and not self._over.is_set():
                self._book(number + self._rng.choice([0, HASTE]))
        self._asked = max(asked, self._asked)

    def _book(self, number: int) -> None:
        wanted = kinds.request(number)
        busy = [BESIDE[HOST], BESIDE[OTHER]]
        event_type, start = self._rng.choice([wanted.event_type_id, *busy]), wanted.start
        if wanted.event_type_id in kinds.WEEKS:  # a host who is busy in the middle: four weeks are booked, or none
            event_type, start = self._rng.choice(busy), start + self._rng.choice([0, 4]) * timedelta(weeks=1)
        who = {"name": "Sam Stranger", "email": f"sam{number}@example.com", "timeZone": "UTC"}
        body: dict[str, Any] = {"eventTypeId": event_type, "start": _instant(start), "attendee": who}
        if wanted.attendee.phone_number:
            who["phoneNumber"] = "+12025550143"
        accounts = self._environment.part.accounts
        calcom = self._environment.calcoms[fleet.calcom_of(fleet.turn_of(number, accounts), accounts)]
        with suppress(requests.RequestException):  # the Cal.com that is hurt
            requests.post(
                f"{calcom.url}/v2/bookings",
                json=body,
                headers={"cal-api-version": "2024-08-13"},
                timeout=PATIENCE,
            )

    def _hosts(self) -> None:
        for calcom in self._environment.calcoms:
            for line in calcom.order("GET", "/_books")["books"]:
                if line["status"] == "pending" and self._rng.random() < ACCEPTED:
                    self._do(calcom, "accept", uid=line["uid"])

    def _customers(self) -> None:
        """Cancel, or decline, one that is known; of a series all its weeks."""
        if self._rng.random() >= ENDED:
            return
        found = self._environment.sql(_KNOWN)
        known = [one for number, *one in found if not is_drawn(self._seed, number) and tuple(one) not in self._ended]
        if not known:
            return
        account, uid, seat, series = self._rng.choice(known)
        calcom = self._environment.calcom_of(account)
        self._environment.deeds.add(uid)
        self._ended.add((account, uid, seat, series))
        if seat:
            self._do(calcom, "cancel", uid=uid, seat=seat)
        else:
            self._do(calcom, self._rng.choice(["cancel", "decline"]), uid=series or uid)

    def _do(self, calcom: SimulatedCalcom, deed: str, **what: Any) -> None:
        calcom.order("POST", "/_persons", {"do": deed, "reason": "changed plans", **what})


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
