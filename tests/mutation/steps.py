"""Guards that no search of the model sees, each taken away: a test that carries a booking step by step must fail."""

from functools import partial

from tests.mutation.breakage import Breakage

_HOLDS = "tests/promises/lost_or_twice/test_evidence_holds.py::"
_PROBES = "tests/promises/outage/test_probes.py::"
_ASKED = "tests/promises/lost_or_twice/test_stale_knowledge.py::"
_TWINS = "tests/promises/lost_or_twice/test_same_person_same_time.py::"
_SERIES = "tests/promises/lost_or_twice/test_series_counted.py::"
_inquiry = partial(Breakage, file="tasks/attempts/inquiry.py")
_attempt = partial(Breakage, file="tasks/attempts/attempt.py")
_guarded_calls = partial(Breakage, promise=3, file="tasks/guarded_calls/calls.py")
_kinds = partial(Breakage, file="db/queue/kinds.py")
_headers = partial(Breakage, promise=3, file="tasks/calcom/http/headers.py")
_event_types = partial(Breakage, file="tasks/guarded_calls/event_type_lookup.py")

STEPS = (
    # -- asking for proof comes to an end
    Breakage(
        name="evidence-posts-never-end",
        promise=2,
        file="tasks/attempts/evidence.py",
        old="if case.kind in BY_EVIDENCE and not case.waited else",
        new="if case.kind in BY_EVIDENCE else",
        test=f"{_HOLDS}test_evidence_posts_end_before_a_customer_may_have_cancelled",
    ),
    _kinds(
        name="wait-for-proof-begins-anew",
        promise=2,
        old="own.hold_reason IN ({_UNASKED})",
        new="own.hold_reason IN ({_UNASKED}, 'unreachable')",
        test=f"{_HOLDS}test_evidence_posts_end_before_a_customer_may_have_cancelled",
    ),
    _inquiry(
        name="unreadable-type-circles",
        promise=1,
        old="if outcome.stays_unreadable(self.rules, row, no.reply, -times.ends_in):",
        new="if False:",
        test=f"{_HOLDS}test_a_type_that_stays_unreadable_keeps_no_booking_circling[lost]",
    ),
    Breakage(
        name="a-hold-counts-as-unreadable",
        promise=1,
        file="tasks/attempts/outcome.py",
        old="in_a_row = row.looks + 1 >= LOOKUPS_IN_ALL",
        new="in_a_row = True",
        test=f"{_HOLDS}test_a_type_that_fails_once_after_a_long_hold_is_read_again",
    ),
    Breakage(
        name="suspect-by-an-outage",
        promise=1,
        file="tasks/work/moves.py",
        old="return self.probe and self.reply.outcome is CallOutcome.FAILURE_ENDPOINT",
        new="return self.failed_probe",
        test="tests/unit/tasks/test_life.py::test_a_booking_leaves_the_line_only_for_probes_that_cal_com_choked_on[failure_service-2-breaker_open]",
    ),
    # -- a look is not the booking
    _attempt(
        name="probes-never-set-back",
        promise=1,
        old="row.probe_failures + 1 if posted.blamed else 0",
        new="row.probe_failures + posted.failed_probe",
        test=f"{_PROBES}test_two_outages_and_a_first_500_make_no_booking_suspect",
    ),
    _inquiry(
        name="probe-costs-a-retry",
        promise=4,
        old="(allowed.retry and not permit.probe)",
        new="allowed.retry",
        test=f"{_PROBES}test_a_probe_costs_no_retry",
    ),
    _inquiry(
        name="shut-list-taken-for-a-shut-breaker",
        promise=4,
        old="            if no.lookups_only:\n",
        new="            if False:\n",
        test=f"{_PROBES}test_a_list_that_fails_makes_no_booking_suspect_and_holds_it_by_its_right_name",
    ),
    Breakage(
        name="denied-look-comes-again-at-once",
        promise=4,
        file="tasks/work/decisions.py",
        old="wait = self.timings.open if opens_in is None else self.before_start(row, opens_in)",
        new="wait = 0.0",
        test="tests/unit/tasks/test_life.py::test_a_booking_whose_look_is_denied_by_another_look_does_not_come_again_at_once",
    ),
    _attempt(
        name="report-of-a-post-forgotten",
        promise=4,
        old="any(report.closed for report in self.reports)",
        new="self.reports[-1].closed",
        test=f"{_PROBES}test_what_a_post_has_closed_is_known_though_looks_follow_it",
    ),
    Breakage(
        name="enqueue-takes-the-probe",
        promise=3,
        file="tasks/enqueue.py",
        old="            admission = begin_admission(",
        new="            deps.breaker.is_open('bookings.create')\n            admission = begin_admission(",
        test=f"{_PROBES}test_a_thousand_enqueues_in_half_open_leave_the_probe_free",
    ),
    # -- one guarded call
    _guarded_calls(
        name="page-taken-for-cal-com",
        old="    content = read_content(answer)\n    return content if isinstance(content, Reply) else None",
        new="    return None if isinstance(answer, Answer) and answer.status == 200 else read_content(answer)",
        test="tests/unit/tasks/test_guard.py::test_a_page_of_something_else_is_no_success_of_cal_coms",
    ),
    _guarded_calls(
        name="permit-kept-by-what-was-raised",
        old="            if answer is None:\n                self.give_up(permit)\n",
        new="            pass\n",
        test="tests/unit/tasks/test_guard.py::test_a_permit_is_given_back_whatever_happens[error1]",
    ),
    _headers(
        name="moments-by-our-own-clock",
        old="answered_at(headers) or datetime.now(UTC)",
        new="datetime.now(UTC)",
        test="tests/unit/calcom/test_rate_limit_headers.py::test_a_clock_of_ours_that_is_an_hour_off_changes_no_wait[off_by0]",
    ),
    _headers(
        name="tightest-limit-told",
        old="return max(limits,",
        new="return min(limits,",
        test="tests/unit/calcom/test_rate_limit_headers.py::test_of_several_limits_the_one_with_the_most_calls_left_counts[headers2-quota2]",
    ),
    Breakage(
        name="429-asked-again-at-once",
        promise=3,
        file="tasks/calcom/http/waits.py",
        old="return max(*waits, LEAST_WAIT) if waits else None",
        new="return max(waits, default=None)",
        test="tests/unit/calcom/test_rate_limit_headers.py::test_a_429_that_asks_for_no_wait_is_waited_out_for_a_second[headers0]",
    ),
    # -- what was known is asked again
    Breakage(
        name="series-gone-with-its-first-week",
        promise=2,
        file="tasks/guarded_calls/recheck.py",
        old='row.series_uid or row.calcom_booking_uid or ""',
        new='row.calcom_booking_uid or ""',
        test=f"{_ASKED}test_a_series_whose_first_week_was_cancelled_stands",
    ),
    _event_types(
        name="deleted-type-for-good",
        promise=2,
        old="    facts = _facts(calls, row, before)\n",
        new="    if before and before.deleted:\n        return before\n    facts = _facts(calls, row, before)\n",
        test=f"{_ASKED}test_a_type_that_was_deleted_and_made_anew_is_asked_what_it_is_now",
    ),
    _event_types(
        name="named-type-asked-by-number",
        promise=1,
        old="if row.username is not None and row.event_type_slug is not None:",
        new="if row.username is not None and row.event_type_slug is not None and number is None:",
        test=f"{_ASKED}test_a_users_type_that_is_named_keeps_its_kind_when_it_is_asked_again",
    ),
    # -- twins
    _kinds(
        name="twin-in-flight-taken-for-earlier",
        promise=1,
        old="CASE WHEN outcome_unknown THEN sent_at ELSE requested_at END",
        new="coalesce(sent_at, lease_expires_at)",
        test=f"{_TWINS}test_a_twin_that_was_booked_while_a_worker_was_lost_was_not_there_before",
    ),
    Breakage(
        name="twins-cancelled-seat-counts",
        promise=1,
        file="tasks/attempts/other_rows.py",
        old="return not isinstance(shown, Reply) and any(not booking.cancelled for booking in shown)",
        new="return True",
        test=f"{_TWINS}test_a_twins_seat_counts_only_while_cal_com_still_has_it",
    ),
    Breakage(
        name="hidden-series-keep-others-waiting",
        promise=6,
        file="tasks/maintenance/weeks_of_series.py",
        old="            series.put_off(conn, row.id)\n",
        new="            pass\n",
        test=f"{_SERIES}test_series_that_cal_com_does_not_show_keep_no_other_waiting",
    ),
)
