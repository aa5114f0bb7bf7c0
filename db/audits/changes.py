"""Read the cancels and moves that an audit looks at: of one account, sent to Cal.com, and over in a stretch of time."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, select, text

from booking_client.states import DEFAULT_ACCOUNT
from db.models.changes import booking_changes

_COLUMNS = booking_changes.c
# To the letter the condition of the partial index `booking_changes_ended`: else it does not serve.
_SENT = text("status IN ('done', 'refused', 'failed', 'expired') AND posts > 0")


class EndedChange(NamedTuple):
    """A change that is over: its POSTs named `from_uid`, and the weeks `weeks_named` of a series.

    `to_uid` is where a move of ours has brought the booking; None: it was a cancel, or was not done.
    """

    id: int
    appointment_id: int
    from_uid: str
    to_uid: str | None
    weeks_named: list[str]


def ended_between(
    conn: Connection, start: datetime, end: datetime, *, account: int = DEFAULT_ACCOUNT
) -> list[EndedChange]:
    """Return the changes that ended at or after `start` and before `end`, the oldest first; not of forgotten people."""
    columns = (_COLUMNS[name] for name in EndedChange._fields)
    query = select(*columns).where(ended_within(start, end), _COLUMNS.account_id == account)
    query = query.where(_COLUMNS.from_uid.is_not(None)).order_by(_COLUMNS.updated_at, _COLUMNS.id)
    return [EndedChange(*row) for row in conn.execute(query)]


def ended_within(start: datetime, end: datetime) -> ColumnElement[bool]:
    """Return the condition of a change that was sent and ended at or after `start` and before `end`."""
    return and_(_SENT, _COLUMNS.updated_at >= start, _COLUMNS.updated_at < end)
