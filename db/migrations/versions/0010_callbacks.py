"""Callbacks to callers, stored by the move's own transaction; and what Cal.com's webhooks tell."""

from pathlib import Path

from alembic import op

revision = "0010_callbacks"
down_revision = "0009_changes"

LOCKED = ("api_keys", "appointments", "booking_changes")

_STATEMENTS = Path(__file__).parents[1] / "callbacks.sql"
_DOWN = """
DROP TRIGGER appointments_tell ON appointments;
DROP TRIGGER appointments_tell_inserted ON appointments;
DROP TRIGGER appointments_take_callback_url ON appointments;
DROP TRIGGER booking_changes_tell ON booking_changes;
DROP FUNCTION tell_of_change(), tell_of_booking(), take_callback_url();
DROP FUNCTION write_callback(appointments, text, jsonb, jsonb);
DROP TABLE callbacks, callback_hosts, calcom_webhooks;
ALTER TABLE appointments DROP COLUMN callback_url;
ALTER TABLE api_keys DROP COLUMN callback_url, DROP COLUMN callback_off_at, DROP COLUMN allowed_callback_hosts,
    DROP COLUMN secret_version;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS.read_text("utf-8"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
