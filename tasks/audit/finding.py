"""The verdicts of an audit on one booking (docs/audit.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from db.appointments.appointment import Appointment
from tasks.audit.listing import BookedPlace


class AuditFindingKind(StrEnum):
    """The kind of a disagreement between our record and Cal.com."""

    ABSENT = "absent_there"  # confirmed here, and Cal.com does not know it
    NOT_HERE = "not_here"  # booked there, with our reference, and not confirmed here
    CANCELLED = "cancelled_there"  # confirmed here
    MOVED = "moved_there"  # confirmed here with another uid or start, which its host or attendee has changed
    TWICE = "twice_there"  # one request, two live bookings or seats
    SERIES_CUT = "series_cut"  # confirmed here, and Cal.com made only some of its weeks
    HALF_MADE = "half_made"  # booked there without a seat, and without our reference


NAMES: Mapping[AuditFindingKind, str] = MappingProxyType(
    {
        AuditFindingKind.ABSENT: "confirmed here, absent there",
        AuditFindingKind.NOT_HERE: "there, not here",
        AuditFindingKind.CANCELLED: "cancelled there",
        AuditFindingKind.MOVED: "moved there",
        AuditFindingKind.TWICE: "there twice",
        AuditFindingKind.SERIES_CUT: "only some weeks there",
        AuditFindingKind.HALF_MADE: "half made there",
    }
)
"""The kinds as a person reads them."""


class Fix(StrEnum):
    """The ways to fix a finding safely."""

    CANCEL_HERE = "cancel_here"  # confirmed -> cancelled
    RECORD_UID = "record_uid"  # as the uid of a late 201 is recorded
    FOLLOW = "follow"  # write uid and start of where it is
    CANCEL_DOUBLE = "cancel_double"  # cancel at Cal.com the booking or seat that is not our row's


class NoFinding(StrEnum):
    """The reason why there is no finding."""

    AGREES = "agrees"
    UNDER_WAY = "under_way"  # its outcome is unknown, or a worker is finding its outcome now
    CHANGING = "changing"  # by a cancel or a move of ours, or so lately that Cal.com may show what was before
    TOO_YOUNG = "too_young"  # the row changed so lately that Cal.com's answer may be older
    CANNOT_TELL = "cannot_tell"  # the booking is not listed, and Cal.com's answer about it could not be read


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One disagreement; `row` None: no row has this reference. `fix` may cancel the `doubles`."""

    kind: AuditFindingKind
    message: str
    reference: str
    row: Appointment | None
    there: tuple[BookedPlace, ...] = ()
    fix: Fix | None = None
    doubles: tuple[BookedPlace, ...] = ()


def finding(
    kind: AuditFindingKind, row: Appointment, message: str, there: Sequence[BookedPlace] = (), fix: Fix | None = None
) -> AuditFinding:
    """Return a finding of a row."""
    return AuditFinding(kind, message, str(row.uuid), row, tuple(there), fix)


def names(places: Sequence[BookedPlace]) -> str:
    """Return the names of bookings and seats, in one line for a person."""
    return " and ".join(place.name for place in places)


def uid_of(row: Appointment) -> str:
    """Return the uid of a row's booking, and of its seat if it has one, for a person."""
    seat = f", seat {row.calcom_seat_uid}" if row.calcom_seat_uid else ""
    return f"{row.calcom_booking_uid}{seat}"
