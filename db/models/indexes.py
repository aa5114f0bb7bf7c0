"""The indexes of bookings, each with the search or sweep that reads it: all are partial but those that name one row.

What ends leaves the indexes of what lives, so that no beat reads more because more has been booked (measured by
`benchmarks/plans.py`). Words are literals here and in the statements: else no prepared statement is served.
"""

from sqlalchemy import Index, text

from db.sql import EVENT_TYPE

_ENDED = "status IN ('rejected', 'failed', 'expired', 'cancelled')"
_CONFIRMED = "status = 'confirmed'"


def _index(name: str, *columns: str, where: str | None = None, unique: bool = False, include: str = "") -> Index:
    parts = [text(column) if "(" in column else column for column in columns]
    where_is = None if where is None else text(where)
    return Index(
        f"appointments_{name}",
        *parts,
        unique=unique,
        postgresql_where=where_is,
        postgresql_include=include.split() or None,
    )


def _held_for_a_reason(name: str, moment: str) -> Index:
    columns = ("hold_reason", moment, "id")
    return _index(name, *columns, where="status = 'held'", include="probe_failures outcome_unknown")


def indexes() -> tuple[Index, ...]:
    """Return the indexes of the table `appointments`."""
    return (
        # find, by_references, was_booked_before; by_task
        _index("uuid_key", "uuid", unique=True),
        _index("task_id_key", "task_id", unique=True),
        # find, insert: a given key is for ever; a derived one only while its booking lives or is confirmed.
        _index("given_key", "idempotency_key", unique=True, where="NOT key_derived"),
        _index(
            "derived_key",
            "idempotency_key",
            unique=True,
            where="key_derived AND status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')",
        ),
        _index("ended_key", "idempotency_key", where=f"key_derived AND {_ENDED}"),  # find: a key that is free again
        *_holds(),
        # expire: by start, and by the caller's own bound, which few requests have
        _index("expirable", "start_at", where="status IN ('pending', 'held', 'retrying') AND NOT outcome_unknown"),
        _index(
            "answer_by",
            "answer_by",
            where="status IN ('pending', 'held', 'retrying') AND NOT outcome_unknown AND answer_by IS NOT NULL",
        ),
        _index("lease", "lease_expires_at", where="status = 'booking'"),  # lost_leases
        _index("lost_often", "id", where="status IN ('booking', 'retrying') AND leases_lost > 0"),  # lost_leases
        # unsent: what waits, and the newest message that was certainly delivered, evidence that older ones are gone
        _index("unsent", "enqueued_at", where="status IN ('pending', 'retrying')"),
        _index(
            "delivered",
            "enqueued_at",
            where="enqueued_at IS NOT NULL AND resends = 0 AND status NOT IN ('pending', 'retrying')",
        ),
        _index(
            "uncounted_series", "ends_at", where=f"{_CONFIRMED} AND series_uid IS NOT NULL AND series_weeks IS NULL"
        ),
        _index("confirmed_start", "start_at", "id", where=_CONFIRMED),  # confirmed_between, seat_before
        _index("ended_unknown", "start_at", "id", where=f"{_ENDED} AND sent_at IS NOT NULL"),  # ended_unknown_between
        _index("confirmed_types", EVENT_TYPE, "id", where=_CONFIRMED),  # event_types.confirmed
        _index("sent", "sent_at", where="sent_at IS NOT NULL"),  # status_queries.unclear_calls
        _index("requested_at", "requested_at"),  # the report's periods; listing
        *_lists_and_searches(),
    )


def _holds() -> tuple[Index, ...]:
    return (
        # waiting, claim: in the order of the line. With all that waiting.sql asks: else the planner, while it has no
        # statistics of an outage, rather reads and sorts the whole line.
        _held_for_a_reason("line", "line_at"),
        # listing, held_now: by request
        _held_for_a_reason("release", "requested_at"),
        # release_due. Only of holds that have a cause: the line is to be read by the index above.
        _index("due", "hold_until", where="status = 'held'"),
        _index("resting", "id", where="status = 'held' AND hold_reason = 'unreachable' AND probe_failures >= 3"),
        _index("held_for", "hold_reason", "held_for", where="status = 'held' AND held_for IS NOT NULL"),
        # suspects_due, never_known
        _index(
            "suspects", "requested_at", "id", where="status = 'held' AND hold_reason = 'suspect' AND outcome_unknown"
        ),
        _index("blind", "start_at", where="status = 'held' AND hold_reason = 'blind_key'"),
        # flag_degraded: what is flagged leaves it, however long it is held.
        _index(
            "unflagged",
            "requested_at",
            where="status = 'held' AND resilience_strategy IS DISTINCT FROM 'graceful_degradation'",
        ),
    )


def _lists_and_searches() -> tuple[Index, ...]:
    return (
        # listing, on_the_way: by state; what is held also by request and by start (at_risk)
        _index("status", "status", "id"),
        # Of the request an expression, which only lists of what is held order by: these are never to read all requests.
        _index("held_asked", "timezone('UTC'::text, requested_at)", "id", where="status = 'held'"),
        _index("held_start", "start_at", "id", where="status = 'held'"),
        # search.find
        _index("correlation", "correlation_id", "id"),
        _index("booking_uid", "calcom_booking_uid", where="calcom_booking_uid IS NOT NULL"),
        _index("unknown", "id", where="outcome_unknown"),  # metric_totals.read; what has ended is never unknown
    )
