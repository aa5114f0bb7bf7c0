"""Read what the judge of the accounts needs, from our record and from Cal.com's journal."""

from collections.abc import Iterator

from tests.chaos.accounts.judge import Hold, Owner, of_another, wrong_keys
from tests.chaos.environment import ChaosEnvironment
from tests.chaos.kinds import IDS, KINDS

_OWNERS = """
    SELECT id, uuid::text, account_id, array(
        SELECT calcom_booking_uid WHERE calcom_booking_uid IS NOT NULL
        UNION SELECT from_uid FROM booking_changes WHERE appointment_id = booking.id AND from_uid IS NOT NULL
        UNION SELECT to_uid FROM booking_changes WHERE appointment_id = booking.id AND to_uid IS NOT NULL
    ), event_type_id = ANY (%(named)s)
    FROM appointments AS booking
"""
_NAMED = [IDS[kind] for kind, order in KINDS.items() if "offers_reschedule" in order]
_HOLDS = "SELECT booking, account, reason, at FROM fire_holds WHERE reason IN ('paused', 'credentials')"


def judged(environment: ChaosEnvironment) -> Iterator[str]:
    """Say what one account has done to another."""
    owners = [Owner(*row) for row in environment.sql(_OWNERS, named=_NAMED)]
    yield from wrong_keys(environment.calcom.journal(), owners, environment.accounts.keys)
    yield from of_another([Hold(*row) for row in environment.sql(_HOLDS)], environment.accounts.hurt)
