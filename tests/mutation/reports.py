"""Guards of what customers, operators and logs are shown, each taken away: the test of that promise must fail."""

from functools import partial

from tests.mutation.breakage import Breakage

_ASKED = "tests/promises/lost_or_twice/test_enqueued_again.py::"
_COUNTED = "tests/integration/database/test_booking_minutes.py::"
_WEAK = "tests/promises/lost_or_twice/test_weak_evidence.py::"
_events = partial(Breakage, promise=6, file="worker/task_events.py")
_claim = partial(Breakage, promise=6, file="tasks/work/claim.py")
_recheck = partial(Breakage, file="tasks/guarded_calls/recheck.py")
_listing = partial(
    Breakage,
    promise=6,
    file="db/appointments/listing.py",
    test="tests/integration/database/test_page_plans.py::test_nothing_that_the_page_reads_grows_with_what_is_kept",
)
_booking_minutes = partial(Breakage, promise=6, file="db/monitoring/booking_minutes.py")

REPORTS = (
    Breakage(
        name="key-taken-for-a-harmless-word",
        promise=7,
        file="client/booking_client/redaction.py",
        old=' and "cal_" not in text',
        new="",
        test="tests/unit/resilience/test_redaction.py::test_what_looks_harmless_is_what_the_search_lets_through",
    ),
    Breakage(
        name="a-line-of-our-own-is-not-masked",
        promise=7,
        file="worker/logs.py",
        old='json.dumps(self._mask(None, "", event), ensure_ascii=False)',
        new="json.dumps(event, ensure_ascii=False, default=str)",
        test="tests/unit/worker/test_logs.py::test_secrets_and_personal_data_are_masked_wherever_they_stand",
    ),
    _events(
        name="last-events-not-published",
        old="            consumer.event_dispatcher.flush()\n",
        new="            pass\n",
        test="tests/unit/worker/test_task_events.py::test_the_last_events_are_published_before_a_worker_ends",
    ),
    _events(
        name="told-before-what-came-first",
        old="            self.app.events.kept.publish_kept(producer)\n",
        new="            pass\n",
        test="tests/unit/worker/test_task_events.py::test_what_a_task_tells_itself_comes_after_what_was_told_of_it",
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
        file="tasks/maintenance/weeks_of_series.py",
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
        "test_a_series_of_nobody_knows_how_many_weeks_is_told_unless_its_post_was_answered[found at Cal.com]",
    ),
    Breakage(
        name="own-answer-not-kept",
        promise=6,
        file="tasks/attempts/attempt.py",
        old=', facts={"by_own_answer": True}',
        new="",
        test="tests/integration/test_reworded.py::test_a_series_whose_post_was_answered_is_whole",
    ),
    _claim(
        name="story-without-its-calls",
        old='given = {"words": move.words, "calls": list(move.calls)}',
        new='given = {"words": move.words}',
        test="tests/integration/test_timeline.py::test_a_lost_answer_a_look_and_what_it_found",
    ),
    _claim(
        name="waited-since-the-last-renewal",
        old='{"waited_ms": self.waited,',
        new='{"waited_ms": waited_for(self.row),',
        test="tests/integration/test_timeline.py::test_a_claim_that_is_renewed_has_waited_no_longer",
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
        file="tasks/attempts/inquiry.py",
        old="kept.seats and shown.hides_seats and",
        new="False and",
        test=f"{_WEAK}test_a_seat_that_is_half_made_takes_nobody_elses",
    ),
    _recheck(
        name="lagging-replica-cancels-what-stands",
        promise=2,
        old="and _is_missing(found) and _is_old(self.deps, row))",
        new="and _is_missing(found))",
        test=f"{_ASKED}test_a_young_seat_that_is_not_found_stands",
    ),
    _recheck(
        name="another-cal-com-cancels-what-stands",
        promise=5,
        old='return read_bookings(self._by_uid(row.series_uid or row.calcom_booking_uid or ""))',
        new="found = read_bookings(self._by_uid(row.calcom_booking_uid))\n"
        "            return () if isinstance(found, Reply) and _is_missing(found) else found",
        test=f"{_ASKED}test_another_cal_com_cancels_nothing",
    ),
    _recheck(
        name="another-cal-com-cancels-a-seat",
        promise=5,
        old="        if isinstance(booking, Reply):\n            return found\n",
        new="        if isinstance(booking, Reply):\n            return ()\n",
        test=f"{_ASKED}test_a_seat_that_was_cancelled_is_booked_again_where_its_booking_is_found[True]",
    ),
    Breakage(
        name="told-booked-though-cancelled-there",
        promise=1,
        file="tasks/enqueue.py",
        old="if now.standing is Standing.CANCELLED:",
        new="if False:",
        test=f"{_ASKED}test_what_was_cancelled_at_cal_com_is_booked_again",
    ),
    Breakage(
        name="cal-coms-words-in-the-log",
        promise=7,
        file="tasks/attempts/refusal.py",
        old="return Move(Status.REJECTED, why, changes, words=message)",
        new="return Move(Status.REJECTED, error, changes)",
        test="tests/integration/test_reworded.py::test_cal_coms_words_stay_in_the_row[no]",
    ),
    Breakage(
        name="look-later-than-the-settle-time",
        promise=1,
        file="tasks/attempts/outcome.py",
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
        test="tests/integration/appointments/test_db_moves.py::test_a_cancel_is_asked_for_and_told_once",
    ),
    Breakage(
        name="late-cancel-told-to-nobody",
        promise=6,
        file="db/sql/move.sql",
        old="WHERE :told AND :to = 'confirmed' AND cancel_requested",
        new="WHERE false",
        test="tests/integration/appointments/test_db_moves.py::test_a_booking_that_was_to_be_cancelled_and_is_booked_is_told",
    ),
    _booking_minutes(
        name="late-commit-never-counted",
        old="    if row.writers and set(row.writers) &",
        new="    if False and set(row.writers) &",
        test=f"{_COUNTED}test_what_commits_late_is_counted_in_its_minute",
    ),
    Breakage(
        name="minute-told-before-it-is-whole",
        promise=6,
        file="db/sql/look_ahead.sql",
        old="counted_until = whole_at",
        new="counted_until = statement_timestamp()",
        test=f"{_COUNTED}test_what_commits_late_is_counted_in_its_minute",
    ),
    _booking_minutes(
        name="minutes-counted-twice",
        old=".with_for_update(skip_locked=True)",
        new="",
        test=f"{_COUNTED}test_many_that_count_at_once_count_once",
    ),
    Breakage(
        name="pruned-change-counted-again",
        promise=6,
        file="tasks/maintenance/breaker_transitions.py",
        old="if one.at >= before or one is newest[one.endpoint, one.account]]",
        new="]",
        test="tests/integration/metrics/test_metric_totals.py::test_a_change_that_was_pruned_is_not_counted_again",
    ),
    Breakage(
        name="old-count-of-holds-believed",
        promise=6,
        file="db/sql/held_now.sql",
        old=" AND kept.counted_at > now() - interval '15 seconds'",
        new="",
        test=f"{_COUNTED}test_what_is_held_is_counted_alike_by_check_and_page",
    ),
    _listing(
        name="list-of-holds-reads-every-request",
        old="    columns = _HELD_ASKED if",
        new="    columns = _ALL if",
    ),
    _listing(
        name="list-passes-all-that-stands-before-its-page",
        old="begins = self._lead(first) if after is None else [self._behind(after)]",
        new="begins = self._lead(first) + ([] if after is None else [self._behind(after)])",
    ),
)
