"""A later release's revisions: those of today and three more, which have each trait that a migration may have.

The first adds columns, a CHECK and an index beside others at work, the second builds an index alone, and the third
locks its tables, replaces an index and makes a table.
"""

import shutil
from pathlib import Path

import pytest

from db import revisions

TODAY = ["0001_tables"]
FIRST, LAST = TODAY[0], TODAY[-1]
_MARKED = '''"""Who wrote an event, and a mark of each booking."""

from alembic import op

from db.migrating.parts import Added, Check, Index

revision = "0097_marked"
down_revision = "{before}"

ADDED = (
    Added("appointment_events", "ADD COLUMN IF NOT EXISTS writer bigint"),
    Added("appointment_events", "ALTER COLUMN writer SET DEFAULT txid_current()"),
    Added(
        "appointments",
        "ADD COLUMN IF NOT EXISTS mark text,"
        " DROP CONSTRAINT IF EXISTS appointments_mark_known,"
        " ADD CONSTRAINT appointments_mark_known CHECK (mark IN ('red', 'green')) NOT VALID",
    ),
)
BUILT = (
    Check("appointments", "appointments_mark_known"),
    Index("appointment_events_writer", "appointment_events", "(writer, id) WHERE writer IS NOT NULL"),
)


def upgrade() -> None:
    """Do nothing: all of it is made before."""


def downgrade() -> None:
    op.execute("ALTER TABLE appointments DROP COLUMN mark")
    op.execute("ALTER TABLE appointment_events DROP COLUMN writer")
'''
_LISTED = '''"""An index of held bookings."""

from alembic import op

from db.migrating.parts import Index

revision = "0098_listed"
down_revision = "0097_marked"

BUILT = (Index("appointments_marked", "appointments", "(mark, id) WHERE status = 'held'"),)


def upgrade() -> None:
    """Do nothing: the index is built before."""


def downgrade() -> None:
    op.execute("DROP INDEX appointments_marked")
'''
_NAMED = '''"""Names of bookings; an index of events in the place of another one."""

from alembic import op

from db.migrating.parts import Index

revision = "0099_named"
down_revision = "0098_listed"

BUILT = (Index("appointment_events_story_new", "appointment_events", "(appointment_id, id) INCLUDE (kind)"),)
LOCKED = ("appointment_events", "appointments", "operator_actions")


def upgrade() -> None:
    op.execute("CREATE TABLE names (appointment_id bigint PRIMARY KEY REFERENCES appointments (id))")
    op.execute("ALTER TABLE appointments ADD COLUMN is_named boolean DEFAULT false NOT NULL")
    op.execute("CREATE INDEX operator_actions_asked ON operator_actions (asked_at)")
    op.execute("DROP INDEX appointment_events_story")
    op.execute("ALTER INDEX appointment_events_story_new RENAME TO appointment_events_story")


def downgrade() -> None:
    op.execute("DROP INDEX appointment_events_story")
    op.execute("CREATE INDEX appointment_events_story ON appointment_events (appointment_id, id)")
    op.execute("DROP INDEX operator_actions_asked")
    op.execute("ALTER TABLE appointments DROP COLUMN is_named")
    op.execute("DROP TABLE names")
'''
_REVISIONS = {"0097_marked": _MARKED.replace("{before}", LAST), "0098_listed": _LISTED, "0099_named": _NAMED}
MARKED, LISTED, NAMED = LATER = [*_REVISIONS]
ALL = [*TODAY, *LATER]


def write_later(folder: Path) -> None:
    """Write all revisions into a folder that is not there yet, for `tests.support.workers.later_cli`."""
    shutil.copytree(Path(revisions.__file__).parent / "migrations", folder)
    for name, text in _REVISIONS.items():
        (folder / "versions" / f"{name}.py").write_text(text, "utf-8")


def release_later(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this code the later revisions, kept in a folder that is not there yet."""
    write_later(folder)
    monkeypatch.setattr(revisions, "_FOLDER", folder)
