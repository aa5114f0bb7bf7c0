"""Pages of Cal.com's list as a deciding look asks for them, and a Cal.com that gives them one after the other."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

from db.appointments.appointment import Appointment
from tasks.calcom.deciding_lookup import deciding_lookup
from tasks.calcom.event_type_answers import Me
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.lookup import LookupResult
from tasks.calcom.request_body import REFERENCE

OURS = "00000000-0000-0000-0000-000000000007"
ASKED_FOR = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)  # `created_at` of the row
NOW = ASKED_FOR + timedelta(minutes=10)


def booking(uid: str = "other", reference: str | None = "another", **changes: Any) -> dict[str, Any]:
    """Return a booking as Cal.com lists it: by default another's."""
    return {
        "uid": uid,
        "status": "accepted",
        "start": "2030-03-01T09:00:00.000Z",
        "createdAt": "2030-03-01T09:05:00.000Z",
        "eventTypeId": 101,
        "eventType": {"id": 101, "slug": "plain"},
        "hosts": [{"id": 140, "username": "clinic"}],
        "metadata": {REFERENCE: reference} if reference else {},
        "attendees": [{"email": "bob@example.com"}],
    } | changes


ours = partial(booking, "ours", OURS)


def aged(minutes: float, uid: str = "other", **changes: Any) -> dict[str, Any]:
    """Return another's booking that was made so many minutes before the row was asked for."""
    return booking(uid, createdAt=(ASKED_FOR - timedelta(minutes=minutes)).isoformat(), **changes)


def page(*entries: dict[str, Any], remaining: int = 0, miscounted: int = 0, date: datetime | None = NOW) -> Answer:
    """Return an answer that lists `entries`, by a server whose clock says `date`."""
    total = len(entries) + remaining + miscounted
    content = {"data": entries, "pagination": {"totalItems": total, "remainingItems": remaining}}
    headers = {} if date is None else {"date": format_datetime(date, usegmt=True)}
    return Answer(200, headers, json.dumps(content).encode(), 0.1)


class Calcom:
    """A Cal.com that gives these answers, one after the other, the last for ever; and remembers what it was asked."""

    def __init__(self, *answers: Answer | NoAnswer) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def list_bookings(self, params: dict[str, Any]) -> Answer | NoAnswer:
        """Return the next answer."""
        self.asked.append(dict(params))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def booking(self, uid: str) -> Answer:
        """Return a booking of this uid."""
        return Answer(200, {}, json.dumps({"data": booking(uid)}).encode(), 0.1)


def lookup(calcom: Calcom, row: Appointment, *, calcom_id: int | None = None, me: Me | None = None) -> LookupResult:
    """Look ten minutes after the row was asked for, by Postgres's clock, which its claim tells."""
    return deciding_lookup(calcom, replace(row, updated_at=NOW), calcom_id=calcom_id, me=me)
