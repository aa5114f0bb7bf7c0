"""What cannot be cancelled or moved is told in its own sentence, whichever way is asked; nothing of it is kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

from booking_client import Bookings
from db.changes import asking
from db.lifecycle import ChangeStatus
from tasks import dependencies
from tasks.changes.changing import change_booking
from tasks.maintenance.dispatch import dispatch
from tests.support.api.served import Caller, Serving
from tests.support.fleet import eventually
from tests.support.refused_changes import (
    ACCOUNT,
    LATER,
    NAIVE,
    REFUSALS,
    SPLIT,
    Refusal,
    made,
    seat_beside_a_full_time,
    stored,
)
from worker import ChangeRefusedError, cancel_booking, outcome, reschedule_booking
from worker.api.problems import MEDIA_TYPE

FULL = "no seat is free at the wanted start"
SLOW = 503


class Way(Protocol):
    """A way to ask: `owner` are the columns of the bookings that it may change."""

    owner: dict[str, Any]

    def ask(self, row: Any, start: datetime | None, account: str | None) -> str:
        """Ask for a move, or (without a start) for a cancel, and return what was heard."""

    def heard(self, row: Any) -> str:
        """Return what is heard of the latest change of a booking."""

    def told(self, refusal: Refusal) -> str:
        """Return what must be heard of a refusal."""


@dataclass
class ByPython:
    """`cancel_booking` and `reschedule_booking`."""

    owner: dict[str, Any]

    def ask(self, row: Any, start: datetime | None, account: str | None) -> str:
        """As in Way."""
        try:
            if start is None:
                return cancel_booking(row.id, account=account).said
            return reschedule_booking(row.id, start, account=account).said
        except ChangeRefusedError as refused:
            return f"{refused.outcome}: {refused}"

    def heard(self, row: Any) -> str:
        """As in Way."""
        now = outcome(row.id)
        return now.changes[-1].sentence if now is not None else ""

    def told(self, refusal: Refusal) -> str:
        """As in Way."""
        return refusal.said


@dataclass
class ByCommand:
    """`booking cancel` and `booking reschedule`."""

    owner: dict[str, Any]
    booking: Callable[..., Any]

    def ask(self, row: Any, start: datetime | None, account: str | None) -> str:
        """As in Way."""
        given = ["cancel", row.id] if start is None else ["reschedule", row.id, start.isoformat()]
        ran = self.booking(*given, *(["--account", account] if account else []))
        assert ran.code == (1 if ran.err else 0)
        said: str = ran.said
        return said

    def heard(self, row: Any) -> str:
        """As in Way."""
        shown: str = self.booking("show", row.id).out
        return shown

    def told(self, refusal: Refusal) -> str:
        """As in Way."""
        return refusal.said


@dataclass
class ByClient:
    """`Bookings` of booking_client; the dispatcher decides, and the outcome has the sentence."""

    owner: dict[str, Any]
    bookings: Bookings

    def ask(self, row: Any, start: datetime | None, account: str | None) -> str:
        """As in Way."""
        named: dict[str, Any] = {"key": row.idempotency_key, "account": account} if account else {}
        named = named or {"appointment_id": row.id}
        try:
            asked = self.bookings.cancel(**named) if start is None else self.bookings.reschedule(**named, start=start)
        except (LookupError, ValueError) as refused:
            return str(refused)
        assert asked.status is ChangeStatus.WAITING
        dispatch(dependencies.current())
        return self.heard(row)

    def heard(self, row: Any) -> str:
        """As in Way."""
        now = self.bookings.outcome(row.id)
        return now.changes[-1].sentence if now is not None else ""

    def told(self, refusal: Refusal) -> str:
        """As in Way."""
        if refusal.state == "other account":
            return "no booking has this id or key"  # the key is one of the account that is named
        return "is done" if refusal.problem is None else refusal.said


@dataclass
class ByHttp:
    """`POST /v1/bookings/{id}/cancel` and `/reschedule`."""

    owner: dict[str, Any]
    caller: Caller

    def ask(self, row: Any, start: datetime | None, account: str | None) -> str:
        """As in Way; whose booking it is, is known by the key."""
        del account
        what, body = ("cancel", {}) if start is None else ("reschedule", {"start": start.isoformat()})
        answer = self._answer("POST", f"/v1/bookings/{row.id}/{what}", json=body)
        assert answer.ok or answer.headers["Content-Type"] == MEDIA_TYPE
        told: str = answer.json()["say"] if answer.ok else answer.text
        return told

    def heard(self, row: Any) -> str:
        """As in Way."""
        answer = self._answer("GET", f"/v1/bookings/{row.id}")
        assert answer.ok, answer.text
        told: str = answer.json()["change"]["status"]
        return told

    def told(self, refusal: Refusal) -> str:
        """As in Way."""
        return "cancelled already" if refusal.problem is None else f'"/problems/{refusal.problem}"'

    def _answer(self, method: str, path: str, **given: Any) -> Any:
        """Return the answer to a call, which is made again while a server is only slow: it is the same wish."""

        def call() -> Any:
            answer = self.caller.call(method, path, **given)
            return None if answer.status_code == SLOW else [answer]

        [answer] = eventually(call, what=f"{path} is answered")
        return answer


@pytest.fixture(params=["Python", "command", "client", "HTTP"])
def way(
    request: pytest.FixtureRequest,
    booking: Callable[..., Any],
    record: Any,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
) -> Iterator[Way]:
    """Give each way in turn; the API is one process for all of the table."""
    match request.param:
        case "Python":
            yield ByPython({})
        case "command":
            yield ByCommand({}, booking)
        case "client":
            with Bookings(database_url) as bookings:
                yield ByClient({}, bookings)
        case _:
            with _served(record, {"DATABASE_URL": database_url, "REDIS_URL": redis_url}, tmp_path) as by_http:
                yield by_http


@contextmanager
def _served(record: Any, environment: dict[str, str], folder: Path) -> Iterator[Way]:
    with Serving(environment, record.engine, folder) as serving:
        api = serving.start()
        caller = api.key()
        number = api.sql("SELECT id FROM api_keys WHERE name = :name", name=caller.name)
        yield ByHttp({"api_key_id": number}, caller)


@pytest.mark.variants(first=2)
def test_what_cannot_be_done_is_told_in_its_own_sentence(way: Way, record: Any, simulator: Any) -> None:
    """The booking stays as it is, and no change of it is stored; a client, who hears it later, has the refused one.

    That a time is full nobody knows before Cal.com has shown it: then nothing is sent, for Cal.com would overbook it.
    """
    for case, refusal in REFUSALS.items():
        row, before = made(record, refusal.state, **way.owner), stored(record)
        start = (refusal.start or row.start_at) if case.startswith("move") else None

        heard = way.ask(row, start, ACCOUNT if refusal.state == "other account" else None)

        assert way.told(refusal) in heard, (case, heard)
        if isinstance(way, ByPython):
            assert heard.startswith(f"{refusal.outcome}: "), case
        assert record.read(row.id) == row, case
        kept = stored(record)[len(before) :]
        at_once = refusal.state == "other account" or start in {NAIVE, SPLIT} or not isinstance(way, ByClient)
        end = ChangeStatus.DONE if refusal.problem is None else ChangeStatus.REFUSED
        assert [status for _, status in kept] == ([] if at_once else [end]), case
        assert stored(record)[: len(before)] == before, case

    row = seat_beside_a_full_time(record, **way.owner)
    way.ask(row, LATER, None)
    with record.engine.connect() as conn:
        [change] = asking.of_booking(conn, row.id)

    assert change_booking.apply([change.id]).get() == ChangeStatus.REFUSED
    assert ("refused" if isinstance(way, ByHttp) else FULL) in way.heard(row)
    assert record.read(row.id) == row
    assert [one["target"] for one in simulator.journal() if one["target"].endswith("/reschedule")] == []
