"""The tables of Cal.com's reports: on event types in its answers, and on bookings by its webhooks."""

from sqlalchemy import BigInteger, Boolean, Column, Identity, Integer, LargeBinary, Table, Text, Uuid, false, func

from db.event_kind import EventKind
from db.models.bookings import MOMENT, EnumText, metadata, required

# An event type as Cal.com showed it to one key.
calcom_event_types = Table(
    "calcom_event_types",
    metadata,
    Column("key_fingerprint", Text, primary_key=True),
    Column("event_type", Text, primary_key=True),  # "101", or "team-or-user/slug"
    Column("calcom_id", BigInteger),
    required("kind", EnumText(EventKind)),  # by its confirmation policy alone
    Column("confirms_free_email", Boolean),  # confirmation of free e-mail addresses; null: not told
    Column("personal", Boolean),  # one user's own; null: not told
    required("sight", Boolean),  # the list shows this key every booking of it: a personal type, then
    required("seats", Boolean),
    Column("occurrences", Integer),  # weeks of a series; null: it does not recur
    Column("length_minutes", Integer),  # of a booking that names none
    Column("rescheduling_disabled", Boolean),  # null: not told
    required("deleted", Boolean, server_default=false()),
    required("asked_at", MOMENT, server_default=func.now()),  # when kind and sight were answered
    Column("kind_changed_at", MOMENT),  # when an answer last differed from the kind before it
    Column("looked_at", MOMENT),  # when a look for this missing type, which bookings wait for, last went
    required("account_id", Integer, server_default="1"),  # the account of the key
)

# A webhook of Cal.com's: a hint that a booking may have changed.
calcom_webhooks = Table(
    "calcom_webhooks",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    required("account_id", Integer),  # whose address it came to
    required("trigger", Text),
    required("uid", Text),
    Column("old_uid", Text),  # of the booking that was moved
    Column("reference", Uuid),  # ours; some triggers lack it
    required("told_at", MOMENT),  # by Cal.com's clock
    required("body_hash", LargeBinary),
    required("received_at", MOMENT, server_default=func.clock_timestamp()),
    required("looks", Integer, server_default="0"),
    Column("next_at", MOMENT),  # when Cal.com is asked; null: it is over
    Column("outcome", Text),
)
