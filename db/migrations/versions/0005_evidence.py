"""What may end a booking whose outcome is unknown: its moments, its series, and what Cal.com told of its event type."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0005_evidence"
down_revision = "0004_report"

_MOMENT = sa.DateTime(timezone=True)
_COLUMNS = ("ends_at", "answered_at", "askable_since", "evidence_posts", "series_uid", "series_weeks", "series_of")
_LINE = ["hold_reason", "requested_at", "id"]
_ENDED = "status IN ('rejected', 'failed', 'expired', 'cancelled')"
_EVENT_TYPE = (
    "coalesce(event_type_id::text, ((coalesce(organization_slug || '/', '')"
    " || coalesce('team/' || team_slug, username)) || '/') || event_type_slug)"
)
_INDEXES: dict[str, tuple[list[str | sa.TextClause], str]] = {
    "appointments_unflagged": (
        ["requested_at"],
        "status = 'held' AND resilience_strategy IS DISTINCT FROM 'graceful_degradation'",
    ),
    "appointments_blind": (["start_at"], "status = 'held' AND hold_reason = 'blind_key'"),
    "appointments_suspects": (
        ["requested_at", "id"],
        "status = 'held' AND hold_reason = 'suspect' AND outcome_unknown",
    ),
    "appointments_confirmed_start": (["start_at", "id"], "status = 'confirmed'"),
    "appointments_ended_unknown": (["start_at", "id"], f"{_ENDED} AND sent_at IS NOT NULL"),
    "appointments_sent": (["sent_at"], "sent_at IS NOT NULL"),
    "appointments_confirmed_types": ([sa.text(_EVENT_TYPE), "id"], "status = 'confirmed'"),
    "appointments_uncounted_series": (
        ["ends_at"],
        "status = 'confirmed' AND series_uid IS NOT NULL AND series_weeks IS NULL",
    ),
    "appointments_ended_key": (["idempotency_key"], f"key_derived AND {_ENDED}"),
    "appointment_events_notable": (
        ["created_at"],
        "kind IN ('told_not_booked', 'series_cut', 'cancel_there', 'made_again', 'cancelling_double')",
    ),
}


def upgrade() -> None:
    # A constant default rewrites nothing: PostgreSQL keeps it in the catalogue, however large the table.
    # No CHECK asks for ends_at: workers of the version before do not write it, and live on beside this during a deploy.
    for name in ("ends_at", "answered_at", "askable_since"):
        op.add_column("appointments", sa.Column(name, _MOMENT))
    op.add_column("appointments", sa.Column("evidence_posts", sa.Integer, nullable=False, server_default="0"))
    op.add_column("appointments", sa.Column("series_uid", sa.Text))
    op.add_column("appointments", sa.Column("series_weeks", sa.Integer))
    op.add_column("appointments", sa.Column("series_of", sa.Integer))
    op.create_check_constraint(
        "appointments_evidence_not_negative", "appointments", "least(evidence_posts, series_weeks, series_of) >= 0"
    )
    # calcom_visibility stays: those workers still read it. A later revision drops it.
    op.create_table(
        "calcom_event_types",
        sa.Column("key_fingerprint", sa.Text, primary_key=True),
        sa.Column("event_type", sa.Text, primary_key=True),
        sa.Column("calcom_id", sa.BigInteger),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sight", sa.Boolean, nullable=False),
        sa.Column("seats", sa.Boolean, nullable=False),
        sa.Column("occurrences", sa.Integer),
        sa.Column("deleted", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("asked_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint(
            "kind IN ('plain', 'collective', 'round_robin', 'seats', 'round_robin_seats', 'confirmation',"
            " 'round_robin_series', 'other', 'unknown')",
            name="calcom_event_types_kind_known",
        ),
        sa.CheckConstraint("occurrences > 0", name="calcom_event_types_occurrences_positive"),
    )
    # Making an index reads its table once while everybody waits: the rows that a partial one leaves out are read, too.
    for name, (columns, where) in _INDEXES.items():
        table = "appointments" if name.startswith("appointments_") else "appointment_events"
        op.create_index(name, table, columns, postgresql_where=sa.text(where))

    _replace("appointments_held_for", ["hold_reason", "held_for"], where="status = 'held' AND held_for IS NOT NULL")
    _replace("appointments_release", _LINE, where="status = 'held'", include=["probe_failures", "outcome_unknown"])


def downgrade() -> None:
    _replace("appointments_release", _LINE, where="status = 'held'")
    _replace("appointments_held_for", ["hold_reason", "held_for"], where="status = 'held'")
    for name in _INDEXES:
        op.drop_index(name)
    op.drop_table("calcom_event_types")
    for name in _COLUMNS:  # the CHECK goes with its columns
        op.drop_column("appointments", name)


def _replace(name: str, columns: list[str], *, where: str, include: Sequence[str] = ()) -> None:
    op.drop_index(name, "appointments")
    op.create_index(
        name, "appointments", columns, postgresql_where=sa.text(where), postgresql_include=list(include) or None
    )
