"""What callbacks said, for the caller that they are for."""

from typing import Any, NamedTuple

from db import callback_events
from db.api_keys.keys import ApiKey
from tasks.callbacks.sending import document_of
from tasks.callers.connection import caller_connection


class ToldPage(NamedTuple):
    """Hold the documents of callbacks, and the cursor after them."""

    events: list[dict[str, Any]]
    cursor: str


def events_since(key: ApiKey, cursor: str | None, limit: int) -> ToldPage:
    """Return what callbacks of a key said since a cursor, each with its `webhook_id`; another key's are in no page.

    Raises:
        ValueError: The cursor is none.
        AppointmentDatabaseException: Postgres did not answer in time, or answered with an error.
    """
    with caller_connection() as conn:
        page = callback_events.events_since(conn, key.id, cursor, limit)
    return ToldPage([{"webhook_id": one.name, **document_of(one)} for one in page.events], page.cursor)
