"""A later release's revisions: those of today and one more, which adds a column, for tests of going there and back."""

import shutil
from pathlib import Path

import pytest

from db import revisions

TODAY = [
    "0001_initial",
    "0002_settled",
    "0003_in_line",
    "0004_at_least",
    "0005_actions",
    "0006_accounts",
    "0007_api_keys",
    "0008_breaker_accounts",
    "0009_changes",
    "0010_callbacks",
    "0011_lines",
    "0012_wishes",
    "0013_key_accounts",
    "0014_rescheduling",
    "0015_services",
    "0016_restored",
    "0017_weeks",
    "0018_front_door",
    "0019_moves_wait",
    "0020_late_looks",
    "0021_audited_where_it_is",
    "0022_one_queue",
    "0024_receivers",
    "0025_voice_secrets",
    "0026_own_bookings",
    "0028_causes",
    "0029_times",
    "0031_callback_events",
]
LATER = "0099_later"
FIRST, LAST = TODAY[0], TODAY[-1]
ALL = [*TODAY, LATER]
_REVISION = f'''"""A column of a later release."""

import sqlalchemy as sa
from alembic import op

revision = "{LATER}"
down_revision = "{LAST}"


def upgrade() -> None:
    op.add_column("appointments", sa.Column("later", sa.Text))


def downgrade() -> None:
    op.drop_column("appointments", "later")
'''


def release_later(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this code one more revision, kept in a folder that is not there yet."""
    shutil.copytree(Path(revisions.__file__).parent / "migrations", folder)
    (folder / "versions" / f"{LATER}.py").write_text(_REVISION, "utf-8")
    monkeypatch.setattr(revisions, "_FOLDER", folder)
