"""All tables: bookings and what happens to them, accounts, callers, callbacks, what the patterns and the page keep."""

from pathlib import Path

from alembic import op

from db.namespace import TABLES

revision = "0001_tables"
down_revision = None

_STATEMENTS = Path(__file__).parents[1] / "initial"
_PARTS = (
    "accounts", "event_types", "api_keys", "bookings", "booking_indexes", "events", "changes", "change_triggers",
    "times", "callbacks", "webhooks", "resilience", "page", "audits",
)  # fmt: skip


def upgrade() -> None:
    for name in _PARTS:
        op.get_bind().exec_driver_sql((_STATEMENTS / f"{name}.sql").read_text("utf-8"))


def downgrade() -> None:
    # The functions that take a row of `appointments` go with it.
    op.execute("DROP FUNCTION is_on_the_way(appointments), write_callback(appointments, text, jsonb, jsonb)")
    op.execute(f"DROP TABLE {', '.join(TABLES)}")
    op.execute(
        "DROP FUNCTION asked_before(bigint, timestamptz, timestamptz, integer), calcom_account_id(text),"
        " calcom_account_name(integer), calcom_callers(text[]), calcom_callers_at(text[]), calcom_open_account(text),"
        " refuse_account(), say_what_is_open(), take_callback_url(), take_restored_booking(),"
        " take_restored_booking(bigint), takes_one(integer, text), tell_of_booking(), tell_of_change(),"
        " withdraw_changes()"
    )
