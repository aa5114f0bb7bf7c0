"""The tables of figures that are counted once, and of operators' actions."""

from functools import partial

from sqlalchemy import BigInteger, Column, Double, Identity, Integer, SmallInteger, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY

from db.models.bookings import JSON, MOMENT, metadata, required

_count = partial(Column, type_=Integer, nullable=False, server_default="0")
_place = partial(Column, type_=BigInteger, nullable=False, server_default="0")

# What happened in one minute of Postgres's clock, in the whole fleet; one without a row had nothing, or is not counted.
booking_minutes = Table(
    "booking_minutes",
    metadata,
    Column("minute", MOMENT, primary_key=True),
    _count("accepted"),
    _count("confirmed"),
    _count("rejected"),
    _count("failed"),
    _count("expired"),
    _count("cancelled"),
    _count("retries"),
    Column("held", Integer),  # at the last health check in it; null: there was none
)


# How far booking_minutes has come: the one row of it (db/sql/count_minutes.sql says how).
counted_bookings = Table(
    "counted_bookings",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, server_default="1"),
    _place("event_id"),  # counted up to here
    _place("appointment_id"),
    _place("seen_event_id"),  # the newest when last looked at; counted once all who wrote then are done
    _place("seen_appointment_id"),
    required("writers", ARRAY(Text), server_default=text("'{}'::text[]")),  # transactions that wrote then
    Column("seen_at", MOMENT),
    Column("whole_at", MOMENT),  # the look before: all that began before it stands at or below what was seen
    Column("counted_until", MOMENT),  # all that was written before this moment is counted; null: not so far yet
)


# What Prometheus reads, totals that only grow; nothing prunes them.
metric_totals = Table(
    "metric_totals",
    metadata,
    Column("name", Text, primary_key=True),
    Column("labels", ARRAY(Text), primary_key=True),  # their values, in the order of the metric's names for them
    required("value", Double),
)


# What one reason holds, as the last health check counted it: one row a reason, also of those that hold nothing.
held_now = Table(
    "held_now",
    metadata,
    Column("reason", Text, primary_key=True),
    required("count", Integer),
    required("at_risk", Integer),
    Column("oldest_held_at", MOMENT),
    Column("oldest_requested_at", MOMENT),
    Column("first_start", MOMENT),
    Column("next_until", MOMENT),
    required("counted_at", MOMENT),
)


# What is held by which cause, as the same count found it: one row, written where a reason holds more than a thousand.
causes_now = Table(
    "causes_now",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, server_default="1"),
    required("counted_at", MOMENT),
    required("rows", JSON),
)


# What an operator did or looked at, by which way and why; `request_id` makes a double click one action.
operator_actions = Table(
    "operator_actions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    required("request_id", Uuid),
    required("who", Text),
    required("via", Text),
    required("action", Text),
    required("target", JSON, server_default=text("'{}'::jsonb")),
    Column("why", Text),
    required("asked_at", MOMENT, server_default=func.now()),
    Column("done_at", MOMENT),  # null: it goes on, or was broken off
    Column("refused", Text),
    Column("epoch_seen", BigInteger),  # of the breaker, or of the one booking, as the preview showed it
    Column("ids", ARRAY(BigInteger)),  # the very bookings that the preview counted
    _count("done"),
    _count("moved_on"),
    required("outcomes", JSON, server_default=text("'{}'::jsonb")),
)
