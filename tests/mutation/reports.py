"""Guards of what customers, operators and logs are shown, each taken away: the test of that promise must fail."""

from tests.mutation.breakage import Breakage

_ASKED = "tests/promises/lost_or_twice/test_enqueued_again.py::"
_WEAK = "tests/promises/lost_or_twice/test_weak_evidence.py::"

REPORTS = (
    Breakage(
        name="key-taken-for-a-harmless-word",
        promise=7,
        file="resilience/redaction.py",
        old=' and "cal_" not in text',
        new="",
        test="tests/unit/resilience/test_redaction.py::test_what_looks_harmless_is_what_the_search_lets_through",
    ),
    Breakage(
        name="last-events-not-published",
        promise=6,
        file="worker/events.py",
        old="            consumer.event_dispatcher.flush()\n",
        new="            pass\n",
        test="tests/unit/worker/test_events.py::test_the_last_events_are_published_before_a_worker_ends",
    ),
    Breakage(
        name="told-before-what-came-first",
        promise=6,
        file="worker/events.py",
        old="            self.app.events.kept.publish_kept(producer)\n",
        new="            pass\n",
        test="tests/unit/worker/test_events.py::test_what_a_task_tells_itself_comes_after_what_was_told_of_it",
    ),
    Breakage(
        name="suspects-and-series-never-looked-for",
        promise=1,
        file="worker/celery_app.py",
        old='        "tasks.maintenance.late_lookups",\n',
        new="",
        test="tests/unit/worker/test_schedule.py::test_every_task_of_the_schedule_is_known_to_a_worker",
    ),
    Breakage(
        name="cut-series-counted-as-whole",
        promise=6,
        file="tasks/maintenance/late_lookups.py",
        old="of = kept.occurrences  #",
        new="of = len(weeks)  #",
        test=f"{_WEAK}test_a_series_that_was_made_in_part_is_confirmed_and_somebody_is_told",
    ),
    Breakage(
        name="unknown-weeks-are-whole",
        promise=6,
        file="db/sql/count_series.sql",
        old="OR (series_of IS NULL AND NOT EXISTS (",
        new="OR (false AND NOT EXISTS (",
        test="tests/integration/appointments/test_db_series.py::"
        "test_a_series_of_nobody_knows_how_many_weeks_is_told_unless_its_post_was_answered[found at Cal.com-told0]",
    ),
    Breakage(
        name="deleted-type-hides-its-bookings",
        promise=2,
        file="tasks/calcom/lookup.py",
        old="result.reply is not None and result.reply.kind is ReplyKind.DELETED:",
        new="False:",
        test=f"{_WEAK}test_what_was_booked_of_a_type_that_is_deleted_since_is_found",
    ),
    Breakage(
        name="half-made-seat-takes-the-others",
        promise=2,
        file="tasks/unknown/inquiry.py",
        old="kept.seats and result.hides_seats and",
        new="False and",
        test=f"{_WEAK}test_a_seat_that_is_half_made_takes_nobody_elses",
    ),
    Breakage(
        name="lagging-replica-cancels-what-stands",
        promise=2,
        file="tasks/recheck.py",
        old="gone = not_found and _is_old(deps, row)",
        new="gone = not_found",
        test=f"{_ASKED}test_where_cal_com_cannot_tell_the_receipt_says_as_of_when",
    ),
    Breakage(
        name="told-booked-though-cancelled-there",
        promise=1,
        file="tasks/enqueue.py",
        old="if standing is Standing.GONE:",
        new="if False:",
        test=f"{_ASKED}test_what_was_cancelled_at_cal_com_is_booked_again",
    ),
    Breakage(
        name="cal-coms-words-in-the-log",
        promise=6,
        file="tasks/booking.py",
        old='why = move.why.partition(": ")[0]',
        new="why = move.why",
        test="tests/promises/test_nothing_personal.py::test_nothing_personal_leaves_postgres_and_cal_com[threads]",
    ),
    Breakage(
        name="look-later-than-the-settle-time",
        promise=1,
        file="tasks/unknown/outcome.py",
        old="min(rules.policy.delay(row.retry_count + row.looks + 1), times.settled_in)",
        new="rules.policy.delay(row.retry_count + row.looks + 1)",
        test="tests/unit/tasks/test_unknown.py::test_a_look_comes_at_the_settle_time_when_that_is_sooner",
    ),
    Breakage(
        name="revoke-written-by-each-worker",
        promise=6,
        file="db/sql/request_cancel.sql",
        old=" AND NOT cancel_requested",
        new="",
        test="tests/promises/test_revoked.py::test_workers_that_hear_it_at_once_write_it_once",
    ),
    Breakage(
        name="late-cancel-told-to-nobody",
        promise=6,
        file="db/sql/move.sql",
        old="WHERE :told AND :to = 'confirmed' AND cancel_requested",
        new="WHERE false",
        test="tests/integration/appointments/test_db_moves.py::test_a_booking_that_was_to_be_cancelled_and_is_booked_is_told",
    ),
)
