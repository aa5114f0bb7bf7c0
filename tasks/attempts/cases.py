"""What is known about a claimed row and its event type, as the rule of evidence reads it."""

from db.appointments.appointment import Appointment
from db.appointments.event_types import EventType
from tasks.attempts.evidence import Case
from tasks.attempts.outcome import Times
from tasks.attempts.refusal import refused_as
from tasks.calcom.reply import ErrorType
from tasks.work.decisions import BookingDecisions

SLOTS_KEPT = 2.1  # seconds: Cal.com caches its slots for 2 s (SLOTS_CACHE_TTL)
YOUNG = 30.0  # seconds after its first POST: sooner no customer has read Cal.com's mail and cancelled the booking
_GATEWAY = frozenset({ErrorType.HTTP_502, ErrorType.HTTP_503})


def case_of(row: Appointment, kept: EventType, times: Times, rules: BookingDecisions) -> Case:
    """Return the case of a row before its deciding lookup, whose answer is still to be added."""
    return Case(
        kind=kept.kind_of(row.sent_at),
        sight=kept.sight,
        settled=times.settled_in <= 0,
        ended=times.ends_in <= 0,
        slots_fresh=-times.settled_in >= SLOTS_KEPT,
        refusal=refused_as(row.refusal) if row.refusal else None,
        unclear=bool(row.refusal and row.refusal.get("untold")),
        cancel=row.is_unwanted_at_start,
        near=row.seconds_left(rules.timings.lead) <= 0,
        may_retry=rules.may_retry(row.retry_count, row.error_type),
        outage=rules.is_spared(row, row.error_type),
        waited=times.waited > rules.timings.wait_for_proof,
        missing=kept.deleted,
        unseen=row.error_type in _GATEWAY and times.sent_ago <= YOUNG,
    )
