"""Let held bookings go when what held them has passed: the sweep that moves `held` to `pending` and sends."""

import structlog
from celery import shared_task

from db import appointments
from tasks.booking import book_appointment
from tasks.parts import parts
from tasks.publish import send

BATCH = 500

log = structlog.get_logger(__name__)


@shared_task(name="tasks.holds.release_held", queue="maintenance")
def release_held() -> int:
    """Release the holds whose time has come or whose cause has changed; return how many.

    Oldest request first. Any number of processes may run it at once: each row is locked by one of them.
    """
    calcom = parts().calcom
    with parts().engine.begin() as conn:
        rows = appointments.release_due(
            conn, key=calcom.key_fingerprint, settings=calcom.settings_fingerprint, limit=BATCH
        )
    if rows:
        send(book_appointment, rows)
        log.info("released", count=len(rows), reasons=sorted({row.hold_reason for row in rows if row.hold_reason}))
    return len(rows)
