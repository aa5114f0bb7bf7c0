"""Indexes of operators' actions: the call marks of a booking, and the actions of one person or of one kind."""

from alembic import op

revision = "0005_actions"
down_revision = "0004_at_least"

LOCKED = ("operator_actions",)  # a row for each action of an operator: its indexes take a moment

_STATEMENTS = """
-- call_marks: a mark is about one booking.
CREATE INDEX operator_actions_calls ON operator_actions ((ids[1]), id)
WHERE action IN ('called', 'not_called');
-- recorded: the actions of one person, of one kind, of both
CREATE INDEX operator_actions_who ON operator_actions (who, id);
CREATE INDEX operator_actions_action ON operator_actions (action, id);
CREATE INDEX operator_actions_who_action ON operator_actions (who, action, id)
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    names = "operator_actions_calls, operator_actions_who, operator_actions_action, operator_actions_who_action"
    op.execute(f"DROP INDEX {names}")
