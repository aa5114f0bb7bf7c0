"""`booking forget` and each column that can hold what was said of a person: none is passed over, and no new one."""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pytest
from sqlalchemy import text

from db.lifecycle import Status
from tasks import dependencies
from tasks.enqueue import enqueue_booking
from tests.integration.operations.test_forgetting import asking, dump, forget
from tests.support.callbacks.callers import LOOPBACK, key_with, move, sql
from tests.support.schema.texts import text_columns

_SAID = "Pat Example has an allergy to zebras"  # where it is found by the name
_ONLY = "an allergy to zebras"  # where it goes because of its booking, whatever it says
_JSON_ONLY = json.dumps({"note": _ONLY})
_JSON_SAID = json.dumps({"note": _SAID})

# What is written about the person, and into which columns: of the person's own booking, then elsewhere.
_OWN: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "appointments": {
            **dict.fromkeys(("idempotency_key", "payload_hash", "correlation_id", "last_error"), _ONLY),
            **dict.fromkeys(("location", "booking_fields_responses", "request_metadata", "refusal"), _JSON_ONLY),
            "guests": json.dumps([_ONLY]),
            "attendee_name": "Pat Example",
            "attendee_email": "pat@example.com",
            "attendee_phone": "+4930123456",
            "callback_url": "https://zebras.example.com/x",
        },
        "appointment_events": {"detail": json.dumps({"words": _ONLY, "at": _SAID})},
        "booking_changes": dict.fromkeys(
            ("reason", "idempotency_key", "correlation_id", "refusal", "last_error"), _ONLY
        ),
        "change_wishes": {"reason": _ONLY, "idempotency_key": _ONLY},
        "moved_starts": {"idempotency_key": _ONLY},
        "callbacks": {
            "data": json.dumps({"key": _ONLY}),
            "url": "https://zebras.example.com/x",
            "host": "zebras.example.com",
        },
        "operator_actions": {
            "why": _ONLY,
            "target": json.dumps({"start": "2030-03-02T10:00:00Z", "reason": _ONLY, "not_booked": False}),
            "refused": _ONLY,
        },
    }
)
_ELSEWHERE: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "alert_incidents": {"message": _SAID, "detail": _JSON_SAID},
        "breaker_overrides": {"why": _SAID},
        "circuit_breaker_events": {"context": json.dumps({"why": _SAID, "by": "operator"})},
        "nightly_audits": {"unfinished": _SAID},
        "operator_actions": {"why": _SAID, "target": _JSON_SAID, "refused": _SAID},
        "restored_bookings": {"attendee": "pat@example.com"},
        "callback_hosts": {"host": "zebras.example.com"},
        "callback_receivers": {"host": "zebras.example.com"},
        "failure_metrics": {"last_error_context": json.dumps({"correlation_id": _ONLY, "worker": "w"})},
    }
)
_NOBODY = {
    "one of a closed set": """
        appointment_events.kind appointment_events.by appointments.status appointments.hold_reason
        appointments.error_type appointments.resilience_strategy appointments.attendee_time_zone
        appointments.attendee_language booking_changes.kind booking_changes.status booking_changes.asked_by
        booking_changes.via booking_changes.scope booking_changes.hold_reason booking_changes.error_type
        booking_changes.resilience_strategy breaker_overrides.mode
        calcom_accounts.state calcom_event_types.kind calcom_webhooks.trigger calcom_webhooks.outcome
        callbacks.type callbacks.about change_wishes.kind circuit_breaker_events.old_state
        circuit_breaker_events.new_state circuit_breaker_events.reason failure_metrics.error_type
        held_now.reason causes_now.rows heartbeats.name metric_totals.name metric_totals.labels operator_actions.via
        operator_actions.action operator_actions.outcomes api_keys.scopes alert_incidents.kind
        voice_secrets.platform""",
    "a number or a hash of ours, or of Cal.com's": """
        appointments.task_id appointments.held_for appointments.calcom_booking_uid
        appointments.calcom_seat_uid appointments.series_uid booking_changes.task_id booking_changes.from_uid
        booking_changes.from_seat_uid booking_changes.to_uid booking_changes.to_seat_uid
        booking_changes.weeks_named booking_changes.held_for breaker_overrides.key_fingerprint
        calcom_accounts.key_fingerprint calcom_accounts.encrypted_key calcom_event_types.key_fingerprint
        calcom_webhooks.uid calcom_webhooks.old_uid nightly_audits.findings counted_bookings.writers
        alert_deliveries.sink api_keys.handle alert_incidents.subject
        voice_secrets.fingerprint voice_secrets.encrypted_secret""",
    "a name of a host, an account, a key or an operator": """
        appointments.event_type_slug appointments.username appointments.team_slug
        appointments.organization_slug restored_bookings.event_type_slug calcom_event_types.event_type
        booking_changes.service breaker_overrides.service calcom_accounts.name calcom_accounts.service
        calcom_accounts.base_url circuit_breaker_events.service circuit_breaker_events.endpoint
        failure_metrics.service failure_metrics.endpoint operator_actions.who breaker_overrides.by
        breaker_overrides.lifted_by api_keys.name api_keys.callback_url api_keys.allowed_callback_hosts""",
    "a sentence of ours about a server": "callbacks.trouble alert_deliveries.trouble",
}
_ROWS = """
INSERT INTO booking_changes (
    appointment_id, account_id, service, kind, status, start_at, reason, asked_by, via, correlation_id, task_id,
    line_at
) VALUES (1, 1, 'calcom', 'cancel', 'refused', now(), '', 'caller', 'python', 'x', 'x', now());
INSERT INTO change_wishes (appointment_id, kind) VALUES (1, 'cancel');
INSERT INTO moved_starts (appointment_id, start_at, account_id) VALUES (1, now(), 1);
INSERT INTO operator_actions (request_id, who, via, action, ids)
    VALUES (gen_random_uuid(), 'o', 'page', 'reschedule', '{1}'), (gen_random_uuid(), 'o', 'page', 'open', NULL);
INSERT INTO alert_incidents (kind) VALUES ('change_held');
INSERT INTO breaker_overrides (service, mode, by, why, until) VALUES ('calcom', 'open', 'o', 'x', now());
INSERT INTO circuit_breaker_events (service, old_state, new_state, reason, epoch)
    VALUES ('calcom', 'closed', 'forced_open', 'x', 1);
INSERT INTO nightly_audits (night) VALUES (current_date);
INSERT INTO restored_bookings (reference, start_at, attendee, created_at, absent_from)
    VALUES (gen_random_uuid(), now(), 'x', now(), now());
INSERT INTO callback_hosts (host, failures) VALUES ('x', 1);
INSERT INTO callback_receivers (host, api_key_id, failures) VALUES ('x', 1, 1);
INSERT INTO failure_metrics (service, error_type, window_start, window_end)
    VALUES ('calcom', 'x', now(), now() + interval '1 min');
"""


@pytest.fixture(autouse=True)
def _deployment(settings: Callable[..., dict[str, str]]) -> None:
    settings(**LOOPBACK)


def plant(table: str, values: Mapping[str, object], condition: str = "true") -> None:
    """Write words into columns of the rows of a table."""
    assigned = ", ".join(f"{name} = CAST(:{name} AS {_kind(table, name)})" for name in values)
    with dependencies.current().engine.begin() as conn:
        changed = conn.execute(text(f"UPDATE {table} SET {assigned} WHERE {condition}"), dict(values))  # noqa: S608 - ours
    assert changed.rowcount > 0, table


def _kind(table: str, name: str) -> str:
    query = "SELECT data_type FROM information_schema.columns WHERE table_name = :table AND column_name = :name"
    return str(sql(query, table=table, name=name))


def columns(planted: Mapping[str, Mapping[str, object]]) -> set[str]:
    """Return the names of planted columns."""
    return {f"{table}.{name}" for table, values in planted.items() for name in values}


def test_each_column_of_text_is_forgotten_or_names_nobody() -> None:
    """A new column is one of them: who adds it decides."""
    nobody = [name for names in _NOBODY.values() for name in names.split()]
    planted = columns(_OWN) | columns(_ELSEWHERE)

    assert len(nobody) == len(set(nobody))
    assert planted & set(nobody) == set()
    assert planted | set(nobody) == text_columns()


def test_no_column_keeps_what_was_said_of_a_forgotten_person() -> None:
    """By anybody, and wherever it was written down."""
    assert enqueue_booking(asking(1), api_key_id=key_with("https://example.com/hooks")).appointment_id == 1
    move(1, Status.FAILED)
    with dependencies.current().engine.begin() as conn:
        conn.exec_driver_sql(_ROWS)
    for table, values in _OWN.items():
        plant(table, values, "ids IS NOT NULL" if table == "operator_actions" else "true")
    for table, values in _ELSEWHERE.items():
        plant(table, values, "ids IS NULL" if table == "operator_actions" else "true")
    sql("UPDATE appointment_events SET by = 'operator', detail = detail || :why", why=json.dumps({"why": _ONLY}))

    forget("pat@example.com")

    assert [line for line in dump().splitlines() if "zebras" in line or "pat ex" in line or "pat@" in line] == []
    kept = {"start": "2030-03-02T10:00:00Z", "not_booked": False}
    assert sql("SELECT target FROM operator_actions WHERE ids = '{1}' AND action = 'reschedule'") == kept
    assert sql("SELECT context FROM circuit_breaker_events") == {"by": "operator"}
    assert sql("SELECT last_error_context FROM failure_metrics") == {"correlation_id": "forgotten-1", "worker": "w"}


def test_a_host_that_callbacks_wait_for_keeps_its_rest() -> None:
    """Only hosts that nothing goes to are forgotten with the person's own."""
    key = key_with("https://example.com/hooks")
    assert [enqueue_booking(asking(day), api_key_id=key).appointment_id for day in (1, 2)] == [1, 2]
    move(1, Status.FAILED)
    sql("INSERT INTO callback_hosts (host, failures) VALUES ('example.com', 5), ('zebras.example.com', 5)")
    known = "INSERT INTO callback_receivers (host, api_key_id, failures) VALUES (:host, :key, 5)"
    for host in ("example.com", "zebras.example.com"):
        sql(known, host=host, key=key)

    forget("1")

    for table in ("callback_hosts", "callback_receivers"):
        assert sql(f"SELECT array_agg(host) FROM {table}") == ["example.com"], table  # noqa: S608 - ours
