"""Which change may be sent, as db/sql/change_claim.sql decides it: never two that change one uid of Cal.com's.

Two requests may sit in one seated booking, so what counts is Cal.com's uid, and not our row.
tests/integration/changes/test_change_order.py holds the statement to this.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenChange:
    """Hold a change that is not over. `number` counts them in the order in which they were asked for.

    `uid` is that of the booking at Cal.com, also if a seat of it is changed. `changing`: a worker is at it; `unknown`:
    its outcome is unknown; `posts`: how often it was sent.
    """

    number: int
    booking: int
    uid: str
    changing: bool
    unknown: bool
    posts: int


def must_wait(change: OpenChange, others: Iterable[OpenChange]) -> bool:
    """Return whether a change may not be sent now, because of another one of the same uid.

    Another start before the outcome of the first one is known makes two bookings; a cancel that overtakes a reschedule
    leaves the booking alive, and two seats that are cancelled at once leave an empty one. A change that was never sent
    also waits for one that will be sent again; those of one booking go in their order.
    """
    if change.unknown:  # it keeps the uid until its outcome is known
        return False
    return any(
        other.uid == change.uid
        and (
            other.changing
            or other.unknown
            or other.posts > change.posts == 0
            or (other.booking == change.booking and other.number < change.number)
        )
        for other in others
    )
