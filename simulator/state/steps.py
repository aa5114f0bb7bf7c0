"""Let a POST do its work in steps with time between, as the real server does: that is where its doubles come from.

The shares are read off pairs of identical POSTs of 100 ms each, n ms apart: round robin makes one booking and a 400 up
to 20 ms (both have found the same host free), two bookings from 30 to 80 ms (the second no longer finds the first one's
host free, but has looked for an earlier booking before there was one), and one booking again from 100 ms on.
"""

from enum import StrEnum


class Step(StrEnum):
    """What a POST is about to do."""

    DEDUPE = "dedupe"  # look for this attendee's earlier booking
    AVAILABILITY = "availability"  # look whose calendar is free, and for seats who has one
    INSERT = "insert"  # write the booking, or the further seat
    SEAT = "seat"  # write the seat of a new booking: until then it is half made
    ANSWER = "answer"  # read it again, and answer


SHARES = {Step.DEDUPE: 0.05, Step.AVAILABILITY: 0.55, Step.INSERT: 0.8, Step.SEAT: 0.85, Step.ANSWER: 1.0}


class KilledError(Exception):
    """The process has died at a step; what was written before stays."""


class SplitError(Exception):
    """A transaction ran into its limit of 5 s: the ROLLBACK fell between two statements, and the later one stands."""
