"""What is held by which cause, and the accounts in trouble, in the words that workers write into the rows."""

from datetime import datetime

from sqlalchemy import Connection

from db import account_troubles
from db.account_troubles import AccountTroubles
from resilience.error_types import ErrorType
from tasks.accounts.door import UNREADABLE
from tasks.calcom.access import CREATE


def read_troubles(
    conn: Connection,
    service: str,
    *,
    lead: float,
    counted_at: datetime | None = None,
    only: int | None = None,
) -> AccountTroubles:
    """Read them as `account_troubles.read` does; `lead` is HOLD_LEAD in seconds."""
    return account_troubles.read(
        conn,
        service,
        lead=lead,
        unreadable=UNREADABLE,
        missing_type=ErrorType.NO_EVENT_TYPE,
        create=CREATE,
        counted_at=counted_at,
        only=only,
    )
