"""What must be true of every state of a request and what Cal.com has of it."""

from db.lifecycle import FINAL, HoldReason, Status
from tasks.calcom.reply import ErrorType
from tests.model.evidence import calcom
from tests.model.evidence.state import Fate, World, is_missing
from tests.model.rows import Row, waits_for_its_type

# Only Cal.com itself fails a booking.
ANSWERS = frozenset({ErrorType.HTTP_500, ErrorType.TAKEN, ErrorType.REFUSED, ErrorType.LIMIT})


def doubled(world: World) -> str | None:
    """Say that one request has made two bookings, seats or series, even if one was cancelled; None: it has not."""
    return "two bookings of one request" if len(world.booked) > 1 else None


def disobeyed(world: World) -> str | None:
    """Say that it is posted again though the row, renewed for that, says: to be cancelled; None: it is not."""
    renewed = world.turn.answers[1:2] if world.turn is not None and world.turn.allowed is not None else ()
    cancelled = any(isinstance(row, Row) and row.cancel for row in renewed)
    return "posted, and its cancellation is asked for" if cancelled else None


def wronged(world: World) -> str | None:
    """Say that a request was refused because an event type was missing that Cal.com had had; None: it was not."""
    return "refused for an event type that was there" if world.fate & Fate.WRONGED else None


def _sees(world: World) -> bool:
    """Say whether the rule may believe an absence: this key is shown every booking of the type, which is there."""
    return world.kept is not None and world.kept.sight and not is_missing(world)


def contradicted(world: World) -> str | None:
    """Say which promise a state breaks; None: none."""
    row = world.row
    if found := doubled(world) or disobeyed(world) or wronged(world):
        return found
    if row.reason == HoldReason.BLIND_KEY and _sees(world) and not world.fate & Fate.RETURNED:
        return "held for a key that sees"
    if row.status not in FINAL:
        return None
    if row.status == Status.CONFIRMED:
        return None if world.booked else "confirmed, and Cal.com has nothing"
    if calcom.is_live(world):
        return f"{row.status}, and Cal.com has it"
    if world.posts:
        return f"{row.status}, and Cal.com may still book it"
    if row.status == Status.FAILED and row.error not in ANSWERS:
        return f"failed, by {row.error or 'nothing'}"
    return None


def over(world: World) -> bool:
    """Say whether it has come to its end, or to a hold of which the rule itself says so."""
    row = world.row
    if row.reason == HoldReason.BLIND_KEY:
        return not _sees(world)  # a type that is there again is asked for
    return row.status in FINAL or row.reason == HoldReason.SUSPECT or waits_for_its_type(row)
