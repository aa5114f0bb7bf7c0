"""The client in memory of programs with threads, or none."""

import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self

from booking_client.asking import ChangeWish
from booking_client.database.transactions import in_transaction
from booking_client.insertion import Inserted, Kept, NewAppointment, NotFirst, key_of
from booking_client.receipts import Answer, ChangeOutcome, Outcome, Receipt, answer, receipt
from booking_client.request.idempotency import derive_key
from booking_client.request.model import BookingRequest
from booking_client.settled import LIMIT, SettledBooking
from booking_client.states import FINAL, LIVE, ChangeStatus, HoldReason, Status
from booking_client.testing.changes import completed, decided, open_changes, refused, withdrawn


class FakeBookings:
    """Stand for `Bookings`. A request is kept at once, with a `connection`, too: nothing is rolled back."""

    def __init__(self) -> None:
        self.requests: list[BookingRequest] = []
        """What was kept, in order; the first one's id is 1."""
        self._rows: list[Kept] = []
        self._outcomes: list[Outcome] = []
        self._ends: list[int] = []  # ids, in the order in which they settled
        self._settled = threading.Condition()
        self._ahead: dict[datetime, int] = {}

    # -- what you order ------------------------------------------------------------------------------------------------

    def confirm(
        self,
        booking: Receipt | int,
        *,
        uid: str | None = None,
        start: datetime | None = None,
        awaits_host: bool | None = None,
    ) -> Outcome:
        """Have Cal.com book it; with `start`, somebody has moved it there."""
        number = _number(booking)
        uid = uid or f"fake-uid-{number}"
        return self._settle(number, Status.CONFIRMED, calcom_booking_uid=uid, start=start, awaits_host=awaits_host)

    def hold(self, booking: Receipt | int, reason: HoldReason = HoldReason.BREAKER_OPEN) -> Outcome:
        """Have it wait, as while Cal.com is down."""
        return self._settle(_number(booking), Status.HELD, hold_reason=reason)

    def reject(self, booking: Receipt | int, why: str = "the slot is taken") -> Outcome:
        """Have Cal.com refuse it for good."""
        return self._settle(_number(booking), Status.REJECTED, last_error=why)

    def put_ahead(self, start: datetime, ahead: int = 1) -> None:
        """Have so many others ask for a time that one may have, before the next request for it; 0: they are gone."""
        self._ahead[start] = ahead

    def complete_change(self, booking: Receipt | int) -> Outcome:
        """Have Cal.com make the open change of a confirmed booking: it is cancelled, or has the wanted start."""
        return self._change(completed(self._outcomes[_number(booking) - 1]))

    def refuse_change(self, booking: Receipt | int, why: str = "the slot is taken") -> Outcome:
        """Have Cal.com refuse the open change of a booking, which stands as before."""
        return self._change(refused(self._outcomes[_number(booking) - 1], why))

    # -- what Bookings has ---------------------------------------------------------------------------------------------

    def enqueue(self, request: BookingRequest, *, connection: Any = None) -> Receipt:
        """Keep a request, as `Bookings.enqueue`."""
        _require_known(connection)
        return receipt(self._keep(request))

    def enqueue_many(self, requests: Sequence[BookingRequest], *, connection: Any = None) -> list[Answer]:
        """Keep requests, as `Bookings.enqueue_many`."""
        _require_known(connection)
        return [answer(self._keep(request)) for request in requests]

    def outcome(
        self, appointment_id: int | None = None, *, key: str | None = None, account: str | None = None
    ) -> Outcome | None:
        """Return how a booking stands, as `Bookings.outcome`."""
        if (appointment_id is None) == (key is None):
            raise TypeError("give appointment_id or key")
        if key is not None:
            written = unicodedata.normalize("NFC", key)
            wanted = written, account
            rows = reversed(self._rows)
            appointment_id = next((row.id for row in rows if (row.idempotency_key, row.account) == wanted), 0)
        return next((one for one in self._outcomes if one.appointment_id == appointment_id), None)

    def cancel(
        self,
        appointment_id: int | None = None,
        *,
        key: str | None = None,
        account: str | None = None,
        reason: str | None = None,
        change_key: str | None = None,
        connection: Any = None,
    ) -> ChangeOutcome:
        """Store a wish, as `Bookings.cancel`; it is decided at once."""
        _require_known(connection)
        return self._wish(
            ChangeWish.of(None, reason, change_key), self.outcome(appointment_id, key=key, account=account)
        )

    def reschedule(
        self,
        appointment_id: int | None = None,
        *,
        start: datetime,
        key: str | None = None,
        account: str | None = None,
        reason: str | None = None,
        change_key: str | None = None,
        connection: Any = None,
    ) -> ChangeOutcome:
        """Store a wish, as `Bookings.reschedule`; it is decided at once."""
        _require_known(connection)
        return self._wish(
            ChangeWish.of(start, reason, change_key), self.outcome(appointment_id, key=key, account=account)
        )

    def wait(
        self,
        appointment_id: int,
        seconds: float,  # noqa: ARG002 - as Bookings
        *,
        poll: float = 0.1,  # noqa: ARG002 - the same
        pause: Callable[[float], object] | None = None,  # noqa: ARG002 - the same
    ) -> Outcome | None:
        """Return how a booking stands, at once: your test says when it settles."""
        return self.outcome(appointment_id)

    def cursor(self) -> str:
        """Return the cursor of this moment."""
        return str(len(self._ends))

    def settled_since(self, cursor: str | None = None, *, limit: int = LIMIT) -> list[SettledBooking]:
        """Return what has settled since a cursor, as `Bookings.settled_since`."""
        first = int(cursor or 0)
        ends = enumerate(self._ends[first : first + limit], first + 1)
        return [SettledBooking(self._outcomes[number - 1], str(after)) for after, number in ends]

    def listen(self, cursor: str | None = None, *, every: float = 5.0) -> Iterator[SettledBooking]:
        """Yield bookings as they settle, as `Bookings.listen`."""
        cursor = cursor or self.cursor()
        while True:
            for settled in self.settled_since(cursor):
                cursor = settled.cursor
                yield settled
            with self._settled:
                if len(self._ends) == int(cursor):
                    self._settled.wait(every)

    def close(self) -> None:
        """Close nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------------------------

    def _keep(self, request: BookingRequest) -> Inserted | NotFirst:
        row = NewAppointment.of(request, 0)
        for known in reversed(self._rows):
            in_force = not known.key_derived or known.status in LIVE | {Status.CONFIRMED}
            if in_force and (key_of(known) == key_of(row) or (known.key_derived and self._answers(known, row))):
                conflict = not row.key_derived and known.payload_hash != row.payload_hash
                if known.key_derived:
                    self._take_back(self._outcomes[known.id - 1])
                return Inserted(known, created=False, conflict=conflict)
        if (ahead := self._ahead.get(row.start_at, 0)) and row.only_if_first:
            return NotFirst(ahead)
        self.requests.append(request)
        kept = Kept(
            id=len(self.requests),
            task_id=row.task_id,
            correlation_id=row.correlation_id,
            status=Status.PENDING,
            hold_reason=None,
            waits_for=None,
            updated_at=datetime.now(UTC),
            retry_count=0,
            idempotency_key=row.idempotency_key,
            key_derived=row.key_derived,
            payload_hash=row.payload_hash,
            cancel_requested=False,
            start_at=row.start_at,
            booked_start_at=None,
            awaits_host=None,
            account=row.account,
            requested_at=datetime.now(UTC),
            reference=str(row.uuid),
            ahead=ahead,
        )
        self._rows.append(kept)
        self._outcomes.append(
            Outcome(
                appointment_id=kept.id,
                status=Status.PENDING,
                final=False,
                calcom_booking_uid=None,
                hold_reason=None,
                last_error=None,
                start=kept.start_at,
                awaits_host=None,
            )
        )
        return Inserted(kept, created=True)

    def _settle(
        self,
        number: int,
        status: Status,
        *,
        calcom_booking_uid: str | None = None,
        hold_reason: HoldReason | None = None,
        last_error: str | None = None,
        start: datetime | None = None,
        awaits_host: bool | None = None,
    ) -> Outcome:
        row = self._rows[number - 1]
        if row.status in FINAL:
            raise ValueError(f"booking {number} is {row.status} already")
        self._rows[number - 1] = row._replace(
            status=status,
            hold_reason=hold_reason,
            waits_for=HoldReason.BREAKER_OPEN if hold_reason is HoldReason.IN_LINE else hold_reason,
            updated_at=datetime.now(UTC),
            booked_start_at=start,
            awaits_host=awaits_host,
        )
        now = replace(
            self._outcomes[number - 1],
            status=status,
            final=status in FINAL,
            calcom_booking_uid=calcom_booking_uid,
            hold_reason=hold_reason,
            last_error=last_error,
            start=start or row.start_at,
            awaits_host=awaits_host,
        )
        self._outcomes[number - 1] = now
        if now.final:
            self._end(number)
        return now

    def _end(self, number: int) -> None:
        with self._settled:
            self._ends.append(number)
            self._settled.notify_all()

    def _wish(self, wish: ChangeWish, booking: Outcome | None) -> ChangeOutcome:
        if booking is None:
            raise LookupError("no booking has this id or key")
        asked = wish.asked(datetime.now(UTC))
        self._change(decided(booking, asked))
        return asked

    def _take_back(self, booking: Outcome) -> None:
        cancels = [one for one in open_changes(booking) if one.start is None]
        if cancels:
            self._change(withdrawn(booking, cancels))

    def _change(self, now: Outcome) -> Outcome:
        number = now.appointment_id
        before, self._outcomes[number - 1] = self._outcomes[number - 1], now
        row = self._rows[number - 1]._replace(status=now.status, hold_reason=now.hold_reason)
        if now.status is Status.CONFIRMED:
            row = row._replace(booked_start_at=now.start)
        elif row.start_at != now.start:
            row = row._replace(start_at=now.start)
        self._rows[number - 1] = row
        if now.status is not before.status:
            self._end(number)
        return now

    def _answers(self, known: Kept, row: NewAppointment) -> bool:
        """Return whether a request is for a start to which a known booking was moved, or is to be moved."""
        changes, asked = self._outcomes[known.id - 1].changes, self.requests[known.id - 1]
        starts = {one.start for one in changes if not one.final or one.status is ChangeStatus.DONE}
        starts = (starts | {known.booked_start_at}) - {None}
        keys = {derive_key(asked.model_copy(update={"start": start})) for start in starts}
        return row.key_derived and row.account == known.account and row.idempotency_key in keys


def _number(booking: Receipt | int) -> int:
    return booking if isinstance(booking, int) else booking.appointment_id


def _require_known(connection: Any) -> None:
    """Raise TypeError for what `Bookings` would not take as a connection."""
    if connection is not None:
        in_transaction(connection)
