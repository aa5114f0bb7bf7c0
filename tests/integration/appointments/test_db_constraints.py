"""The database refuses the impossible, whichever process writes it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from db.lifecycle import HoldReason, Status
from db.models.resilience import alert_incidents, breaker_overrides, circuit_breaker_events, failure_metrics
from db.monitoring import breaker_events

NOW = datetime.now(UTC)
HELD = {"status": Status.HELD, "hold_reason": HoldReason.SUSPECT, "held_at": NOW}
LEASED = {"claim_token": uuid4(), "lease_expires_at": NOW}
UNKNOWN = {"outcome_unknown": True, "sent_at": NOW, "settle_at": NOW}

IMPOSSIBLE: list[tuple[str, dict[str, Any]]] = [
    ("confirmed_has_booking_uid", {"status": Status.CONFIRMED}),
    ("held_has_reason", {"status": Status.HELD}),
    ("held_has_reason", HELD | {"held_at": None}),
    ("held_has_reason", HELD | {"hold_reason": None}),
    ("held_has_reason", HELD | {"status": Status.PENDING}),
    ("held_has_reason", {"hold_until": NOW}),
    ("held_has_reason", {"held_for": "print"}),
    ("booking_has_lease", {"status": Status.BOOKING}),
    ("booking_has_lease", {"status": Status.BOOKING, "claim_token": uuid4()}),
    ("booking_has_lease", LEASED),
    ("settling_has_end", HELD | {"hold_reason": HoldReason.SETTLING, "settle_at": NOW}),
    ("settling_has_end", HELD | {"hold_reason": HoldReason.SETTLING, "hold_until": NOW}),
    ("unknown_has_settle_at", UNKNOWN | {"settle_at": None}),
    ("unknown_has_settle_at", UNKNOWN | {"sent_at": None}),
    *(
        ("final_is_known", UNKNOWN | {"status": status, "calcom_booking_uid": "uid"})
        for status in (Status.CONFIRMED, Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED)
    ),
    *(("counts_not_negative", {name: -1}) for name in ("leases_lost", "resends", "looks", "posts", "probe_failures")),
    ("retry_count_not_negative", {"retry_count": -1}),
    *(("evidence_not_negative", {name: -1}) for name in ("evidence_posts", "series_weeks", "series_of")),
    ("ends_after_start", {"start_at": NOW, "end_at": NOW}),
    ("length_positive", {"length_in_minutes": 0}),
    ("event_type_named", {"event_type_id": None}),
    ("event_type_named", {"event_type_id": None, "event_type_slug": "visit"}),
    ("event_type_named", {"event_type_id": None, "username": "ann"}),
    ("attendee_reachable", {"attendee_email": None}),
]


@pytest.mark.parametrize(("rule", "columns"), IMPOSSIBLE)
def test_an_impossible_booking_cannot_be_written(shared: Any, rule: str, columns: dict[str, Any]) -> None:
    """Each CHECK refuses what it is there for."""
    row = shared.keep()

    with pytest.raises(IntegrityError, match=f"appointments_{rule}"):
        shared.write(row.id, **columns)


@pytest.mark.parametrize("column", ["status", "hold_reason", "resilience_strategy"])
def test_a_word_that_nobody_knows_cannot_be_written(shared: Any, column: str) -> None:
    """A typing error in another program's SQL is refused as well."""
    row = shared.moved(Status.HELD, hold_reason=HoldReason.SUSPECT) if column == "hold_reason" else shared.keep()

    with shared.engine.begin() as conn, pytest.raises(IntegrityError, match=f"appointments_{column}_known"):
        conn.exec_driver_sql(f"UPDATE appointments SET {column} = 'ended' WHERE id = {row.id}")  # noqa: S608 - our own


MOMENT = {"window_start": NOW, "window_end": NOW + timedelta(minutes=1)}
METRIC = {"service": "calcom", "error_type": "timeout", **MOMENT}
TRANSITION = {"service": "calcom", "old_state": "closed", "new_state": "open", "reason": "5 in 60 s", "epoch": 7}
OVERRIDE = {"service": "calcom", "mode": "open", "by": "operator", "why": "maintenance"}
INCIDENT = {"kind": "breaker_open", "detail": {}}


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (failure_metrics, METRIC),
        (circuit_breaker_events, TRANSITION),
        (breaker_overrides, OVERRIDE),
        (alert_incidents, INCIDENT),
    ],
)
def test_what_happened_once_is_written_once(record: Any, model: Any, values: dict[str, Any]) -> None:
    """Nulls count as equal: a kill between event and row, or two aggregations of one window, write nothing twice."""
    with record.engine.begin() as conn:
        conn.execute(insert(model).values(**values))

    with pytest.raises(IntegrityError), record.engine.begin() as conn:
        conn.execute(insert(model).values(**values))


def test_breakers_of_several_accounts_may_change_in_one_moment(record: Any) -> None:
    """Each is written, once; the record of the endpoint does not show these."""
    changes = [TRANSITION | {"endpoint": "bookings.create", "account_id": account} for account in (7, 8, 7)]
    with record.engine.begin() as conn:
        written = breaker_events.record_transitions(conn, [change | {"created_at": NOW} for change in changes])
        shown = breaker_events.latest(conn, "calcom", 10)
        outage = breaker_events.last_outage(conn, "calcom", "bookings.create")

    assert (written, shown, outage.began) == (2, [], None)


@pytest.mark.parametrize(
    ("model", "values", "ended"),
    [(breaker_overrides, OVERRIDE, {"lifted_at": NOW}), (alert_incidents, INCIDENT, {"closed_at": NOW})],
)
def test_what_has_ended_may_happen_again(
    record: Any, model: Any, values: dict[str, Any], ended: dict[str, Any]
) -> None:
    """An order that was lifted, or an incident that was closed, stands in nobody's way."""
    with record.engine.begin() as conn:
        for _ in range(2):
            conn.execute(insert(model).values(**values, **ended))
        conn.execute(insert(model).values(**values))


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": -1},
        {"severity": 0},
        {"severity": 4},
        {"success_rate": 1.01},
        {"success_rate": -0.01},
        {"window_end": NOW},
    ],
)
def test_an_impossible_metric_cannot_be_written(shared: Any, wrong: dict[str, Any]) -> None:
    """Shares lie between 0 and 1, severities between 1 and 3, and a window has a length."""
    with pytest.raises(IntegrityError, match="failure_metrics_"), shared.engine.begin() as conn:
        conn.execute(insert(failure_metrics).values(**METRIC | wrong))


@pytest.mark.parametrize("wrong", [{"mode": "half"}, {"mode": "credentials"}])
def test_an_impossible_order_cannot_be_written(shared: Any, wrong: dict[str, Any]) -> None:
    """An order is one of three, and one about credentials names the key."""
    with pytest.raises(IntegrityError, match="breaker_overrides_"), shared.engine.begin() as conn:
        conn.execute(insert(breaker_overrides).values(**OVERRIDE | wrong))
