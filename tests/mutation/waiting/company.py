"""What keeps one booking's trouble from the others, taken away, one by one: then the others wait for it."""

from functools import partial

from tests.mutation.breakage import Breakage

_HELD = "tests/integration/appointments/test_db_holds_by_state.py::"
_SWEEPS = "tests/integration/appointments/test_db_sweeps.py::TestLostLeases::"
_PROBES = "tests/promises/outage/test_probes.py::"
_RESTS = f"{_PROBES}test_from_the_third_probe_on_that_cal_com_chokes_on_a_booking_rests_and_comes_again"
_GOES = f"{_PROBES}test_what_rests_goes_when_the_breaker_has_closed_and_nobody_waits_for_it"
_IN_TIME = "tests/unit/tasks/test_life.py::test_no_hold_outlasts_the_time_in_which_it_can_still_be_booked"
_TYPES = "tests/integration/line/test_db_failing_types.py::"
_in_line = partial(Breakage, promise=4, file="db/sql/waiting.sql")
_lost = partial(Breakage, promise=4, file="db/sql/lost_leases.sql")
_judged = partial(Breakage, promise=4, file="db/sql/__init__.py")
_CHANGES = "tests/integration/changes/test_lost_changes.py::"
_sweeper = partial(Breakage, promise=4, file="tasks/maintenance/sweeper.py")
_probed = partial(Breakage, promise=4, file="tasks/work/decisions.py")
_rested = partial(Breakage, promise=4, file="db/sql/release_due.sql")
_release = partial(Breakage, file="tasks/maintenance/release.py")

COMPANY = (
    _rested(
        name="unknown-waits-for-a-missing-type",
        promise=1,
        file="db/queue/kinds.py",
        old="OR outcome_unknown OR cancel_requested)",
        new="OR cancel_requested)",
        test=f"{_HELD}test_a_row_of_unknown_outcome_waits_for_no_missing_type",
    ),
    _lost(
        name="killers-in-company-of-the-next-group",
        old="2 * turn * :lease_seconds",
        new="turn * :lease_seconds / 2",
        test=f"{_SWEEPS}test_bookings_that_kill_their_workers_each_time_are_alone_in_the_end",
    ),
    _in_line(
        name="old-blind-row-puts-its-type-last",
        old="        AND hold_reason IS DISTINCT FROM 'blind_key' AND",
        new="        AND",
        test=f"{_TYPES}test_a_booking_that_nobody_can_tell_of_says_nothing_of_its_type",
    ),
    Breakage(
        name="released-by-a-late-answer-and-forgotten",
        promise=4,
        file="resilience/circuit_breaker/held_work.py",
        old="            self._failover.not_acknowledged(endpoint, items=wanted, apart=apart)\n",
        new="",
        test="tests/integration/breaker/redis/test_redis_late_answers.py"
        "::test_what_a_late_answer_has_released_goes_at_the_next_turn",
    ),
    Breakage(
        name="nobody-releases-without-maintenance",
        promise=4,
        file="worker/heartbeat.py",
        old="                release_held()\n",
        new="",
        test="tests/promises/outage/test_no_maintenance.py"
        "::test_held_bookings_go_though_nothing_runs_the_periodic_tasks",
    ),
    _in_line(
        name="broken-type-probed-one-by-one",
        old="             AND NOT EXISTS (\n                 SELECT FROM failing AS type",
        new="             AND NOT EXISTS (\n                 SELECT FROM (SELECT * FROM failing WHERE false) AS type",
        test=f"{_TYPES}test_the_probe_is_of_another_type_than_the_one_that_failed[1000]",
    ),
    _in_line(
        name="broken-type-opens-again-and-again",
        old="AND NOT EXISTS (SELECT FROM unclear WHERE status IN ('pending', 'booking'))",
        new="",
        test=f"{_TYPES}test_of_failing_types_one_booking_at_a_time_is_under_way",
    ),
    _in_line(
        name="sound-type-never-shown",
        old="    SELECT id, line_at, 0, 2 FROM failed\n",
        new="    SELECT id, line_at, 0, 2 FROM failed WHERE false\n",
        test=f"{_TYPES}test_the_bookings_of_a_failing_type_go_behind_the_others_and_one_of_them_second",
    ),
    _in_line(
        name="outage-taken-for-broken-types",
        old="AND error_type IN ('http_500', 'http_other', 'database', 'unreadable')",
        new="",
        test=f"{_TYPES}test_a_service_that_is_gone_says_nothing_of_a_type[timeout]",
    ),
    _probed(
        name="failed-probes-never-rest",
        old="if posted.blamed and row.probe_failures + 1 >= PROBES_BEFORE_REST:",
        new="if False:",
        test=_RESTS,
    ),
    _probed(
        name="rests-no-longer-each-time",
        old="2 ** min(row.probe_failures + 2 - PROBES_BEFORE_REST, 16)",
        new="2",
        test=_RESTS,
    ),
    _probed(
        name="rest-outlasts-the-time-to-book",
        old="self.before_start(row, min(self.timings.open * times, LONGEST_REST))",
        new="min(self.timings.open * times, LONGEST_REST)",
        test=_IN_TIME,
    ),
    _probed(
        name="pause-outlasts-the-time-to-book",
        old="FromNow(self.before_start(row, min(TRY_AGAIN * 2 ** min(met, 10), TRY_AGAIN_LATEST)))",
        new="FromNow(min(TRY_AGAIN * 2 ** min(met, 10), TRY_AGAIN_LATEST))",
        test=_IN_TIME,
    ),
    _release(
        name="rests-though-the-outage-is-over",
        promise=4,
        old="closed=seen.shared and seen.breaker.state is create.state is own.state is State.CLOSED,",
        new="closed=False,",
        test=_GOES,
    ),
    _rested(
        name="rested-goes-before-the-line",
        old="WHERE account_id = :account AND status = 'held' AND hold_reason = 'breaker_open'",
        new="WHERE false",
        test=_GOES,
    ),
    _rested(
        name="rested-goes-round-and-round",
        old="CASE WHEN :closed AND held_by = 'unreachable' THEN 0 ELSE probe_failures END",
        new="probe_failures",
        test=_GOES,
    ),
    _release(
        name="rested-goes-while-its-call-is-shut",
        promise=3,
        old="seen.breaker.state is create.state is own.state is State.CLOSED",
        new="seen.breaker.state is State.CLOSED",
        test=f"{_PROBES}test_what_rests_stays_while_the_breaker_is_not_closed[bookings.create]",
    ),
    _judged(
        name="killed-together-all-suspect",
        old="is_third AND NOT in_company AS is_suspect",
        new="is_third AS is_suspect",
        test=f"{_SWEEPS}test_bookings_that_lose_their_third_lease_together_blame_their_worker",
    ),
    _judged(
        name="killed-together-only-in-one-sweep",
        old="ELSE leases_lost >= :suspect_at AND updated_at",
        new="ELSE false AND updated_at",
        test=f"{_SWEEPS}test_a_lease_of_the_same_worker_that_runs_out_later_is_company_too",
    ),
    _judged(
        name="killers-never-alone",
        old="row_number() OVER (PARTITION BY is_third ORDER BY id) % 2",
        new="0",
        test=f"{_SWEEPS}test_bookings_that_lose_their_third_lease_together_blame_their_worker",
    ),
    _judged(
        name="a-change-and-a-booking-are-no-company",
        old="WHERE status IN ('changing', 'retrying') AND leases_lost > 0",
        new="WHERE false",
        test=f"{_CHANGES}test_a_booking_and_a_change_of_one_worker_are_company",
    ),
    _judged(
        name="a-booking-and-a-change-of-one-number-are-one",
        old="(often.what, often.id) <> (lost.what, lost.id)",
        new="often.id <> lost.id",
        test=f"{_CHANGES}test_a_booking_and_a_change_of_one_worker_are_company",
    ),
    _judged(
        name="a-change-is-always-in-company",
        old="(often.what, often.id) <> (lost.what, lost.id)",
        new="true",
        test=f"{_CHANGES}test_a_change_that_loses_its_third_lease_alone_is_suspect",
    ),
    _lost(
        name="changes-killed-together-go-all-at-once",
        old="CASE WHEN turn > 0 THEN now() + make_interval(secs => 2 * turn * :lease_seconds) END",
        new="NULL",
        test=f"{_CHANGES}test_changes_that_lose_their_third_lease_together_blame_their_worker",
    ),
    _sweeper(
        name="a-swept-booking-waits-for-the-next-kind",
        old="        send(deps, (row for row in lost if _goes_now(row)))  # now",
        new="        send(deps, (row for row in lost if kind is KINDS[-1] and _goes_now(row)))  # now",
        test=f"{_CHANGES}test_what_was_swept_is_sent_though_the_next_kind_fails",
    ),
    _sweeper(
        name="lost-changes-of-the-second-group-are-sent-at-once",
        old="row.hold_reason is None and row.next_attempt_at is None",
        new="row.hold_reason is None",
        test=f"{_CHANGES}test_what_goes_later_is_not_sent_now",
    ),
)
