"""The order of the line by need; where a booking lives, whom it awaits; event types that change."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010_line"
down_revision = "0009_metric_totals"

_MOMENT = sa.DateTime(timezone=True)
_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "answer_by": _MOMENT,
    "awaits_host": sa.Boolean(),
    "checked_at": _MOMENT,
    "booked_start_at": _MOMENT,
}
_INDEXES = {
    "appointments_lost_often": "status IN ('booking', 'retrying') AND leases_lost > 0",
    "appointments_resting": "status = 'held' AND hold_reason = 'unreachable' AND probe_failures >= 3",
}
# A row without them was asked by a worker of the version before: its type may confirm, and nobody sees all of it.
_OF_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "kind_changed_at": _MOMENT,
    "looked_at": _MOMENT,
    "confirms_free_email": sa.Boolean(),
    "personal": sa.Boolean(),
    "length_minutes": sa.Integer(),
}


def upgrade() -> None:
    # now() is evaluated once: PostgreSQL keeps the default of the old rows in its catalogue, and rewrites nothing.
    # A worker of the version before writes no line_at: its rows take their place by the moment of their INSERT.
    op.add_column("appointments", sa.Column("line_at", _MOMENT, nullable=False, server_default=sa.func.now()))
    op.execute(
        "UPDATE appointments SET line_at = requested_at WHERE status IN ('pending', 'booking', 'retrying', 'held')"
    )
    for name, kind in _COLUMNS.items():
        op.add_column("appointments", sa.Column(name, kind))
    for name, where in _INDEXES.items():
        op.create_index(name, "appointments", ["id"], postgresql_where=sa.text(where))
    op.create_index(
        "appointments_line",
        "appointments",
        ["hold_reason", "line_at", "id"],
        postgresql_where=sa.text("status = 'held'"),
        postgresql_include=["probe_failures", "outcome_unknown"],
    )
    op.create_index(
        "appointments_answer_by",
        "appointments",
        ["answer_by"],
        postgresql_where=sa.text(
            "status IN ('pending', 'held', 'retrying') AND NOT outcome_unknown AND answer_by IS NOT NULL"
        ),
    )
    for name, kind in _OF_TYPES.items():
        op.add_column("calcom_event_types", sa.Column(name, kind))


def downgrade() -> None:
    for name in reversed(_OF_TYPES):
        op.drop_column("calcom_event_types", name)
    for name in _INDEXES:
        op.drop_index(name, "appointments")
    for name in reversed(_COLUMNS):
        op.drop_column("appointments", name)
    op.drop_column("appointments", "line_at")
