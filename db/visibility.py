"""Which event types a key was seen to list.

Cal.com lists only what the key's owner may see, so "not in the list" proves nothing before this key has listed some
booking of that event type.
"""

from collections.abc import Collection

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from db.appointment import Appointment
from db.schema import appointments as _requests
from db.schema import calcom_visibility as _seen


def proven(conn: Connection, key_fingerprint: str, event_type: str) -> bool:
    """Tell whether this key has been seen to list a booking of this event type (`Appointment.event_type`)."""
    return (
        conn.execute(
            select(1).where(_seen.c.key_fingerprint == key_fingerprint, _seen.c.event_type == event_type)
        ).first()
        is not None
    )


def prove(conn: Connection, key_fingerprint: str, event_type: str) -> None:
    """Record that this key listed a booking of this event type, just now."""
    statement = insert(_seen).values(key_fingerprint=key_fingerprint, event_type=event_type)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[_seen.c.key_fingerprint, _seen.c.event_type], set_={"seen_at": func.now()}
        )
    )


def ours(conn: Connection, references: Collection[str], row: Appointment) -> bool:
    """Tell whether one of these references is of a request of ours for the very event type of `row`."""
    asked = _requests.c
    same = [
        getattr(asked, name).is_not_distinct_from(getattr(row, name))
        for name in ("event_type_id", "event_type_slug", "username", "team_slug", "organization_slug")
    ]
    return conn.execute(select(1).where(asked.uuid.in_(references), *same).limit(1)).first() is not None
