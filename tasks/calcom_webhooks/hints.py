"""What is read of a webhook's body and stored: which booking it is about, and when it was told; nothing personal."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from booking_client.request.model import moment
from db import calcom_webhooks
from db.calcom_webhooks import Hint
from db.connection import deadline
from tasks import dependencies
from tasks.calcom.request_body import REFERENCE
from tasks.host.database_errors import database_errors

TRIGGERS = ("BOOKING_CREATED", "BOOKING_REQUESTED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REJECTED")
OLDEST = timedelta(days=1)
WITHIN = 0.2  # seconds for Postgres: Cal.com waits for our answer within the call that we may be waiting for
MAX_UID = 200


def read(account: int, body: bytes, told: Mapping[str, Any]) -> Hint | None:
    """Return the hint of a signed body; None: it concerns no booking."""
    payload = told.get("payload")
    trigger = told.get("triggerEvent")
    if trigger not in TRIGGERS or not isinstance(payload, dict):
        return None
    uid, told_at = _uid(payload.get("uid")), _moment(told.get("createdAt"))
    if uid is None or told_at is None:
        return None
    metadata = payload.get("metadata")
    return Hint(
        account_id=account,
        trigger=str(trigger),
        uid=uid,
        old_uid=_uid(payload.get("rescheduleUid")),
        reference=_uuid(metadata.get(REFERENCE)) if isinstance(metadata, dict) else None,
        told_at=told_at,
        body_hash=hashlib.sha256(body).digest(),
    )


def keep(hint: Hint) -> None:
    """Store a hint, by one statement; the same body again, and one that is a day old, change nothing.

    Raises:
        AppointmentDatabaseException: Postgres did not answer within WITHIN: the hint is lost, for Cal.com repeats none.
    """
    with database_errors(), deadline(WITHIN), dependencies.current().autocommit.connect() as conn:
        calcom_webhooks.add(conn, hint, oldest=OLDEST)


def _uid(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= MAX_UID and value.isprintable() else None


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _moment(value: Any) -> datetime | None:
    try:
        return moment(value) if isinstance(value, str) else None
    except ValueError:
        return None
