"""What the release window of a breaker calls the rows that it lets go: bookings and changes in one line."""

from db.appointments.appointment import Appointment
from db.changes.change import BookingChange

_OF_CHANGE = "c"


def change_item(change_id: int) -> str:
    """Return the item of a change's id."""
    return f"{_OF_CHANGE}{change_id}"


def change_of(item: str) -> int:
    """Return the id of a change's item."""
    return int(item.removeprefix(_OF_CHANGE))


def item_of(row: Appointment | BookingChange) -> str:
    """Return the item of a row."""
    return change_item(row.id) if isinstance(row, BookingChange) else str(row.id)
