"""Put rows of the model into a real table, and read them back: what statements do is held against what steps do."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import count
from math import ceil
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, insert, select

from db.lifecycle import HoldReason, Status
from db.models.bookings import appointments as table
from tests.model.life.world_steps import SUSPECT_AFTER
from tests.model.rows import Row, renamed

TICK = 100.0  # seconds: far longer than the test takes
WAITED = 50 * TICK  # seconds
RESTED = 5  # seconds that what is held for a key, or for settings, rests (db/sql/release_due.sql)
STARTS_IN = 30 * 86400.0  # seconds
_HOLDS_FOR = {HoldReason.SETTLING: lambda row: row.settle, HoldReason.UNREACHABLE: lambda _: 0}  # ticks


def keep(conn: Connection, rows: Iterable[Row]) -> dict[int, Row]:
    """Write each row, as of now; return them by id."""
    now = conn.execute(select(func.now())).scalar_one()
    numbers = count(1)
    values = {next(numbers): row for row in rows}
    written = [_columns(number, row, now) for number, row in values.items()]
    ids = conn.execute(insert(table).returning(table.c.id, sort_by_parameter_order=True), written).scalars()
    return dict(zip(ids, values.values(), strict=True))


def read(conn: Connection) -> dict[int, Row]:
    """Read every row back, with moments as ticks from now."""
    now = conn.execute(select(func.now())).scalar_one()
    return {one["id"]: _row(one, now) for one in conn.execute(select(table)).mappings()}


def _columns(number: int, row: Row, now: Any) -> dict[str, Any]:
    def at(ticks: int) -> Any:
        return now + timedelta(seconds=ticks * TICK - (1 if ticks <= 0 else 0))

    held, claimed = row.status == Status.HELD, row.status == Status.BOOKING
    return {
        **{name: f"{name}-{number}" for name in ("idempotency_key", "payload_hash", "correlation_id", "task_id")},
        "uuid": UUID(int=number),
        "key_derived": False,
        "event_type_id": 101,
        "start_at": now + timedelta(seconds=STARTS_IN + number),  # else who asked for it before would be tried first
        "requested_at": now,
        "created_at": now - timedelta(seconds=1),  # moved since: what no worker has touched is a client's
        "attendee_name": "Ann Example",
        "attendee_email": f"ann{number}@example.com",
        "attendee_time_zone": "Europe/Berlin",
        "status": row.status,
        "hold_reason": row.reason or None,
        "held_at": now - timedelta(seconds=RESTED) if held else None,
        "hold_until": at(_HOLDS_FOR[row.reason](row)) if row.reason in _HOLDS_FOR else None,
        "held_for": "key" if row.reason in (HoldReason.CREDENTIALS, HoldReason.BLIND_KEY) else None,
        "outcome_unknown": row.unknown,
        "sent_at": now if row.unknown else None,
        "settle_at": at(row.settle) if row.unknown else None,
        "ends_at": at(row.ends) if row.unknown else None,
        "askable_since": now - timedelta(seconds=WAITED if row.waited else 0) if row.unknown else None,
        "evidence_posts": row.evidence,
        "looks": row.looks,
        "retry_count": row.retries,
        "error_type": row.error or None,
        "refusal": dict(row.refusal) or None,
        "leases_lost": row.lost,
        "cancel_requested": row.cancel,
        "calcom_booking_uid": "uid" if row.uid else None,
        "claim_token": UUID(int=number) if claimed else None,
        "lease_expires_at": at(row.lease) if claimed else None,
    }


def _row(one: Any, now: Any) -> Row:
    def ticks(moment: Any) -> int:
        return 0 if moment is None else ceil((moment - now).total_seconds() / TICK)

    error = one["error_type"] or ""
    return Row(
        status=Status(one["status"]),
        reason=one["hold_reason"] or "",
        unknown=one["outcome_unknown"],
        settle=max(0, ticks(one["settle_at"])),
        ends=max(0, ticks(one["ends_at"])),
        waited=one["askable_since"] is not None and (now - one["askable_since"]).total_seconds() >= WAITED,
        evidence=one["evidence_posts"],
        looks=one["looks"],
        retries=one["retry_count"],
        **renamed("error_type", error),
        refusal=tuple(sorted((one["refusal"] or {}).items())),
        lost=min(one["leases_lost"], SUSPECT_AFTER),
        cancel=one["cancel_requested"],
        uid=one["calcom_booking_uid"] is not None,
        lease=ticks(one["lease_expires_at"]),
    )
