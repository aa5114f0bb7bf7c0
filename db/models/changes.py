"""The tables of changes: wishes to cancel or to move a booking, and clients' wishes that nobody has read yet."""

from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, Column, Identity, Integer, Table, Text, Uuid, false, func, text

from booking_client.states import ChangeKind
from db.lifecycle import ChangeStatus, HoldReason, Strategy
from db.models.bookings import JSON, MOMENT, EnumText, metadata, required

__all__ = ["ChangeKind", "SeriesScope", "booking_changes", "change_wishes", "moved_starts"]


class SeriesScope(StrEnum):
    """Which weeks of a series a cancel means."""

    ALL = "all"  # the whole booking; stored as null
    FOLLOWING = "following"  # from a week on
    ONE = "one"  # one week


# A wish to cancel or to move one booking, and where it stands; constraints and indexes stand in the migration.
booking_changes = Table(
    "booking_changes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    required("appointment_id", BigInteger),
    required("account_id", Integer),  # of its booking
    required("service", Text),  # that account's Cal.com
    required("kind", EnumText(ChangeKind)),
    required("status", EnumText(ChangeStatus)),
    required("start_at", MOMENT),  # a reschedule: the wanted start; a cancel: that of its booking
    required("reason", Text),  # Cal.com's e-mail shows it to the attendee
    required("asked_by", Text),
    required("via", Text),
    Column("idempotency_key", Text),
    required("correlation_id", Text),
    required("task_id", Text),
    Column("scope", EnumText(SeriesScope)),  # which weeks of a series a cancel means; null: the whole booking
    Column("week", MOMENT),  # the start of the week that `scope` names
    Column("from_uid", Text),  # what its POSTs change: a booking, or a whole series; null: not at Cal.com yet
    Column("from_seat_uid", Text),
    Column("to_uid", Text),  # where the booking is after a reschedule
    Column("to_seat_uid", Text),
    Column("claim_token", Uuid),
    Column("lease_expires_at", MOMENT),
    required("leases_lost", Integer, server_default="0"),  # in a row
    Column("enqueued_at", MOMENT),
    Column("next_attempt_at", MOMENT),
    required("resends", Integer, server_default="0"),
    required("outcome_unknown", Boolean, server_default=false()),
    Column("settle_at", MOMENT),  # from when no POST of it can be at work
    Column("ends_at", MOMENT),  # from when absence, and that the booking still stands, may end it
    required("looks", Integer, server_default="0"),
    required("posts", Integer, server_default="0"),
    required("retry_count", Integer, server_default="0"),
    required("probe_failures", Integer, server_default="0"),
    required("may_have_moved", Boolean, server_default=false()),  # a POST may have changed the booking
    Column("refusal", Text),  # the answer to the latest POST, a refusal after one of unknown outcome
    required("weeks_named", JSON, server_default=text("'[]'::jsonb")),  # of a series: uids that a POST has named
    Column("hold_reason", EnumText(HoldReason)),
    Column("held_at", MOMENT),
    Column("hold_until", MOMENT),
    Column("held_for", Text),
    Column("error_type", Text),
    Column("last_error", Text),
    Column("resilience_strategy", EnumText(Strategy)),  # that it has waited long was told
    Column("late_look_at", MOMENT),  # when it is looked at once more, once it is over; null: no look is due
    required("late_looks", Integer, server_default="0"),
    required("line_at", MOMENT),  # its place in the line of bookings and changes
    required("requested_at", MOMENT, server_default=func.now()),
    required("updated_at", MOMENT, server_default=func.now()),
)

# A start, besides its own, that a booking answers for: it was moved from there or to there, or is to be.
moved_starts = Table(
    "moved_starts",
    metadata,
    Column("appointment_id", BigInteger, primary_key=True),
    Column("start_at", MOMENT, primary_key=True),
    required("account_id", Integer),
    Column("idempotency_key", Text),  # the derived key of a request for it; null: the booking has a given key
)

# A wish as a client stored it; the dispatcher makes it a change, and deletes it here (db/changes/wishes.py).
change_wishes = Table(
    "change_wishes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    required("appointment_id", BigInteger),
    required("kind", EnumText(ChangeKind)),
    Column("start_at", MOMENT),  # the wanted start; null: a cancel
    Column("reason", Text),
    Column("idempotency_key", Text),
    required("created_at", MOMENT, server_default=func.now()),
)
