"""The values that labels may have: closed sets, so that no address, key, uid or free text is ever one of them."""

from tasks.calcom.access import CANCEL, CREATE
from tasks.calcom.reads import EVENT_TYPES, GET, LIST, ME, SLOTS

PREFIX = "booking_"
OTHER = "other"
ENDPOINTS = (CREATE, CANCEL, LIST, GET, SLOTS, EVENT_TYPES, ME)


def one_of(value: str, known: tuple[str, ...]) -> str:
    """Return a value that is known, else `other`: a process of another release may know more."""
    return value if value in known else OTHER
