"""Keys as requests are given them now, so that what was asked for before is known again: NFC, and slugs in lower case.

A key whose new spelling another booking has already stays as it is: these were two requests, and both are kept.
"""

import hashlib
import json
import unicodedata
from collections.abc import Callable
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006_keys"
down_revision = "0005_evidence"

_SLUGS = ("organization_slug", "team_slug", "username", "event_type_slug")
# All but ASCII is looked at in Python: what PostgreSQL knows of letters depends on its locale.
_GIVEN = sa.text("""
SELECT id, idempotency_key FROM appointments WHERE NOT key_derived AND idempotency_key COLLATE "C" ~ '[^ -~]'
""")
_DERIVED = sa.text("""
SELECT *
FROM appointments
WHERE key_derived AND status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')
    AND concat(organization_slug, team_slug, username, event_type_slug) COLLATE "C" ~ '[^a-z0-9._-]'
""")
_WRITE = sa.text("""
UPDATE appointments
SET idempotency_key = :key
WHERE id = :id AND NOT EXISTS (
    SELECT FROM appointments AS other
    WHERE other.idempotency_key = :key AND other.key_derived = :derived
        AND (NOT other.key_derived OR other.status IN ('pending', 'booking', 'retrying', 'held', 'confirmed'))
)
""")


def upgrade() -> None:
    conn = op.get_bind()
    for row in conn.execute(_GIVEN).all():
        key = unicodedata.normalize("NFC", row.idempotency_key)
        if key != row.idempotency_key:
            conn.execute(_WRITE, {"id": row.id, "key": key, "derived": False})
    _derive_again(str.lower)


def downgrade() -> None:
    # Given keys stay in NFC: how they were written is not kept anywhere.
    _derive_again(str)


def _derive_again(spell: Callable[[str], str]) -> None:
    """Write derived keys with slugs spelled so, as tasks/request/idempotency.py derives them (rule auto1)."""
    conn = op.get_bind()
    for row in conn.execute(_DERIVED).mappings().all():
        start = row["start_at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        attendee = row["attendee_email"] or row["attendee_phone"]
        slugs: list[Any] = [None if row[name] is None else spell(row[name]) for name in _SLUGS]
        parts = json.dumps([row["event_type_id"], *slugs, start, attendee], separators=(",", ":"))
        key = f"auto1-{hashlib.sha256(parts.encode('ascii')).hexdigest()[:40]}"
        if key != row["idempotency_key"]:
            conn.execute(_WRITE, {"id": row["id"], "key": key, "derived": True})
