"""The names of our tables, and a schema of their own: in a database that has other tables, theirs come first.

A search path does not survive PgBouncer in transaction mode, which hands each transaction another connection of the
server. So each statement names the schema; without a schema of our own no statement is touched.
"""

import re
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

VERSION_TABLE = "booking_schema_version"  # a host's Alembic has its `alembic_version` to itself
TABLES = (
    "alert_deliveries", "alert_incidents", "api_keys", "appointment_events", "appointments", "booking_changes",
    "booking_minutes", "breaker_overrides", "calcom_accounts", "calcom_event_types", "calcom_webhooks",
    "callback_hosts", "callback_receivers", "callbacks", "causes_now", "change_wishes", "circuit_breaker_events",
    "counted_bookings",
    "failure_metrics", "heartbeats", "held_now", "metric_totals", "moved_starts", "nightly_audits", "operator_actions",
    "restored_bookings", "voice_secrets",
)  # fmt: skip
OPTION = "booking_schema"  # of an engine, and so of each of its connections
_FUNCTIONS = (
    "asked_before", "calcom_account_id", "calcom_account_name", "calcom_callers", "calcom_callers_at",
    "calcom_open_account", "is_on_the_way", "take_restored_booking", "takes_one",
)  # fmt: skip
_OURS = re.compile(rf"(?<![\w.])(?<!%\()(?:{'|'.join((*TABLES, *_FUNCTIONS))})\b(?! AS \()")


def schema_of(conn: Connection) -> str | None:
    """Return the schema that our tables have to themselves; None: the first of the search path."""
    schema: str | None = conn.get_execution_options().get(OPTION)
    return schema


@lru_cache(maxsize=2048)
def in_schema(sql: str, schema: str) -> str:
    """Return a statement with the schema before each name of ours, also where a text of it stands for a table."""
    return _OURS.sub(rf"{schema}.\g<0>", sql).replace("current_schema()", f"'{schema}'")


def name_schema(conn: Connection, _cursor: Any, sql: str, parameters: Any, *_: Any) -> tuple[str, Any]:
    """Name the schema in a statement, as SQLAlchemy's `before_cursor_execute` that may change it."""
    schema = schema_of(conn)
    return (in_schema(sql, schema) if schema else sql), parameters
