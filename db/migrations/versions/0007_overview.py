"""What the page shows without reading everything: counts a minute, what is held now, and what operators ordered."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0007_overview"
down_revision = "0006_keys"

_MOMENT = sa.DateTime(timezone=True)
_EMPTY_OBJECT = sa.text("'{}'::jsonb")
_NO_WAITS = sa.text("'{0,0,0,0,0,0,0,0,0,0,0,0,0}'::integer[]")
_HELD = "status = 'held'"
_INDEXES: dict[str, tuple[list[str | sa.TextClause], str | None]] = {
    "appointments_status": (["status", "id"], None),
    "appointments_correlation": (["correlation_id", "id"], None),
    "appointments_booking_uid": (["calcom_booking_uid"], "calcom_booking_uid IS NOT NULL"),
    "appointments_held_start": (["start_at", "id"], _HELD),
    "appointments_held_asked": ([sa.text("timezone('UTC'::text, requested_at)"), "id"], _HELD),
}


def upgrade() -> None:
    _booking_minutes()
    op.create_table(
        "held_now",
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("at_risk", sa.Integer, nullable=False),
        sa.Column("oldest_held_at", _MOMENT),
        sa.Column("oldest_requested_at", _MOMENT),
        sa.Column("first_start", _MOMENT),
        sa.Column("next_until", _MOMENT),
        sa.Column("counted_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "operator_actions",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("request_id", sa.Uuid, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("via", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("target", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
        sa.Column("why", sa.Text),
        sa.Column("asked_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("done_at", _MOMENT),
        sa.Column("refused", sa.Text),
        sa.Column("epoch_seen", sa.BigInteger),
        sa.Column("ids", ARRAY(sa.BigInteger)),
        _count("done"),
        _count("moved_on"),
        sa.Column("outcomes", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
        sa.UniqueConstraint("request_id", name="operator_actions_request_id_key"),
    )
    op.add_column("failure_metrics", sa.Column("response_time_buckets", ARRAY(sa.Integer)))
    # Making an index reads its table once while its writers wait; workers of the version before know nothing of them.
    for name, (columns, where) in _INDEXES.items():
        op.create_index(name, "appointments", columns, postgresql_where=None if where is None else sa.text(where))


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, "appointments")
    op.drop_column("failure_metrics", "response_time_buckets")
    for table in ("operator_actions", "held_now", "counted_bookings", "booking_minutes"):
        op.drop_table(table)


def _booking_minutes() -> None:
    op.create_table(
        "booking_minutes",
        sa.Column("minute", _MOMENT, primary_key=True),
        *(_count(name) for name in ("accepted", "confirmed", "rejected", "failed", "expired", "cancelled", "retries")),
        sa.Column("released", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
        sa.Column("held", sa.Integer),
        sa.Column("wait_buckets", ARRAY(sa.Integer), nullable=False, server_default=_NO_WAITS),
    )
    op.create_table(
        "counted_bookings",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False, server_default="1"),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in _PLACES),
        sa.Column("writers", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'::text[]")),
        sa.Column("seen_at", _MOMENT),
        sa.Column("whole_at", _MOMENT),
        sa.Column("counted_until", _MOMENT),
        sa.CheckConstraint("id = 1", name="counted_bookings_one_row"),
    )


_PLACES = ("event_id", "appointment_id", "seen_event_id", "seen_appointment_id")


def _count(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")
