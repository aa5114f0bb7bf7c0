"""Read what the judge of the accounts needs, from our record and from the journals of all Cal.coms."""

from collections.abc import Iterator

from tests.chaos.accounts.judge import Hold, Owner, elsewhere, of_another, wrong_keys
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
# The first Cal.com is hurt all the time: no outage of its own says when its breaker is to be open.
_HOLDS = """
    SELECT booking, account, reason, at FROM fire_holds
    WHERE reason IN ('paused', 'credentials') OR (reason = 'breaker_open' AND account = ANY (%(elsewhere)s))
"""


def judged(environment: ChaosEnvironment) -> Iterator[str]:
    """Say what one account, or one Cal.com, has done to another."""
    accounts, calls = environment.accounts, environment.journal()
    rows = environment.sql(_OWNERS, named=_NAMED)
    owners = [Owner(*row, calcom=accounts.at.get(row[2], 0)) for row in rows]
    yield from wrong_keys(calls, owners, accounts.keys)
    yield from elsewhere(calls, owners)
    others = [account for account, place in accounts.at.items() if place]
    hurt = {number: [*accounts.hurt[number], *accounts.down[accounts.at.get(number, 0)]] for number in accounts.keys}
    yield from of_another([Hold(*row) for row in environment.sql(_HOLDS, elsewhere=others)], hurt)
