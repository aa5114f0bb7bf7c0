"""Read what a run has left, our record and Cal.com's books, and have it judged; tell the story of what is wrong."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from db.lifecycle import FINAL, ChangeStatus
from tasks.maintenance import booking_minutes
from tests.chaos import blind, books, kept_counts, transactions
from tests.chaos.accounts import reading
from tests.chaos.books import PERSONS, Line, Row, Verdict
from tests.chaos.changes import books as change_books
from tests.chaos.changes import record as change_record
from tests.chaos.changes.books import Change
from tests.chaos.environment import CONNECT_SECONDS, ChaosEnvironment
from tests.chaos.kinds import KIND_OF, WEEKS
from tests.chaos.processes.caller import receipts
from tests.chaos.said import reading as said

if TYPE_CHECKING:
    from datetime import datetime

LOOKS = 5  # until all that has ended is seen, counted, and known to be whole
_ROWS = f"""
    SELECT id, uuid::text AS reference, status, hold_reason, event_type_id, calcom_booking_uid AS uid,
        calcom_seat_uid AS seat_uid, series_weeks AS weeks, refusal, cancel_requested, error_type, evidence_posts,
        coalesce(CAST(extract(epoch FROM (
            SELECT min(created_at) FROM appointment_events
            WHERE appointment_id = appointments.id AND kind = 'held' AND created_at >= settle_at
        ) - askable_since) AS float8), 0) AS waited,
        (
            SELECT CAST(call ->> 'status' AS integer)
            FROM appointment_events AS event, jsonb_array_elements(event.detail -> 'calls') AS call
            WHERE event.appointment_id = appointments.id AND call ->> 'endpoint' = 'bookings.create'
            ORDER BY event.id DESC LIMIT 1
        ) AS last_post,
        (
            SELECT max(created_at) FROM appointment_events
            WHERE appointment_id = appointments.id AND kind = 'rejected' AND detail ->> 'called' = 'false'
        ) AS lost_at,
        {change_record.START.format("coalesce(booked_start_at, start_at)")} AS start,
        EXISTS (SELECT FROM booking_changes WHERE appointment_id = appointments.id AND kind = 'reschedule')
        OR EXISTS (SELECT FROM appointment_events WHERE appointment_id = appointments.id AND kind = 'moved_there')
        AS moved
    FROM appointments ORDER BY id
"""  # noqa: S608 - our own texts
_STORIES = "SELECT appointment_id, created_at, kind FROM appointment_events ORDER BY id"
_LEARNED = {*FINAL, "moved_there", f"change_{ChangeStatus.DONE}"}  # events that say where a booking is
_ALERTS = "SELECT kind FROM alert_incidents WHERE closed_at IS NULL AND news > 0"
_EVENTS = "SELECT created_at::text, kind, by, detail FROM appointment_events WHERE appointment_id = {} ORDER BY id"

_TYPE = "SELECT to_jsonb(t) FROM calcom_event_types AS t WHERE event_type = '{}'"


@dataclass(frozen=True)
class Record:
    """Our side at one moment: all of one snapshot."""

    rows: list[Row]
    alerts: frozenset[str]
    changes: list[Change]
    told_twice: frozenset[str] = frozenset()

    @property
    def quiet(self) -> bool:
        """Say whether nothing moves any more: every row and change has ended, or is a person's, who is told.

        What met an unclear answer was looked at once more.
        """
        looked = not any(one.looks for one in self.changes)
        return (
            looked
            and not any(change_books.lost(self.changes, self.alerts, self.rows))
            and not any(change_books.by_hand(self.changes))
            and all(
                row.status in FINAL or (row.hold_reason in PERSONS and row.hold_reason in self.alerts)
                for row in self.rows
            )
        )

    def held(self) -> dict[str, int]:
        """Count what is held, by reason."""
        bookings = Counter(f"booking ({row.hold_reason})" for row in self.rows if row.hold_reason)
        return dict(bookings + Counter(f"change ({one.hold_reason})" for one in self.changes if one.hold_reason))


@dataclass(frozen=True)
class Judgement:
    """The verdict, and what became of the bookings: by kind and end, and why some are held as untellable.

    `changes` counts them by what was wished and end.
    """

    verdict: Verdict
    kinds: dict[str, dict[str, int]]
    cells: dict[str, int]
    changes: dict[str, dict[str, int]]


def record(database_url: str) -> Record:
    """Read our record."""
    with psycopg.connect(database_url, row_factory=psycopg.rows.dict_row) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        rows, stories = conn.execute(_ROWS).fetchall(), conn.execute(_STORIES).fetchall()
        alerts = frozenset(one["kind"] for one in conn.execute(_ALERTS))
        changes, twice = change_record.changes(conn), change_record.told_twice(conn)
    ends: dict[int, list[tuple[datetime, str]]] = defaultdict(list)
    for event in stories:
        if event["kind"] in FINAL:
            ends[event["appointment_id"]].append((event["created_at"], event["kind"]))
    cut = {event["appointment_id"] for event in stories if event["kind"] == "series_cut"}
    learned: dict[int, list[datetime]] = defaultdict(list)
    for event in stories:
        if event["kind"] in _LEARNED:
            learned[event["appointment_id"]].append(event["created_at"])
    told = [
        Row(**row, ends=tuple(ends[one]), told_cut=one in cut, learned=tuple(learned[one]))
        for row in rows
        if (one := row["id"])
    ]
    return Record(told, alerts, changes, twice)


def uncounted(environment: ChaosEnvironment) -> int:
    """Return how many series that may be cut wait to be counted."""
    asked = "status = 'confirmed' AND series_uid IS NOT NULL AND series_weeks IS NULL AND ends_at IS NOT NULL"
    [(count,)] = environment.sql(f"SELECT count(*) FROM appointments WHERE {asked}")  # noqa: S608 - a constant
    return int(count)


def miscounted(environment: ChaosEnvironment) -> list[str]:
    """Hold the minutes that are told as counted against a full count, while bookings move."""
    with _snapshot(environment) as ask:
        return list(kept_counts.miscounted(ask))


def held_wrongly(environment: ChaosEnvironment) -> list[str]:
    """Hold what the last health check has counted against what is held."""
    with _snapshot(environment) as ask:
        return list(kept_counts.held_wrongly(ask))


def _all_miscounted(environment: ChaosEnvironment) -> list[str]:
    """Count what is left, as the next maintenance worker would, and compare every minute."""
    for _ in range(LOOKS):
        booking_minutes.count(environment.dependencies)
    with _snapshot(environment) as ask:
        return list(kept_counts.miscounted(ask, over=True))


@contextmanager
def _snapshot(environment: ChaosEnvironment) -> Iterator[kept_counts.Ask]:
    with psycopg.connect(environment.postgres.url, connect_timeout=CONNECT_SECONDS) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield lambda asked: conn.execute(asked).fetchall()  # type: ignore[arg-type]  # our own texts


def judge(environment: ChaosEnvironment, ours: Record, wrong_on_the_way: Iterable[str]) -> Judgement:
    """Judge a record, once nothing moves any more, by what Cal.com has by now."""
    lines = [Line.read(told) for told in environment.books()]
    made, part = books.by_reference(lines), environment.part
    cells, wrong = blind.judge(ours.rows if part.of_kinds else [], made, part.knowledge(environment.switched))
    accepted = [one for _, one in receipts(environment.receipts)]
    changes, seen = ours.changes, {row.id for row in ours.rows if KIND_OF.get(row.event_type_id) in part.sight}
    held = {(one.booking, one.wanted) for one in changes if one.is_untellable}
    verdict = Verdict(
        lost=(*books.lost(accepted, ours.rows, ours.alerts), *change_books.lost(changes, ours.alerts, ours.rows)),
        double=(
            *books.double(ours.rows, made),
            *change_books.double(ours.rows, made, WEEKS, told=ours.told_twice, untellable=held),
        ),
        contradictions=(
            *books.contradictions(ours.rows, made, WEEKS),
            *change_books.contradictions(changes, ours.rows, made),
            *change_books.untrue(changes, ours.rows, made, environment.deeds),
            *(books.unknown_there(ours.rows) if part.types_stay else ()),
            *books.not_taken(ours.rows, lines),
        ),
        blind=(*wrong, *change_books.blind(changes, seen)),
        waiting=(*books.waiting(ours.rows), *change_books.waiting(changes)),
        by_hand=(*environment.stayed, *books.by_hand(ours.rows), *change_books.by_hand(changes)),
        miscounted=(*dict.fromkeys(wrong_on_the_way), *_all_miscounted(environment)),
        of_others=tuple(reading.judged(environment)) if part.accounts else (),
        transactions=tuple(transactions.judge(environment, ours.rows, made)) if part.by_host else (),
        untrue=tuple(said.judged(environment, ours, made)),
    )
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for row in ours.rows:
        ended = f"held({row.hold_reason})" if row.hold_reason else row.status
        kinds[KIND_OF.get(row.event_type_id, f"type {row.event_type_id}")][ended] += 1
    by_kind = {kind: dict(counts) for kind, counts in kinds.items()}
    return Judgement(verdict, by_kind, dict(cells), change_record.counted(ours.changes))


def stories(environment: ChaosEnvironment, found: Verdict) -> Iterator[str]:
    """Tell of each case all that is known: what we wrote down, and what Cal.com was sent and has."""
    journal = environment.journal()
    for line in found.lines:
        yield line
        number = line.removeprefix("booking ").partition(":")[0]
        if not (line.startswith("booking ") and number.isdigit()):
            continue
        told: list[tuple[Any, ...]] = environment.sql(f"SELECT to_jsonb(a) FROM appointments AS a WHERE id = {number}")  # noqa: S608 - a number
        for (row,) in told:
            yield f"    {json.dumps(row)}"
            for at, kind, by, detail in environment.sql(_EVENTS.format(number)):
                yield f"    {at} {kind} by {by} {json.dumps(detail)}"
            for (known,) in environment.sql(_TYPE.format(row["event_type_id"])):
                yield f"    its type {json.dumps(known)}"
            booked_there = environment.books(f"?reference={row['uuid']}")
            uids = {booked["uid"] for booked in booked_there}
            for call in journal:
                if call["reference"] == row["uuid"] or not uids.isdisjoint(call["target"].split("/")):
                    yield f"    {call['at']} {call['method']} {json.dumps(call)}"
            for booked in booked_there:
                yield f"    {booked['made']} booked {json.dumps(booked)}"
