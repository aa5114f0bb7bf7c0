"""The two kinds of rows that are worked on: where each stands, and what its statements write besides."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, RowMapping, TextClause, text

from db import sql
from db.appointments import appointment as booking
from db.appointments import moves as booking_moves
from db.appointments.appointment import Appointment
from db.changes import change
from db.changes import moves as change_moves
from db.changes.change import BookingChange
from db.connection import Setters, setters
from db.lifecycle import UNASKABLE

Worked = Appointment | BookingChange
"""A row that is worked on."""
Row = TypeVar("Row", bound=Worked)
_UNASKED = ", ".join(f"'{reason.value}'" for reason in sorted(UNASKABLE))


@dataclass(frozen=True, eq=False)
class RowKind(Generic[Row]):
    """A table of rows that are worked on."""

    row: type[Row]
    table: str
    letter: str
    """What its items begin with (`items`)."""
    of: Callable[[RowMapping], Row]
    read: Callable[[Sequence[Any]], Row]
    columns: str
    """The columns that `read` reads, as SQL."""
    writable: Collection[str]
    """The columns that a caller may write."""
    passed_over: Collection[str]
    """The columns that a caller may write of the other kind, and this one does not have."""
    holes: Mapping[str, str]
    """What stands in a shared statement in place of /* each of these */."""

    @cache  # noqa: B019 - there are two
    def statement(self, name: str) -> TextClause:
        """Return the shared statement of `name`.sql about these rows, for SQLAlchemy."""
        return text(self._filled(sql.written(name)))

    @cache  # noqa: B019 - there are two
    def prepared(self, name: str) -> str:
        """Return the shared statement of `name`.sql about these rows, for `db.connection`."""
        return self._filled(sql.prepared(name, self.columns))

    def setters(self, changes: Mapping[str, Any]) -> tuple[Setters, dict[str, Any]]:
        """Return what sets these columns of such a row, and their values; those that it does not have are passed over.

        Raises:
            ValueError: A column is not there, or is not for a caller to write.
        """
        return setters(changes, self.writable, self.passed_over)

    def rows(self, conn: Connection, name: str, **parameters: Any) -> list[Row]:
        """Run a shared statement and return the rows that it returns."""
        return [self.of(row) for row in conn.execute(self.statement(name), parameters).mappings()]

    def _filled(self, written: str) -> str:
        for hole, text_in_place in {"rows": self.table, **self.holes}.items():
            written = written.replace(f"/* {hole} */", text_in_place)
        return written


BOOKINGS = RowKind(
    row=Appointment,
    table="appointments",
    letter="",
    of=Appointment.of,
    read=Appointment.read,
    columns=booking.COLUMNS_SQL,
    writable=booking_moves.WRITABLE,
    passed_over=(),
    holes={
        "its booking": "id",
        "at work": "'booking'",
        # to the letter the condition of the partial index appointments_other_accounts: else it does not serve
        "unfinished": "account_id <> 1 AND status IN ('pending', 'booking', 'retrying', 'held')",
        "event": "''",
        "what": "",
        "of the type": "event_type_id = :event_type_id",
        "sent by us": "(status = 'retrying' OR updated_at > created_at)",
        # Its type is looked for; what is to be cancelled, or may be booked, is looked up all the same.
        "typed": "(error_type IS DISTINCT FROM 'no_event_type' OR outcome_unknown OR cancel_requested)",
        # From now on Cal.com can be asked about an unknown outcome, if it could not be during the hold.
        "of no type": "(error_type IS DISTINCT FROM 'no_event_type' OR outcome_unknown)",  # the others met Cal.com
        "waits for others": "NOT outcome_unknown AND asked_before(id, start_at, line_at, 1) > 0",
        "passed over": (
            "counted AS (UPDATE appointments AS own SET ahead = 1 FROM named"
            " WHERE own.id = named.id AND stays AND own.ahead = 0),"
        ),
        "released": (
            f"{sql.RELEASED}, askable_since = CASE WHEN outcome_unknown AND own.hold_reason IN ({_UNASKED})"
            " THEN now() ELSE askable_since END"
        ),
        # `sent_at`: not later than its first POST
        "lost": (
            "sent_at = CASE WHEN outcome_unknown THEN sent_at ELSE requested_at END,"
            " askable_since = coalesce(askable_since, now())"
        ),
    },
)
CHANGES = RowKind(
    row=BookingChange,
    table="booking_changes",
    letter="c",
    of=BookingChange.of,
    read=BookingChange.read,
    columns=change.COLUMNS_SQL,
    writable=change_moves.WRITABLE,
    passed_over=change_moves.BOOKING_ONLY,
    holes={
        "its booking": "appointment_id",
        "at work": "'changing'",
        "unfinished": "status IN ('waiting', 'pending', 'changing', 'retrying', 'held')",
        "event": "'change_'",
        "what": "jsonb_build_object('change', id, 'what', kind) ||",
        "of the type": "appointment_id IN (SELECT id FROM appointments WHERE event_type_id = :event_type_id)",
        "sent by us": "true",
        "typed": "true",
        "of no type": "true",
        "waits for others": (
            "kind = 'reschedule' AND NOT outcome_unknown AND asked_before(appointment_id, start_at, line_at, 1) > 0"
        ),
        "passed over": "",
        "released": sql.RELEASED,
        "lost": (
            "may_have_moved = true, posts = greatest(posts, 1),"
            " late_look_at = greatest(ends_at, now() + make_interval(secs => :ends_seconds))"
        ),
    },
)
KINDS: tuple[RowKind[Any], ...] = (BOOKINGS, CHANGES)
"""All that is worked on: who asks whether anybody waits asks each of them."""
