"""The values that labels may have: closed sets, so that no address, key, uid or free text is ever one of them."""

from db.calcom_webhooks import TOO_OLD
from tasks.calcom.access import CANCEL, CREATE
from tasks.calcom.reads import EVENT_TYPES, GET, LIST, ME, SLOTS
from tasks.calcom_webhooks.own import LookOutcome

PREFIX = "booking_"
OTHER = "other"
WAITS = "waits"  # Cal.com is still to be asked about the webhook
OUTCOMES = (WAITS, *(one.replace(" ", "_") for one in (*LookOutcome, TOO_OLD)), OTHER)
ENDPOINTS = (CREATE, CANCEL, LIST, GET, SLOTS, EVENT_TYPES, ME)


def one_of(value: str, known: tuple[str, ...]) -> str:
    """Return a value that is known, else `other`: a process of another release may know more."""
    return value if value in known else OTHER
