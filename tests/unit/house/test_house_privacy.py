"""docs/privacy.md names every column that may name a person."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Boolean, Date, DateTime, Float, Integer, Numeric

from tests.support.schema.models import all_tables

ROOT = Path(__file__).parents[3]
FIGURES = (Boolean, Date, DateTime, Float, Integer, Numeric)
NAMES_NOBODY = {
    "alert_deliveries": "sink trouble",
    "alert_incidents": "kind subject",
    "api_keys": "name handle key_hash old_hash scopes event_types callback_url allowed_callback_hosts",
    "appointment_events": "kind by xid",
    "appointments": "task_id status event_type_slug username team_slug organization_slug claim_token hold_reason "
    "held_for error_type resilience_strategy",
    "booking_changes": "service kind status via task_id scope claim_token hold_reason held_for error_type "
    "resilience_strategy",
    "breaker_overrides": "service mode key_fingerprint",
    "calcom_accounts": "name service base_url encrypted_key key_fingerprint state",
    "calcom_event_types": "key_fingerprint event_type kind",
    "calcom_webhooks": "trigger body_hash outcome",
    "callbacks": "type about trouble xid",
    "causes_now": "rows",
    "change_wishes": "kind",
    "circuit_breaker_events": "service endpoint old_state new_state reason",
    "counted_bookings": "writers",
    "failure_metrics": "service endpoint error_type response_time_buckets",
    "heartbeats": "name",
    "held_now": "reason",
    "metric_totals": "name labels",
    "nightly_audits": "token asked findings read_changes",
    "operator_actions": "request_id via action ids outcomes",
    "restored_bookings": "event_type_slug",
    "voice_secrets": "platform fingerprint encrypted_secret",
}
# When a person is forgotten; the ids are those under which the booking can be deleted at Cal.com.
KEPT = {
    "attendee_time_zone",
    "attendee_language",
    "uuid",
    "reference",
    "calcom_booking_uid",
    "calcom_seat_uid",
    "series_uid",
}
STAFF = {"who", "by", "lifted_by", "asked_by"}  # who acted, and no customer


def _personal() -> set[str]:
    """Return the columns of the table in the document."""
    document = (ROOT / "docs" / "privacy.md").read_text("utf-8").split("## Every field")[1].split("\n## ")[0]
    found, table = set(), ""
    for cell in re.findall(r"^\| (`.*?) \|", document, re.MULTILINE):
        for name in re.findall(r"`([\w.]+)`", cell):
            table, column = name.split(".") if "." in name else (table, name)
            found.add(f"{table}.{column}")
    return found


PERSONAL = _personal()


def test_each_column_of_text_is_told_or_names_nobody() -> None:
    """A new one is decided about, once."""
    words = {
        f"{table.name}.{column.name}"
        for table in all_tables().sorted_tables
        for column in table.columns
        if not isinstance(column.type, FIGURES)
    }
    nobody = {f"{table}.{name}" for table, names in NAMES_NOBODY.items() for name in names.split()}
    assert nobody & PERSONAL == set()
    assert nobody | PERSONAL == words


@pytest.mark.parametrize("column", sorted(PERSONAL))
def test_what_is_personal_is_forgotten(column: str) -> None:
    """Some statement of `booking forget` replaces the column, or deletes the row."""
    table, name = column.split(".")
    if name in KEPT | STAFF:
        return
    parts = [
        part
        for path in (ROOT / "db" / "sql").glob("forget_*.sql")
        for part in re.findall(
            r"(UPDATE|DELETE FROM) (\w+)\b(.*?)(?=UPDATE |DELETE |\Z)", path.read_text("utf-8"), re.DOTALL
        )
    ]
    assert any(of == table and (what != "UPDATE" or re.search(rf"\b{name} = ", rest)) for what, of, rest in parts)
