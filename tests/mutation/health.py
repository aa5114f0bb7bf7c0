"""What sees that the fleet is well, taken away, one by one: something stands still, or is wrong, and nobody hears."""

from functools import partial

from tests.mutation.breakage import Breakage

_CLOCKS = "tests/promises/test_clocks.py::"
_GONE = "tests/integration/incidents/test_health_redis.py::"
_LEVELS = "tests/integration/incidents/test_health_levels.py::"
_HEALTH = "tests/integration/incidents/test_health.py::"
_LISTED = "tests/promises/test_flower.py::test_the_list_holds_bookings_only_and_a_day_later_those_of_its_first_hour"
_READING = "tests/integration/overview/test_reading.py::"
_periodic = partial(Breakage, file="tasks/host/periodic.py")
_heartbeat = partial(Breakage, promise=6, file="worker/heartbeat.py")
_health_check = partial(Breakage, promise=6, file="tasks/incidents/check.py")
_outages = partial(Breakage, promise=6, file="tasks/incidents/service_outages.py")
_beat_check = partial(Breakage, promise=6, file="worker/cli/check/health.py")
_server_checks = partial(Breakage, promise=6, file="worker/cli/check/servers.py")
_reading = partial(Breakage, promise=6, file="tasks/overview/reading.py")
_verdict = partial(Breakage, promise=6, file="tasks/overview/verdict.py")
_phrases = partial(Breakage, promise=6, file="tasks/overview/ranking/phrases.py")

HEALTH = (
    Breakage(
        name="ticks-that-expire",
        promise=4,
        file="worker/schedule.py",
        old='"headers": {TICK: seconds}}',
        new='"headers": {TICK: seconds}, "expires": max(10.0, 3 * seconds)}',
        test=f"{_CLOCKS}test_what_is_held_is_released_whatever_the_clock_of_the_maintenance_host_says[15 s ahead]",
    ),
    _health_check(
        name="held-changes-are-no-incident",
        old="            *observe_held_changes(status_queries.held_changes(conn, CHANGES_OF_A_PERSON)),\n",
        new="",
        test="tests/integration/incidents/test_held_changes.py::"
        "test_a_change_that_is_held_for_a_person_is_an_incident[suspect]",
    ),
    _periodic(
        name="piled-up-ticks-all-run",
        promise=4,
        old="if not self._pace.begin(every):",
        new="if not self._pace.begin(0.0):",
        test=f"{_CLOCKS}test_ticks_that_piled_up_while_no_worker_ran_are_done_once",
    ),
    _periodic(
        name="release-at-its-moment-taken-for-a-tick",
        promise=4,
        old="every = self.request.get(TICK)",
        new="every = self.request.get(TICK, 1.0)",
        test="tests/unit/tasks/test_periodic.py::test_a_worker_drops_ticks_and_runs_whatever_was_sent_for_its_own_moment",
    ),
    _periodic(
        name="postgres-gone-said-at-each-tick",
        promise=6,
        old="first = not self._failing",
        new="first = True",
        test="tests/unit/tasks/test_periodic.py::test_a_database_that_is_gone_is_said_in_one_line_and_once_when_it_is_back",
    ),
    _periodic(
        name="ticks-bury-the-bookings-in-flower",
        promise=6,
        old="send_events = False",
        new="send_events = True",
        test=_LISTED,
    ),
    Breakage(
        name="beat-tells-flower-of-each-tick",
        promise=6,
        file="worker/celery_app.py",
        old="task_send_sent_event = False",
        new="task_send_sent_event = True",
        test=_LISTED,
    ),
    Breakage(
        name="task-that-no-worker-had-listed-without-its-name",
        promise=6,
        file="tasks/work/publish.py",
        old='"name": task_of(row), "args": f"[{row.id}]", ',
        new="",
        test=_LISTED,
    ),
    Breakage(
        name="beat-that-never-started-is-missed-by-nobody",
        promise=6,
        file="db/monitoring/heartbeats.py",
        old="return None if requested_at is None else Heartbeat(None, requested_at, EVERY, now)",
        new="return None",
        test=f"{_HEALTH}test_a_beat_that_never_started_is_told_once_a_booking_waits_for_it",
    ),
    _heartbeat(
        name="one-host-without-the-breaker-told-by-nobody",
        old="            check_redis(recent)\n",
        new="            pass\n",
        test="tests/promises/redis/test_shared_breaker_gone.py"
        "::test_one_host_that_cannot_reach_the_shared_breaker_is_told_and_books_on",
    ),
    _health_check(
        name="redis-gone-told-by-nobody",
        old="*([redis] if redis else []),",
        new="",
        test=f"{_GONE}test_a_shared_breaker_that_is_gone_is_told_and_so_is_its_return",
    ),
    _heartbeat(
        name="slow-redis-told-by-nobody",
        old="        report_slow_redis(recent)\n",
        new="",
        test=f"{_GONE}test_a_redis_that_often_answers_late_is_told_and_so_is_its_end",
    ),
    Breakage(
        name="answers-in-time-counted-by-nobody",
        promise=6,
        file="resilience/shared_state/state.py",
        old="self.absence.answers_in_time += 1",
        new="pass",
        test=f"{_GONE}test_a_redis_that_often_answers_late_is_told_and_so_is_its_end",
    ),
    Breakage(
        name="one-pause-of-redis-wakes-somebody",
        promise=6,
        file="tasks/incidents/late_answers.py",
        old="_LOOKS = 3",
        new="_LOOKS = 1",
        test="tests/unit/incidents/test_late_answers.py::test_what_costs_hardly_a_call_wakes_nobody",
    ),
    _health_check(
        name="outage-without-redis-told-by-nobody",
        old="services = judge_by_record(conn, services, built.detector.settings, now)",
        new="pass",
        test=f"{_GONE}test_an_outage_without_redis_is_told_by_the_bookings_that_failed[http_503]",
    ),
    _outages(
        name="breaker-that-waits-for-a-call-called-an-outage",
        old="status.state is State.HALF_OPEN and status.breaker.opens > 0",
        new="status.state is State.HALF_OPEN",
        test=f"{_LEVELS}test_a_breaker_that_was_ordered_open_and_only_waits_for_a_call_is_no_outage",
    ),
    _outages(
        name="breaker-that-nobody-waits-for-hides-the-next-outage",
        old="if one.subject in services.half_open and waiting else level",
        new="if one.subject in services.half_open else level",
        test=f"{_LEVELS}test_a_breaker_that_opened_and_waits_for_a_call_is_an_outage_while_a_booking_waits",
    ),
    _server_checks(
        name="redis-user-without-scripts-called-well",
        old="if error := breaker_error(url):",
        new="if error := None:",
        test="tests/integration/cli/test_cli_check.py"
        "::test_a_redis_user_that_may_not_share_a_breaker_is_wrong[-@scripting]",
    ),
    _beat_check(
        name="silent-beat-called-healthy",
        old="    elif beat_is_dead(beat):",
        new="    elif False:",
        test="tests/integration/cli/test_cli_check.py::test_a_health_check_of_beat_asks_for_its_tick_alone",
    ),
    Breakage(
        name="wrong-clock-called-well",
        promise=6,
        file="worker/cli/check/clocks.py",
        old="if abs(clock.ahead) > TOO_FAR + clock.give_or_take]",
        new="if False]",
        test="tests/integration/cli/test_cli_check.py::test_a_redis_whose_clock_is_wrong_is_named",
    ),
    Breakage(
        name="caller-waits-for-frozen-calls",
        promise=1,
        file="db/connection.py",
        old="remaining(timeout))",
        new="timeout)",
        test="tests/integration/database/test_db_deadline.py::test_who_finds_all_connections_taken_waits_no_longer_than_it_may",
    ),
    Breakage(
        name="prepared-behind-a-pooler-that-knows-it-not",
        promise=1,
        file="db/engine.py",
        old='    if value == "none":\n        return None\n',
        new='    if value == "none":\n        return 5\n',
        test="tests/integration/database/test_db_engine.py"
        "::test_the_url_says_whether_statements_are_prepared[?prepare_threshold=none-0]",
    ),
    _server_checks(
        name="time-outs-dropped-in-silence",
        old="    if unbounded:",
        new="    if False:",
        test="tests/integration/cli/test_cli_check.py::test_sessions_without_time_outs",
    ),
    Breakage(
        name="forgotten-endpoint-open-for-ever",
        promise=6,
        file="db/monitoring/breaker_events.py",
        old='if row["reason"] == BEGUN:',
        new="if False:",
        test="tests/integration/breaker/test_breaker_forgotten.py"
        "::test_a_report_after_a_restart_from_nothing_shows_the_breaker_closed[failure_endpoint]",
    ),
    _verdict(
        name="another-rank",
        old="    (theirs.forced_open, causes.of_calcom),\n    (theirs.breaker_open, causes.of_calcom),\n",
        new="    (theirs.breaker_open, causes.of_calcom),\n    (theirs.forced_open, causes.of_calcom),\n",
        test="tests/unit/overview/test_verdict.py::test_the_first_of_the_worst_answers",
    ),
    _verdict(
        name="redis-said-before-postgres",
        old="    (ours.postgres_gone, causes.of_all),\n    (ours.postgres_slow, causes.of_all),\n"
        "    (ours.redis_gone, causes.of_all),\n",
        new="    (ours.redis_gone, causes.of_all),\n    (ours.postgres_gone, causes.of_all),\n"
        "    (ours.postgres_slow, causes.of_all),\n",
        test=f"{_READING}test_both_gone_is_said_of_postgres_first",
    ),
    _verdict(
        name="first-by-rank-before-what-is-worse",
        old="worst_rows = [one for one in true if one.level is worst]",
        new="worst_rows = list(true)",
        test="tests/unit/overview/test_verdict.py::test_what_needs_a_person_is_said_before_what_ends_by_itself",
    ),
    _verdict(
        name="goes-while-nothing-goes",
        old="        true = [one for one in true if one.row not in _GOING]\n",
        new="        pass\n",
        test="tests/unit/overview/test_verdict.py::test_nothing_is_said_to_go_while_nothing_goes",
    ),
    _verdict(
        name="sentences-that-take-turns",
        old="overview.read_at - before.chosen_at < KEPT",
        new="False",
        test="tests/unit/overview/test_verdict.py::test_a_sentence_stays_while_it_is_true_so_that_it_can_be_read",
    ),
    _reading(
        name="slow-postgres-taken-for-gone",
        old="return None, None if lacks_tables else ms, lacks_tables",
        new="return None, None, lacks_tables",
        test=f"{_READING}test_a_postgres_that_only_takes_long_is_slow_and_not_gone",
    ),
    _reading(
        name="gone-since-just-now-again-and-again",
        old="since=before.since if before.is_late or not before.answers else at",
        new="since=at",
        test=f"{_READING}test_a_frozen_postgres_is_given_up_and_all_else_is_read",
    ),
    Breakage(
        name="a-process-alone-taken-for-the-fleet",
        promise=6,
        file="tasks/overview/cards.py",
        old="    if not status.shared:\n",
        new="    if not status.service:\n",
        test=f"{_READING}test_a_frozen_redis_is_given_up_and_all_else_is_read",
    ),
    _phrases(
        name="what-waits-for-a-person-goes-by-itself",
        old="others = held_count(overview) - going",
        new="others = 0",
        test="tests/unit/overview/test_verdict.py::test_what_waits_for_a_person_is_not_said_to_go_by_itself",
    ),
    _phrases(
        name="failed-calls-are-a-pace",
        old="return card.calls_lately /",
        new="return (card.calls or 0) /",
        test="tests/unit/overview/test_verdict.py::test_the_pace_is_that_of_what_is_let_go",
    ),
    _phrases(
        name="late-begins-anew-with-each-hold",
        old="[one.oldest_requested_at for one",
        new="[one.oldest_held_at for one",
        test="tests/unit/overview/test_verdict.py::test_an_outage_is_critical_once_somebody_may_lose_his_slot_or_waits_too_long",
    ),
    Breakage(
        name="an-outage-that-redis-forgot-never-ends",
        promise=6,
        file="db/sql/outage_times.sql",
        old="            OR NOT EXISTS (\n",
        new="            OR false AND NOT EXISTS (\n",
        test="tests/integration/overview/test_outage_times.py"
        "::test_an_outage_lasts_from_its_first_opening_to_the_next_closing",
    ),
    Breakage(
        name="not-calm-and-exit-code-0",
        promise=6,
        file="worker/cli/status/status.py",
        old="ok = said.level is Level.CALM and not deployment.problems",
        new="ok = not deployment.problems",
        test="tests/integration/cli/status/test_cli_states.py"
        "::test_what_is_not_calm_is_exit_code_1_though_nothing_looks_wrong",
    ),
)
