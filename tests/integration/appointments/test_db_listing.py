"""Lists: every booking that fits once, in its order, page by page; and nothing personal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.appointments import listing, looking, search
from db.appointments.listing import Filter, Listed, Sort
from db.lifecycle import HoldReason, Status

# Of each state and hold reason some, by request and by start in other orders than by id, some at the same moments.
FILL = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, hold_reason, held_for, held_at, hold_until, settle_at, claim_token,
    lease_expires_at, calcom_booking_uid, error_type, requested_at
)
SELECT
    'key-' || n, false, 'hash', 'correlation-' || n / 3, 'task-' || n, 101 + n % 3,
    '2031-03-01T09:00Z'::timestamptz + n * 37 % 50 * interval '1 hour', 'Ann Example', 'ann@example.com', 'UTC', status,
    reason, CASE WHEN reason = 'breaker_open' AND n % 2 = 0 THEN 'line' END,
    CASE WHEN reason IS NOT NULL THEN now() END, CASE WHEN reason = 'settling' THEN now() END,
    CASE WHEN reason = 'settling' THEN now() END, CASE WHEN status = 'booking' THEN gen_random_uuid() END,
    CASE WHEN status = 'booking' THEN now() END, CASE WHEN status = 'confirmed' THEN 'uid-' || n / 5 END,
    CASE WHEN n % 2 = 0 THEN 'timeout' END, '2031-02-01T09:00Z'::timestamptz + n * 53 % 70 * interval '1 minute'
FROM generate_series(0, 359) AS n
CROSS JOIN LATERAL (
    SELECT (ARRAY[
        'pending', 'booking', 'retrying', 'confirmed', 'rejected', 'failed', 'expired', 'cancelled', 'held', 'held',
        'held'
    ])[1 + n % 11] AS status
) AS one
CROSS JOIN LATERAL (
    SELECT CASE WHEN status = 'held' THEN (ARRAY['breaker_open', 'suspect', 'settling'])[1 + n / 11 % 3] END AS reason
) AS two
"""
EVERY = """
SELECT
    id, status, CASE WHEN held_for = 'line' THEN 'in_line' ELSE hold_reason END,
    CAST(event_type_id AS text), start_at, requested_at, held_at, hold_until, next_attempt_at,
    error_type, retry_count, outcome_unknown, updated_at, cancel_requested, booked_start_at, account_id
FROM appointments
"""
NOON = datetime(2031, 2, 1, 9, 30, tzinfo=UTC)
SLOT = datetime(2031, 3, 2, 9, tzinfo=UTC)
FILTERS = {
    "all": Filter(),
    "all by request": Filter(sort=Sort.ASKED),
    "all by start": Filter(sort=Sort.START),
    **{f"{state}": Filter(state=state) for state in Status},
    **{f"{state} by {sort}": Filter(state=state, sort=sort) for state in Status for sort in (Sort.ASKED, Sort.START)},
    **{
        f"for {reason}": Filter(reason=reason)
        for reason in (HoldReason.SUSPECT, HoldReason.UNREACHABLE, HoldReason.BREAKER_OPEN, HoldReason.IN_LINE)
    },
    "for suspect by start": Filter(reason=HoldReason.SUSPECT, sort=Sort.START),
    "confirmed of a type": Filter(state=Status.CONFIRMED, event_type="102"),
    "held of a type by request": Filter(state=Status.HELD, event_type="102", sort=Sort.ASKED),
    "failed with an error": Filter(state=Status.FAILED, error_type="timeout"),
    "of half an hour": Filter(requested_from=NOON, requested_to=NOON + timedelta(minutes=30)),
    "held, of half an hour": Filter(state=Status.HELD, requested_from=NOON, requested_to=NOON + timedelta(minutes=30)),
    "failed, of half an hour": Filter(state=Status.FAILED, requested_to=NOON),
    "of a day": Filter(start_from=SLOT, start_to=SLOT + timedelta(days=1)),
    "held, of a day": Filter(state=Status.HELD, start_from=SLOT, sort=Sort.START),
    "at risk": Filter(at_risk=SLOT),
    "at risk for a reason": Filter(at_risk=SLOT, reason=HoldReason.SETTLING),
    "these": Filter(ids=[3, 5, 8, 300], state=Status.HELD),
}


@pytest.fixture(scope="module")
def filled(shared: Any) -> Any:
    """Fill one database for all cases."""
    with shared.engine.begin() as conn:
        conn.execute(text(FILL))
    return shared


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("scan", [7, listing.SCAN])
def test_pages_hold_every_booking_that_fits_once_and_in_order(filled: Any, name: str, scan: int) -> None:
    """Whatever the size of a page, and of what it looks at; a stream and a count find the same."""
    wanted, found, after = FILTERS[name], [], None
    with filled.engine.connect() as conn:
        for _ in range(400):
            page = listing.page(conn, wanted, after=after, limit=4, scan=scan)
            found += page.rows
            after = page.next
            if after is None:
                break
        assert found == list(listing.stream(conn, wanted))
        assert len(found) == listing.count(conn, wanted).count == len({row.id for row in found})
        every = [Listed.of(row) for row in conn.execute(text(EVERY))]
    assert {row.id for row in found} == {row.id for row in every if fits(row, wanted)}
    assert found in [sorted(found, key=key) for key in (newest, asked, start)]
    if wanted.state is Status.HELD or (wanted.state is None and wanted.sort is Sort.ASKED):
        assert found == sorted(found, key={Sort.ID: newest, Sort.ASKED: asked, Sort.START: start}[sort_of(wanted)])


@pytest.mark.parametrize("name", FILTERS)
def test_looking_on_finds_the_same_step_by_step_and_says_how_far(filled: Any, name: str) -> None:
    """Each call takes one step, as if its time were over at once; a call that may go on needs no second."""
    wanted, found, after, looked = FILTERS[name], [], None, 0
    with filled.engine.connect() as conn:
        every = list(listing.stream(conn, wanted))
        for _ in range(400):
            step = looking.look_on(conn, wanted, after, 4, lambda: False, scan=7)
            found += step.rows
            after, looked = step.next, looked + step.looked
            assert (step.down_to is None) == (step.looked == 0)
            if after is None:
                break
        whole = looking.look_on(conn, wanted, None, len(every) + 1, lambda: True, scan=7)

    assert found == whole.rows == every
    assert whole.next is None
    assert looked % 7 == 0


def newest(row: Listed) -> Any:
    """Order by id, downwards."""
    return -row.id


def asked(row: Listed) -> Any:
    """Order by request."""
    return row.requested_at, row.id


def start(row: Listed) -> Any:
    """Order by start."""
    return row.start_at, row.id


def sort_of(wanted: Filter) -> Sort:
    """Return the order that was asked for, or that of a period of requests."""
    return Sort.ASKED if wanted.sort is Sort.ID and wanted.requested_from else wanted.sort


def fits(row: Listed, wanted: Filter) -> bool:
    """Say whether a filter wants a booking, as simply as it can be said."""
    tests = [
        wanted.state is None or row.status is wanted.state,
        wanted.reason is None or row.hold_reason is wanted.reason,
        wanted.event_type is None or row.event_type == wanted.event_type,
        wanted.error_type is None or row.error_type == wanted.error_type,
        wanted.requested_from is None or row.requested_at >= wanted.requested_from,
        wanted.requested_to is None or row.requested_at < wanted.requested_to,
        wanted.start_from is None or row.start_at >= wanted.start_from,
        wanted.start_to is None or row.start_at < wanted.start_to,
        wanted.at_risk is None or (row.status is Status.HELD and row.start_at <= wanted.at_risk),
        wanted.ids is None or row.id in wanted.ids,
    ]
    return all(tests)


def test_a_count_ends_at_its_cap(filled: Any) -> None:
    """And where it has not looked at all, it says so."""
    with filled.engine.connect() as conn:
        assert listing.count(conn, Filter(), cap=100) == listing.Count(100, capped=True)
        looked = listing.count(conn, Filter(state=Status.FAILED, error_type="timeout"), scan=10)
        assert (looked.capped, looked.count) == (True, 5)


BY_ID, BY_START = Filter(), Filter(state=Status.HELD, sort=Sort.START)


@pytest.mark.parametrize(
    ("wanted", "after"),
    [(wanted, after) for wanted in (BY_ID, BY_START) for after in ("", "x", "-1", "9" * 20, "9" * 30 + "_1", "1_2_3")]
    + [(BY_ID, "1_2"), (BY_START, "1")],
)
def test_a_place_that_no_page_has_given_is_refused(filled: Any, wanted: Filter, after: str) -> None:
    """A caller who writes an address himself is told so."""
    with filled.engine.connect() as conn, pytest.raises(ValueError, match="no place in this list"):
        listing.page(conn, wanted, after=after)


def test_a_search_finds_by_every_name(filled: Any) -> None:
    """By id, uuid, key, correlation id and Cal.com's uid; the newest first, and not more than asked for."""
    row = filled.read(200)
    with filled.engine.connect() as conn:
        for name in (str(row.id), str(row.uuid), f" {row.idempotency_key} "):
            assert [one.id for one in search.find(conn, name)] == [200]
        shared = [one.id for one in search.find(conn, row.correlation_id)]
        assert shared == sorted(shared, reverse=True)
        assert len(shared) == 3
        assert len(search.find(conn, row.correlation_id, limit=2)) == 2
        booked = next(one for one in search.find(conn, "uid-5") if one.status is Status.CONFIRMED)
        assert filled.read(booked.id).calcom_booking_uid == "uid-5"
        assert [search.find(conn, name) for name in ("", " ", "nobody's", "\0", "9" * 40)] == [[]] * 5


def test_nothing_personal_is_in_a_list(filled: Any) -> None:
    """Nor is there a column for it."""
    with filled.engine.connect() as conn:
        said = repr(listing.page(conn, Filter()).rows + search.find(conn, "200"))
    assert "Ann" not in said
    assert "example.com" not in said
