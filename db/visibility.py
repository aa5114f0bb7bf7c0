"""Which event types a key was seen to list.

Cal.com lists only what the key's owner may see, so "not in the list" proves nothing before this key has listed some
booking of that event type.
"""

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

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
