"""The free times of an event type: what Cal.com offers now, or "not known" with what is held; never a guess.

Where an event type takes one booking for a time, no time that a request is on the way to is offered to somebody else.
"""

import json
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from booking_client import correlation
from booking_client.asking import patience
from booking_client.states import DEFAULT_ACCOUNT
from db.appointments.others import wanted_starts
from db.connection import deadline
from tasks import dependencies
from tasks.accounts.door import NoAccess
from tasks.calcom.request_body import instant
from tasks.calcom.slots import free_starts
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import NotNow
from tasks.guarded_calls.trials import ReaderCalls
from tasks.slots.held import held

SECONDS = 5.0  # that a caller waits for Cal.com
MOST_DAYS = 31
_MOMENT = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class FreeSlots:
    """Hold the free starts of a period in UTC, and as of when; `known` False: Cal.com could not be asked.

    `held` is then how many bookings wait for Cal.com, those of one API key or all; None: not counted.
    """

    known: bool
    as_of: datetime | None = None
    starts: tuple[datetime, ...] = ()
    held: int | None = None


@dataclass(frozen=True, slots=True)
class SlotsQuestion:
    """Ask for the free starts of an event type in a period, by the key of an account (its number, and its name).

    Raises:
        ValueError: The period is empty, longer than MOST_DAYS, or its ends have no offset.
    """

    event_type_id: int
    begin: datetime
    end: datetime
    account_id: int = DEFAULT_ACCOUNT
    account: str | None = None

    def __post_init__(self) -> None:
        """Check the period."""
        if self.begin.utcoffset() is None or self.end.utcoffset() is None:
            raise ValueError("a time needs its offset")
        if not timedelta(0) < self.end - self.begin <= timedelta(days=MOST_DAYS):
            raise ValueError(f"the end must be later than the start, by at most {MOST_DAYS} days")

    @property
    def query(self) -> Mapping[str, str | int]:
        """Return the query of GET /v2/slots: whole days, so that all who ask of one day ask the same.

        Cal.com's grid begins at the start of the query, so a narrower query may have another grid.
        """
        midnight = self.begin.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        days = (self.end.astimezone(UTC) - midnight) // timedelta(days=1) + 1
        end = midnight + timedelta(days=days + 1)  # Cal.com shows no start whose end lies after the period
        return {"eventTypeId": self.event_type_id, "start": instant(midnight), "end": instant(end)}

    def answered(self, answer: str | None) -> FreeSlots | None:
        """Return what an answer says of this period; None: it says nothing."""
        if answer is None:
            return None
        read = json.loads(answer)
        starts = (datetime.fromtimestamp(at, UTC) for at in read["starts"])
        inside = tuple(start for start in starts if self.begin <= start < self.end)
        return FreeSlots(known=True, as_of=datetime.fromtimestamp(read["as_of"], UTC), starts=inside)


def free_slots(event_type_id: int, begin: datetime, end: datetime, *, seconds: float = SECONDS) -> FreeSlots:
    """Return the free starts from `begin` up to `end`, waiting at most `seconds` for Cal.com.

    All who ask the same within 15 s get the same answer, and all of them together take at most a fifth of the rate
    limit. A free time may be taken by somebody else before it is booked here.

    Raises:
        ValueError: The period is none, or longer than 31 days.
    """
    question = SlotsQuestion(event_type_id, begin, end)
    try:
        free = question.answered(asked(question).result(seconds))
    except TooLate:
        free = None
    return not_known(None) if free is None else free


def asked(question: SlotsQuestion) -> "Future[str | None]":
    """Return the answer to come for `SlotsQuestion.answered`; nobody may cancel it, for others wait for it as well."""
    deps = dependencies.current()
    query = question.query
    whose = f"{deps.calcom.settings_fingerprint}:{question.account_id}"
    name = f"{whose}:{query['eventTypeId']}:{query['start']}:{query['end']}"
    return deps.slots.ask(name, partial(_read, deps, question), of=question.account)


def not_known(api_key_id: int | None) -> FreeSlots:
    """Return that nothing is known, with what is held: of one API key, or all (None)."""
    return FreeSlots(known=False, held=held(api_key_id))


def _read(deps: Dependencies, question: SlotsQuestion) -> str | None:
    as_of = time.time()
    try:
        calls = ReaderCalls(deps.for_account(question.account_id), correlation.new())
        starts = free_starts(calls.slots(question.query))
        if starts is None:
            return None
        starts = _unclaimed(deps, question, starts)
    except (NotNow, NoAccess, SQLAlchemyError):
        return None
    return json.dumps({"as_of": as_of, "starts": [start.timestamp() for start in starts]})


def _unclaimed(deps: Dependencies, question: SlotsQuestion, starts: Sequence[datetime]) -> list[datetime]:
    """Return the starts that no request is on the way to, where only one may have a time."""
    if not starts:
        return []
    period = starts[0], starts[-1] + _MOMENT
    with deadline(patience()), deps.autocommit.connect() as conn:
        wanted = wanted_starts(conn, question.event_type_id, *period, account=question.account_id)
    claimed: dict[timedelta, list[datetime]] = {}
    for one in sorted(wanted):
        claimed.setdefault(one.length or _MOMENT, []).append(one.start)
    return [start for start in starts if not any(_reach(start, *known) for known in claimed.items())]


def _reach(start: datetime, length: timedelta, claimed: Sequence[datetime]) -> bool:
    """Return whether one of these bookings, in order and equally long, overlaps one of their length from a start on."""
    after = bisect_left(claimed, start)
    return any(abs(start - one) < length for one in claimed[max(after - 1, 0) : after + 1])
