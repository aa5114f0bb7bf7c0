"""What an agent says where no booking says it: what it asks the caller, and what is free. Beside those of bookings."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tasks.callers.languages import language_of, sentences


class Asked(StrEnum):
    """What the agent has to ask or to say."""

    START = "start"  # no day and time, or not one that is to come
    NO_SUCH_TIME = "no_such_time"  # the clocks skip it, or have it twice
    NAME = "name"
    CONTACT = "contact"  # neither an e-mail address nor a number
    EMAIL = "email"
    PHONE = "phone"
    WANTS_EMAIL = "wants_email"  # the event type does, and none came
    WANTS_PHONE = "wants_phone"
    QUESTION = "question"  # one of the event type's own, in its host's words and language
    ZONE = "zone"
    DETAILS = "details"  # something else is wrong
    SECOND = "second"  # the call has another booking
    ONCE_MORE = "once_more"  # the call has cancelled this booking
    KEEP = "keep"  # its cancel is noted, and was not sent yet
    WHICH = "which"  # the person or the start was not named, and the call has no booking, or several
    NOT_FOUND = "not_found"  # both were named, and no booking is theirs, or several are
    NEW_START = "new_start"  # it is to be moved, and nobody said to when
    OVER = "over"  # it has taken place
    SERIES = "series"
    OWN = "own"  # the same person has another request for that start
    CLOSED = "closed"  # the key's account is closed
    CANNOT = "cannot"  # no such tool, or not with this key
    ONE_AT_A_TIME = "one_at_a_time"
    STILL_AT_IT = "still_at_it"  # there was no time to know more
    FREE = "free"  # two times or three
    ONE_FREE = "one_free"
    NOTHING_FREE = "nothing_free"
    NOT_SEEN = "not_seen"  # Cal.com could not be asked


class ToolOutcome(StrEnum):
    """What has come of a tool whose sentence tells of no booking."""

    ASKED = "asked"  # nothing was done: the person has to say something first
    FREE = "free"  # which times are free, or that none is
    NOT_KNOWN = "not_known"  # there was no time to know more, or Cal.com could not be asked
    NOT_DONE = "not_done"  # it cannot be done, whatever the person says
    NOT_ACCEPTED = "not_accepted"  # nothing was stored; the same later may be


OUTCOMES: Mapping[Asked, ToolOutcome] = MappingProxyType(
    dict.fromkeys(Asked, ToolOutcome.ASKED)
    | dict.fromkeys((Asked.OVER, Asked.SERIES, Asked.CLOSED, Asked.CANNOT), ToolOutcome.NOT_DONE)
    | dict.fromkeys((Asked.FREE, Asked.ONE_FREE, Asked.NOTHING_FREE), ToolOutcome.FREE)
    | dict.fromkeys((Asked.STILL_AT_IT, Asked.NOT_SEEN), ToolOutcome.NOT_KNOWN)
)
ASKED: Mapping[str, Mapping[Asked, str]] = sentences("asked", Asked)


def asked_in(tag: str, asked: Asked) -> str:
    """Return what is asked, in the language of a tag as en-US; its holes are the caller's to fill."""
    return ASKED[language_of(tag)][asked]
