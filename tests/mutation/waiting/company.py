"""What keeps one booking's trouble from the others, taken away, one by one: then the others wait for it."""

from tests.mutation.breakage import Breakage

_HELD = "tests/integration/appointments/test_db_holds_by_state.py::"
_SWEEPS = "tests/integration/appointments/test_db_sweeps.py::TestLostLeases::"
_PROBES = "tests/promises/outage/test_probes.py::"
_RESTS = f"{_PROBES}test_from_the_third_probe_on_that_cal_com_chokes_on_a_booking_rests_and_comes_again"
_GOES = f"{_PROBES}test_what_rests_goes_when_the_breaker_has_closed_and_nobody_waits_for_it"
_TYPES = "tests/integration/line/test_db_failing_types.py::"

COMPANY = (
    Breakage(
        name="unknown-waits-for-a-missing-type",
        promise=1,
        file="db/sql/release_due.sql",
        old="OR outcome_unknown OR cancel_requested)",
        new="OR cancel_requested)",
        test=f"{_HELD}test_a_row_of_unknown_outcome_waits_for_no_missing_type",
    ),
    Breakage(
        name="killers-in-company-of-the-next-group",
        promise=4,
        file="db/sql/lost_leases.sql",
        old="2 * turn * :lease_seconds",
        new="turn * :lease_seconds / 2",
        test=f"{_SWEEPS}test_bookings_that_kill_their_workers_each_time_are_alone_in_the_end",
    ),
    Breakage(
        name="old-blind-row-puts-its-type-last",
        promise=4,
        file="db/sql/waiting.sql",
        old="        AND hold_reason IS DISTINCT FROM 'blind_key' AND",
        new="        AND",
        test=f"{_TYPES}test_a_booking_that_nobody_can_tell_of_says_nothing_of_its_type",
    ),
    Breakage(
        name="released-by-a-late-answer-and-forgotten",
        promise=4,
        file="resilience/circuit_breaker/held_work.py",
        old="            self._failover.not_acknowledged(endpoint, items=wanted)\n",
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
    Breakage(
        name="broken-type-probed-one-by-one",
        promise=4,
        file="db/sql/waiting.sql",
        old="         AND NOT EXISTS (\n             SELECT FROM failing AS type",
        new="         AND NOT EXISTS (\n             SELECT FROM (SELECT * FROM failing WHERE false) AS type",
        test=f"{_TYPES}test_the_probe_is_of_another_type_than_the_one_that_failed",
    ),
    Breakage(
        name="broken-type-opens-again-and-again",
        promise=4,
        file="db/sql/waiting.sql",
        old="AND NOT EXISTS (SELECT FROM unclear WHERE status IN ('pending', 'booking'))",
        new="",
        test=f"{_TYPES}test_of_failing_types_one_booking_at_a_time_is_under_way",
    ),
    Breakage(
        name="sound-type-never-shown",
        promise=4,
        file="db/sql/waiting.sql",
        old="    SELECT id, line_at, 0, 2 FROM failed\n",
        new="    SELECT id, line_at, 0, 2 FROM failed WHERE false\n",
        test=f"{_TYPES}test_the_bookings_of_a_failing_type_go_behind_the_others_and_one_of_them_second",
    ),
    Breakage(
        name="outage-taken-for-broken-types",
        promise=4,
        file="db/sql/waiting.sql",
        old="AND error_type IN ('http_500', 'http_other', 'database', 'unreadable')",
        new="",
        test=f"{_TYPES}test_a_service_that_is_gone_says_nothing_of_a_type[timeout]",
    ),
    Breakage(
        name="failed-probes-never-rest",
        promise=4,
        file="tasks/decisions.py",
        old="if posted.blamed and row.probe_failures + 1 >= PROBES_BEFORE_REST:",
        new="if False:",
        test=_RESTS,
    ),
    Breakage(
        name="rests-no-longer-each-time",
        promise=4,
        file="tasks/decisions.py",
        old="2 ** min(row.probe_failures + 2 - PROBES_BEFORE_REST, 16)",
        new="2",
        test=_RESTS,
    ),
    Breakage(
        name="rests-though-the-outage-is-over",
        promise=4,
        file="tasks/maintenance/release.py",
        old="closed=seen.shared and seen.breaker.state is create.state is State.CLOSED,",
        new="closed=False,",
        test=_GOES,
    ),
    Breakage(
        name="rested-goes-before-the-line",
        promise=4,
        file="db/sql/release_due.sql",
        old="AND NOT EXISTS (SELECT FROM appointments WHERE status = 'held' AND hold_reason = 'breaker_open')",
        new="",
        test=_GOES,
    ),
    Breakage(
        name="rested-goes-round-and-round",
        promise=4,
        file="db/sql/release_due.sql",
        old="CASE WHEN :closed AND due.hold_reason = 'unreachable' THEN 0 ELSE probe_failures END",
        new="probe_failures",
        test=_GOES,
    ),
    Breakage(
        name="rested-goes-while-its-call-is-shut",
        promise=3,
        file="tasks/maintenance/release.py",
        old="seen.breaker.state is create.state is State.CLOSED",
        new="seen.breaker.state is State.CLOSED",
        test=f"{_PROBES}test_what_rests_stays_while_the_breaker_is_not_closed[bookings.create]",
    ),
    Breakage(
        name="killed-together-all-suspect",
        promise=4,
        file="db/sql/lost_leases.sql",
        old="is_third AND NOT in_company AS is_suspect",
        new="is_third AS is_suspect",
        test=f"{_SWEEPS}test_bookings_that_lose_their_third_lease_together_blame_their_worker",
    ),
    Breakage(
        name="killed-together-only-in-one-sweep",
        promise=4,
        file="db/sql/lost_leases.sql",
        old="ELSE leases_lost >= :suspect_at AND updated_at",
        new="ELSE false AND updated_at",
        test=f"{_SWEEPS}test_a_lease_of_the_same_worker_that_runs_out_later_is_company_too",
    ),
    Breakage(
        name="killers-never-alone",
        promise=4,
        file="db/sql/lost_leases.sql",
        old="row_number() OVER (PARTITION BY is_third ORDER BY id) % 2",
        new="0",
        test=f"{_SWEEPS}test_bookings_that_lose_their_third_lease_together_blame_their_worker",
    ),
)
