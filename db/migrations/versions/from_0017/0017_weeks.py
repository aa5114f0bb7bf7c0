"""Cancels of some weeks of a series: which ones are meant. They do not end their booking while another week lives."""

import sqlalchemy as sa
from alembic import op

from db.migrating.parts import Added, Check

revision = "0017_weeks"
down_revision = "0016_restored"

# Null: the whole booking, as before. Workers of before cancel a whole series; their claims write tokens of version 4,
# which the CHECK refuses for a change that means some weeks. The new claim writes tokens of version 8.
_CHECKS = {
    "scope_known": "scope IN ('following', 'one')",
    "scope_has_week": "num_nonnulls(scope, week) IN (0, 2) AND (scope IS NULL OR kind = 'cancel')",
    "weeks_claimed": "scope IS NULL OR status <> 'changing' OR substr(CAST(claim_token AS text), 15, 1) = '8'",
}
ADDED = (
    Added("booking_changes", "ADD COLUMN IF NOT EXISTS scope text, ADD COLUMN IF NOT EXISTS week timestamptz"),
    *(
        Added(
            "booking_changes",
            f"DROP CONSTRAINT IF EXISTS booking_changes_{name},"
            f" ADD CONSTRAINT booking_changes_{name} CHECK ({rule}) NOT VALID",
        )
        for name, rule in _CHECKS.items()
    ),
)
BUILT = tuple(Check("booking_changes", f"booking_changes_{name}") for name in _CHECKS)
# A booking that is asked for again is wanted; the cancel of some weeks, which was sent, does not cancel it.
_WANTED_AGAIN = "withdraw_changes()", "AND kind = 'cancel' AND", "AND kind = 'cancel' AND scope IS NULL AND"
# What a change that was refused, failed or expired tells its caller.
_CAUSE = (
    "tell_of_change()",
    "jsonb_build_object('may_have_moved', NEW.may_have_moved))",
    "jsonb_build_object('may_have_moved', NEW.may_have_moved, 'error_type', NEW.error_type, 'wanted', NEW.start_at))",
)
_TOLD = "tell_of_change()", "'status', NEW.status)", "'status', NEW.status, 'scope', NEW.scope)"
_FUNCTIONS = (_WANTED_AGAIN, _TOLD, _CAUSE)
# The code of before takes them for cancels of the whole series; so it would one that has failed, at `booking retry`.
_OPEN = """
SELECT EXISTS (
    SELECT FROM booking_changes
    WHERE scope IS NOT NULL AND status IN ('waiting', 'pending', 'changing', 'retrying', 'held')
)
"""


def upgrade() -> None:
    for function, before, after in _FUNCTIONS:
        _define(function, before, after)


def downgrade() -> None:
    if op.get_bind().execute(sa.text(_OPEN)).scalar():
        raise ValueError("there are open cancels of some weeks of a series: this migration stays")
    for function, before, after in _FUNCTIONS:
        _define(function, after, before)
    op.execute("DELETE FROM booking_changes WHERE scope IS NOT NULL")
    op.execute("ALTER TABLE booking_changes DROP COLUMN scope, DROP COLUMN week")


def _define(function: str, before: str, after: str) -> None:
    """Define a trigger's function again, with one condition changed."""
    conn = op.get_bind()
    now = sa.text("SELECT pg_get_functiondef(CAST(:name AS regprocedure))")
    text: str = conn.execute(now, {"name": function}).scalar_one()
    if before not in text:
        raise ValueError(f"{function} is not what the migrations before have made")
    conn.exec_driver_sql(text.replace(before, after))
