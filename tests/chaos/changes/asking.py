"""Ask for cancels and moves while faults strike: by the product's functions, or by the client in its transaction."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import psycopg
import requests
from sqlalchemy.exc import SQLAlchemyError

from booking_client import Bookings
from resilience.exceptions import AppointmentException
from tasks.changes.ask.by_python import ChangeRefusedError, cancel_booking, reschedule_booking
from tests.chaos.background import background
from tests.chaos.changes.wishes import Wishes, hosts_start, is_drawn, start_of, wishes
from tests.chaos.environment import ChaosEnvironment
from tests.chaos.said.callers import ANSWER_SECONDS, now
from tests.chaos.said.words import of_change

EVERY = 0.3  # seconds
SHOWN = 6.0  # seconds until a replica shows what a host has done, but for one that lags longer (faults/doors.py: 4)
_BOOKED = """
    SELECT id, account_id, calcom_booking_uid, calcom_seat_uid, series_uid IS NOT NULL, status = 'confirmed',
        EXISTS (SELECT FROM booking_changes AS change WHERE appointment_id = appointments.id
            AND status IN ('waiting', 'pending', 'changing', 'retrying', 'held'))
        OR EXISTS (SELECT FROM change_wishes WHERE appointment_id = appointments.id),
        api_key_id
    FROM appointments
    WHERE status IN ('confirmed', 'cancelled') AND updated_at < now() - interval '1 second'
        AND (series_uid IS NULL OR series_weeks IS NOT NULL OR status = 'cancelled')
    ORDER BY id
"""


@dataclass
class Asked:
    """How far the wishes of one booking are. `until`: nothing is done before (monotonic)."""

    wishes: Wishes
    deed_done: bool = False
    count: int = 0
    until: float = 0.0
    over: bool = False


@dataclass(frozen=True)
class Booked:
    """A booking that Cal.com had; `open`: a change of it is not over. `key` is the API key that it was asked by."""

    id: int
    account: int
    uid: str | None
    seat: str | None
    series: bool
    confirmed: bool
    open: bool
    key: int | None


class ChangingCustomers:
    """Customers who change their minds, in a thread of their own."""

    def __init__(self, environment: ChaosEnvironment, seed: int) -> None:
        self._environment = environment
        self._seed = seed
        self._asked: dict[int, Asked] = {}
        self._shown = max(SHOWN, max(environment.part.lags) + 2.0)
        self._over = threading.Event()
        self.idle = False  # nothing is wished that was not asked for

    def living(self) -> AbstractContextManager[None]:
        """Let them live for as long as the block lasts."""
        return background("changes", self._live, self._over)

    def _live(self) -> None:
        while not self._over.wait(EVERY):
            if self._environment.waits.is_set():
                continue
            with suppress(psycopg.OperationalError):  # Postgres is the one that is hurt
                for one in [Booked(*row) for row in self._environment.sql(_BOOKED)]:
                    if is_drawn(self._seed, one.id) and not self._over.is_set():
                        self._go_on(one)
                self.idle = all(asked.over for asked in self._asked.values())

    def _go_on(self, one: Booked) -> None:
        """Do the next that is due of a booking's wishes."""
        drawn = wishes(self._seed, one.id, series=one.series, seat=one.seat is not None)
        asked = self._asked.setdefault(one.id, Asked(drawn))
        if asked.over or one.open or time.monotonic() < asked.until:
            return
        if not one.confirmed:
            asked.over = True
            if asked.wishes.revived and asked.count:
                self._do("revive", one)
        elif asked.wishes.deed and not asked.deed_done:
            asked.deed_done, asked.until = True, time.monotonic() + self._shown
            self._do(asked.wishes.deed, one)
        elif asked.count == len(asked.wishes.cancels):
            asked.over = True
        elif self._ask(one, asked.count, cancel=asked.wishes.cancels[asked.count]):
            asked.count += 1

    def _do(self, deed: str, one: Booked) -> None:
        """Have a host do something; what he cannot do at that time he does not."""
        more = {"start": hosts_start(one.id).isoformat()} if deed == "move" else {}
        self._environment.deeds.add(str(one.uid))
        with suppress(requests.RequestException):
            wanted = {"do": deed, "uid": one.uid, "reason": "busy", **more}
            self._environment.calcom_of(one.account).order("POST", "/_persons", wanted)

    def _ask(self, one: Booked, nth: int, *, cancel: bool) -> bool:
        """Ask for a change, and return whether it was heard; what was refused is not asked again."""
        start, key = start_of(one.id, nth, seat=one.seat is not None), f"change-{one.id}-{nth}"
        if self._environment.telling is not None:
            return self._ask_over_http(one, {} if cancel else {"start": start.isoformat()}, key)
        try:
            if self._environment.part.by_host:
                with self._client() as bookings:
                    if cancel:
                        bookings.cancel(one.id, change_key=key)
                    else:
                        bookings.reschedule(one.id, start=start, change_key=key)
            elif cancel:
                cancel_booking(one.id, key=key)
            else:
                reschedule_booking(one.id, start, key=key)
        except ChangeRefusedError:
            return True
        except (AppointmentException, SQLAlchemyError, psycopg.Error):
            return False  # Postgres is hurt: asked again, as a caller does
        return True

    def _ask_over_http(self, one: Booked, body: dict[str, Any], key: str) -> bool:
        """Ask with the key that has asked for the booking; what is answered is kept."""
        telling = self._environment.telling
        assert telling is not None
        assert one.key is not None
        headers = {"Authorization": f"Bearer {telling.key(one.key)}", "Idempotency-Key": f'"{key}"'}
        url, asked = f"{telling.url}/v1/bookings/{one.id}/{'reschedule' if body else 'cancel'}", now()
        try:
            answer = requests.post(url, json=body, headers=headers, timeout=ANSWER_SECONDS)
        except requests.RequestException:
            return False
        if answer.ok:
            self._environment.said.append(of_change(answer.json(), asked, now()))
        return answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR

    @contextmanager
    def _client(self) -> Iterator[Bookings]:
        with Bookings(self._environment.postgres.url) as bookings:
            yield bookings
