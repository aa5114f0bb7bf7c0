"""Record what a run has left, as the walk of the model reads it: our rows and events, Cal.com's log and books."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.environment import CONNECT_SECONDS, ChaosEnvironment

FILE = "trace.jsonl"
_MOMENT = "CAST(extract(epoch FROM {0}) AS float8) AS {0}"
_BOOKINGS = f"""
    SELECT id, uuid::text AS reference, account_id AS account, status, hold_reason, outcome_unknown, retry_count,
        calcom_booking_uid AS uid, calcom_seat_uid AS seat, series_uid AS series, cancel_requested, move_requested,
        error_type, posts,
        event_type_id AS type, {_MOMENT.format("requested_at")}, {_MOMENT.format("created_at")},
        {_MOMENT.format("start_at")}, {_MOMENT.format("answer_by")}, {_MOMENT.format("updated_at")}
    FROM appointments ORDER BY id
"""  # noqa: S608 - our own texts
_CHANGES = f"""
    SELECT id, appointment_id AS booking, kind, status, hold_reason, outcome_unknown, retry_count, from_uid,
        from_seat_uid AS from_seat, to_uid, posts, service, scope, {_MOMENT.format("requested_at")},
        {_MOMENT.format("start_at")}, {_MOMENT.format("updated_at")}
    FROM booking_changes ORDER BY id
"""  # noqa: S608 - our own texts
_EVENTS = f"""
    SELECT id, appointment_id AS booking, kind, by, detail, {_MOMENT.format("created_at")}
    FROM appointment_events ORDER BY id
"""  # noqa: S608 - our own texts
_TYPES = """
    SELECT event_type, calcom_id, kind, confirms_free_email, sight, seats, occurrences, deleted
    FROM calcom_event_types ORDER BY event_type, key_fingerprint
"""
_OF_A_CALL = ("n", "method", "target", "reference", "status", "whole", "fault", "uid", "seat_uid", "event_type_id")
_OF_THE_BOOKS = ("reference", "uid", "seatUid", "recurringBookingUid", "movedFrom", "halfMade", "start")
_READ = {"booking": _BOOKINGS, "change": _CHANGES, "type": _TYPES, "event": _EVENTS}


def record(environment: ChaosEnvironment, name: str, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what there is, each with its name; moments are seconds since the epoch, by one clock."""
    timings, policy = environment.dependencies.timings, environment.dependencies.policy
    yield (
        "part",
        {
            "name": name,
            "seed": seed,
            "timings": {
                of: getattr(timings, of)
                for of in ("deadline", "margin", "settle_unanswered", "settle_answered", "open", "lead", "max_age")
            },
            "retries": policy.max_attempts,
            "per_error": dict(policy.per_error),
            "delays": list(policy.delays),
            "jitter": policy.jitter,
            "lags": list(environment.part.lags),
        },
    )
    with psycopg.connect(
        environment.postgres.url, connect_timeout=CONNECT_SECONDS, row_factory=psycopg.rows.dict_row
    ) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for what, query in _READ.items():
            for row in conn.execute(query):
                yield what, row
    yield from of_calcom(environment.journal(), environment.books())


def of_calcom(
    journal: Iterable[dict[str, Any]], books: Iterable[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each call and each booking of Cal.com's own log and books."""
    calls = sorted(journal, key=itemgetter("t0"))
    for call in calls:
        began = _wall_time(call, call["t0"])
        after = {of: None if call[of] is None else _wall_time(call, call[of]) for of in ("t1", "committed_at")}
        yield "call", {**{of: call[of] for of in _OF_A_CALL}, "calcom": call["calcom"], "t0": began, **after}
    for line in books:
        # Not by the two clocks of today: where the machine has slept or its clock was set, they have grown apart.
        before = bisect_right(calls, line["history"][0][0], key=itemgetter("t0"))
        call = calls[max(before - 1, 0)]
        told = [(_wall_time(call, since), status) for since, status in line["history"]]
        yield "booked", {**{of: line[of] for of in _OF_THE_BOOKS}, "history": told}


def _wall_time(call: Mapping[str, Any], seconds: float) -> float:
    """Return when it was by the clock of the wall, in seconds since the epoch, by a call that has both clocks."""
    return datetime.fromisoformat(call["at"]).timestamp() + seconds - float(call["t0"])


def keep(recorded: Iterable[tuple[str, dict[str, Any]]], file: Path) -> None:
    """Write a record, a line of JSON each, to be walked again: `python -m tests.model.walk FILE`."""
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(f"{json.dumps({'is': what, **one})}\n" for what, one in recorded)
