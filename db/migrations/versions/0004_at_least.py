"""Which counts of calls may lack some: they are kept as "at least", and no longer left out."""

from alembic import op

revision = "0004_at_least"
down_revision = "0003_in_line"

LOCKED = ("failure_metrics",)


def upgrade() -> None:
    op.execute("ALTER TABLE failure_metrics ADD COLUMN at_least boolean DEFAULT false NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE failure_metrics DROP COLUMN at_least")
