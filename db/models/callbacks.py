"""The tables of the callbacks: what is sent to callers of the HTTP API, and who of them fails."""

from sqlalchemy import BigInteger, Boolean, Column, Identity, Integer, Table, Text, false, func

from db.models.bookings import JSON, MOMENT, Xid8, metadata, required

# One callback of a booking; written by the triggers of db/migrations/initial/callbacks.sql alone.
callbacks = Table(
    "callbacks",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    required("appointment_id", BigInteger),
    required("sequence", Integer),  # in its booking, from 1
    required("api_key_id", BigInteger),  # whose secret signs it
    required("type", Text),
    required("data", JSON),  # what it says; nothing of a person
    required("about", JSON),  # what its sentence is made from, as it was at the move
    required("url", Text),
    required("host", Text),  # of the address, with its port
    required("tries", Integer, server_default="0"),
    required("claims", Integer, server_default="0"),  # times that it was given to a worker
    required("is_sending", Boolean, server_default=false()),  # a worker has it, until next_at
    Column("next_at", MOMENT),  # null: it is over, or an earlier one of its booking is not
    Column("trouble", Text),  # of the last try
    required("created_at", MOMENT, server_default=func.clock_timestamp()),
    Column("delivered_at", MOMENT),
    Column("given_up_at", MOMENT),
    Column("xid", Xid8, server_default=func.pg_current_xact_id()),  # null: written before the column was there
)

# What one API key is sent at one host is a receiver. One that has failed since it last answered has a row.
callback_receivers = Table(
    "callback_receivers",
    metadata,
    Column("host", Text, primary_key=True),
    Column("api_key_id", BigInteger, primary_key=True, autoincrement=False),
    required("failures", Integer),  # in a row
    Column("rests_until", MOMENT),
)

# A host of which some receiver has failed, and none has answered since.
callback_hosts = Table(
    "callback_hosts",
    metadata,
    Column("host", Text, primary_key=True),
    required("failures", Integer),  # receivers that were well before, in a row
    Column("rests_until", MOMENT),
)
