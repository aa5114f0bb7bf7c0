"""Why a booking is held, as it is shown: one that is only behind others is in line."""

from alembic import op

from db.migrating.parts import Index

revision = "0003_in_line"
down_revision = "0002_settled"

# No word is added to the CHECK of hold_reason: processes of the release before would neither release what is held for
# it, nor read its row. What is in line keeps the hold_reason of those before it, and held_for says so
# (booking_client/states.py). `appointments_release`, which has the same order by the column, is theirs.
BUILT = (
    # listing, held_now: by request
    Index(
        "appointments_held_by",
        "appointments",
        "((CASE WHEN held_for = 'line' THEN 'in_line' ELSE hold_reason END), requested_at, id) WHERE status = 'held'",
    ),
)


def upgrade() -> None:
    """Do nothing: the index is built before."""


def downgrade() -> None:
    op.execute("DROP INDEX appointments_held_by")
