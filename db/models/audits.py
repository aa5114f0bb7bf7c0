"""The tables of audits: one row a night, and what Cal.com has of requests that a restored database has forgotten."""

from sqlalchemy import BigInteger, Column, Date, Integer, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY

from db.models.bookings import JSON, MOMENT, metadata, required

# One nightly audit, whichever process has it: how far it has come, and what it has found.
nightly_audits = Table(
    "nightly_audits",
    metadata,
    Column("night", Date, primary_key=True),
    Column("token", Uuid),  # of the process that audits
    Column("lease_expires_at", MOMENT),
    Column("next_at", MOMENT),  # not taken up before
    required("halts", Integer, server_default="0"),  # times that Cal.com's answers could not be read
    required("asked", ARRAY(BigInteger), server_default=text("'{}'::bigint[]")),  # rows that were judged one by one
    required("findings", JSON, server_default=text("'{}'::jsonb")),  # ids, or references that no row has, by kind
    required("read_changes", ARRAY(BigInteger), server_default=text("'{}'::bigint[]")),  # ids of `booking_changes`
    required("begun_at", MOMENT, server_default=func.now()),
    Column("ended_at", MOMENT),
    Column("unfinished", Text),  # why it ended before all was judged
)


# Bookings at Cal.com whose rows were lost with the database: a request that is made again gets its booking by the
# trigger in db/migrations/initial/audits.sql.
restored_bookings = Table(
    "restored_bookings",
    metadata,
    Column("reference", Uuid, primary_key=True),
    Column("event_type_id", BigInteger),
    Column("event_type_slug", Text),
    required("start_at", MOMENT),
    required("attendee", Text),  # the address, as Cal.com keeps it
    required("created_at", MOMENT),  # not later than the booking was made
    required("absent_from", MOMENT),  # before it, what is not listed may still be there
    Column("account_id", Integer, primary_key=True, server_default="1"),  # that sees it; several may
)
