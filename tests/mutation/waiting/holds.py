"""What ends a hold, taken away, one by one: then something stays held for good, or goes round and round."""

from functools import partial

from tests.mutation.breakage import Breakage

_STATES = "tests/integration/appointments/test_db_holds_by_state.py::"
_RELEASES = "tests/integration/appointments/test_db_releases.py::"
_OVERRIDES = "tests/integration/database/test_db_overrides.py::"
_KEY = "tests/promises/outage/test_repaired_key.py::"
_WITHHELD = "tests/promises/answers/test_withheld_answers.py::"
_ALONE = "tests/promises/answers/test_alone.py::"
_TYPES = "tests/integration/test_missing_types.py::"
_PAGES = "tests/promises/outage/test_foreign_pages.py::"
_release = partial(Breakage, promise=5, file="tasks/maintenance/release.py")
_recovery = partial(Breakage, file="tasks/maintenance/recovery.py")
_decisions = partial(Breakage, file="tasks/work/decisions.py")
_release_due = partial(Breakage, promise=4, file="db/sql/release_due.sql")
_first_to_try = partial(Breakage, file="db/sql/first_to_try.sql")
_outcome = partial(Breakage, file="tasks/attempts/outcome.py")

HOLDS = (
    _release(
        name="credentials-end-by-an-event-only",
        old="key_works=seen.shared and calcom.key_fingerprint not in seen.blocked_keys,",
        new="key_works=False,",
        test=f"{_KEY}test_a_hold_that_is_written_after_the_reset_ends_like_the_others",
    ),
    _recovery(
        name="refused-key-never-asked-about",
        promise=5,
        old="        (refused and held.credentials)\n        or ((refused or wrong or",
        new="        ((wrong or",
        test=f"{_KEY}test_after_a_401_that_is_repaired_at_cal_com_none_stays_held[nothing-None]",
    ),
    _recovery(
        name="line-behind-a-block-asks-nobody",
        promise=5,
        old="queued = seen.shared and waits.backlog_reason(conn, deps.caller.id) is not None",
        new="queued = False",
        test="tests/integration/test_recovery.py::test_a_line_behind_a_block_is_enough_to_ask[settings]",
    ),
    _recovery(
        name="line-asks-without-redis",
        promise=3,
        old="queued = seen.shared and waits.backlog_reason(conn, deps.caller.id) is not None",
        new="queued = waits.backlog_reason(conn, deps.caller.id) is not None",
        test="tests/integration/test_recovery.py::test_without_redis_a_line_is_no_reason_to_ask",
    ),
    Breakage(
        name="block-stays-written-down",
        promise=5,
        file="tasks/operations/breaker_overrides.py",
        old="lifted.append(one.number)",
        new="pass",
        test=f"{_KEY}test_after_a_401_that_is_repaired_at_cal_com_none_stays_held[nothing-None]",
    ),
    _release(
        name="page-holds-for-good",
        old="settings_work=seen.shared and calcom.settings_fingerprint not in blocked,",
        new="settings_work=False,",
        test=f"{_PAGES}test_a_page_on_one_booking_holds_that_one_and_the_fleet_goes_on",
    ),
    Breakage(
        name="page-left-to-beat",
        promise=3,
        file="tasks/booking.py",
        old="            ask_at_once(deps)\n",
        new="            pass\n",
        test=f"{_PAGES}test_after_a_page_for_every_call_all_are_booked_without_an_operator",
    ),
    _recovery(
        name="nobody-goes-first",
        promise=5,
        old="return release_first(deps)",
        new="return 0",
        test=f"{_PAGES}test_a_page_that_meets_post_alone_costs_one_booking_a_try[403]",
    ),
    _recovery(
        name="all-go-first",
        promise=3,
        old="return release_first(deps)",
        new="return release_caused(deps, key_works=True, settings_work=True)",
        test=f"{_PAGES}test_a_page_that_meets_post_alone_costs_one_booking_a_try[403]",
    ),
    _decisions(
        name="one-bookings-page-tried-each-minute",
        promise=3,
        old="TRY_AGAIN * 2 ** min(met, 10)",
        new="TRY_AGAIN",
        test="tests/unit/tasks/test_life.py::test_a_booking_that_alone_meets_a_page_waits_longer_each_time[1-120]",
    ),
    _release_due(
        name="held-and-released-each-second",
        old="""AND held_for = :settings AND :settings_work
        AND (hold_until IS NULL OR hold_until <= now()) AND held_at <= now() - interval '5 seconds'""",
        new="AND held_for = :settings AND :settings_work",
        test=f"{_STATES}test_nothing_is_released_and_held_again_each_second[columns0-configuration]",
    ),
    _first_to_try(
        name="who-was-just-tried-goes-first-again",
        promise=3,
        old="hold_until NULLS FIRST, line_at, id",
        new="line_at, id",
        test=f"{_STATES}test_the_first_to_be_tried_is_who_can_tell_most",
    ),
    _first_to_try(
        name="unsettled-tried-before-settled",
        promise=4,
        old=" coalesce(settle_at > now(), false),",
        new="",
        test=f"{_STATES}test_the_first_to_be_tried_is_who_can_tell_most",
    ),
    Breakage(
        name="page-not-looked-behind",
        promise=2,
        file="tasks/attempts/answered.py",
        old="return step if reply.kind is ReplyKind.UNKNOWN else _found_at_once(inquiry) or step",
        new="return step",
        test=f"{_WITHHELD}test_a_booking_whose_answer_a_page_replaces_is_found_at_once[a firewall's 403]",
    ),
    _outcome(
        name="page-costs-a-retry",
        promise=5,
        old="costs = row.error_type != ErrorType.CONFIGURATION",
        new="costs = True",
        test=f"{_WITHHELD}test_a_page_of_many_hours_uses_up_no_retry",
    ),
    _decisions(
        name="failed-by-a-page",
        promise=5,
        old="{ErrorType.LEASE_LOST, ErrorType.CONFIGURATION, ErrorType.NO_EVENT_TYPE}",
        new="{ErrorType.LEASE_LOST, ErrorType.NO_EVENT_TYPE}",
        test="tests/unit/tasks/test_life.py::test_an_operators_error_fails_nobody_whose_retries_are_used_up[configuration]",
    ),
    _decisions(
        name="failed-by-a-missing-type",
        promise=5,
        old="{ErrorType.LEASE_LOST, ErrorType.CONFIGURATION, ErrorType.NO_EVENT_TYPE}",
        new="{ErrorType.LEASE_LOST, ErrorType.CONFIGURATION}",
        test="tests/unit/tasks/test_life.py::test_an_operators_error_fails_nobody_whose_retries_are_used_up[no_event_type]",
    ),
    _decisions(
        name="failed-alone-at-night",
        promise=5,
        old="(error_type in FAULTS and asked_ago < self.timings.wait_for_proof)",
        new="False",
        test=f"{_ALONE}test_a_booking_alone_outlives_minutes_of_errors[database_down]",
    ),
    _decisions(
        name="what-always-fails-never-ends",
        promise=1,
        old="(error_type in FAULTS and asked_ago < self.timings.wait_for_proof)",
        new="error_type in FAULTS",
        test=f"{_ALONE}test_errors_that_outlast_the_longest_hold_fail_it",
    ),
    _outcome(
        name="look-put-off-by-retry-after",
        promise=1,
        old="pause = rules.policy.delay(row.retry_count)",
        new="pause = reply.retry_after or rules.policy.delay(row.retry_count)",
        test=f"{_ALONE}test_a_look_waits_for_no_retry_after",
    ),
    _outcome(
        name="look-put-off-by-the-lists-retry-after",
        promise=1,
        old="        delay = rules.policy.delay(0)  # a lookup changes nothing, so the pause does not grow\n",
        new="        delay = (reply and reply.retry_after) or rules.policy.delay(0)\n",
        test=f"{_ALONE}test_a_list_that_asks_for_patience_puts_off_no_look",
    ),
    _outcome(
        name="look-put-off-past-the-start",
        promise=1,
        old="return _settling(why, rules.before_start(row, times.settled_in))",
        new="return _settling(why, times.settled_in)",
        test=f"{_ALONE}test_no_look_is_put_off_past_the_start[bad_gateway]",
    ),
    Breakage(
        name="any-guards-no-refuses-a-customer",
        promise=5,
        file="tasks/calcom/failures.py",
        old='(403, r"^Forbidden resource\\Z", PAGE),',
        new='(403, r"^Forbidden resource\\Z", _REFUSED),',
        test=f"{_WITHHELD}test_a_booking_that_a_page_hides_is_looked_for_before_another_post[a guard's own 403]",
    ),
    _release_due(
        name="unreachable-never-tried-again",
        old="hold_reason NOT IN ('suspect', 'credentials', 'configuration')",
        new="hold_reason NOT IN ('suspect', 'credentials', 'configuration', 'unreachable')",
        test=f"{_RELEASES}test_a_hold_whose_time_has_come_goes[unreachable]",
    ),
    _release_due(
        name="settling-never-looked-at",
        old="hold_reason NOT IN ('suspect', 'credentials', 'configuration')",
        new="hold_reason NOT IN ('suspect', 'credentials', 'configuration', 'settling')",
        test=f"{_RELEASES}test_a_hold_whose_time_has_come_goes[settling]",
    ),
    _release_due(
        name="sight-gained-ends-nothing",
        old="AND seen.asked_at > blind.held_at",
        new="AND seen.asked_at < blind.held_at",
        test=f"{_RELEASES}test_sight_gained_since_ends_blindness_for_that_event_type[event_type0]",
    ),
    _release_due(
        name="a-suspect-let-go-to-be-posted",
        old="hold_reason NOT IN ('suspect', 'credentials', 'configuration')",
        new="hold_reason NOT IN ('credentials', 'configuration')",
        test=f"{_RELEASES}TestSuspects::test_its_time_does_not_let_it_go",
    ),
    Breakage(
        name="overrides-count-from-one-again",
        promise=3,
        file="db/sql/override_number.sql",
        old="greatest(nextval(sequence), CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint))",
        new="nextval(sequence)",
        test=f"{_OVERRIDES}test_an_override_after_the_way_back_and_forward_has_a_higher_number",
    ),
    # -- an event type that was there
    *(
        Breakage(name=name, promise=promise, file=file, old=old, new=new, test=f"{_TYPES}{test}")
        for name, promise, file, old, new, test in (
            (
                "missing-type-refuses-everybody",
                5,
                "tasks/attempts/inquiry.py",
                "ErrorType.NO_EVENT_TYPE and event_type_lookup.was_here(self.claim.deps, row):",
                "ErrorType.NO_EVENT_TYPE and False:",
                "test_a_type_that_was_booked_here_and_is_missing_refuses_nobody[slug]",
            ),
            (
                "type-that-never-was-holds",
                5,
                "db/sql/known_type.sql",
                "AND (kind <> 'unknown' OR calcom_id IS NOT NULL)",
                "",
                "test_a_type_that_nobody_has_ever_seen_is_refused_as_before",
            ),
            (
                "missing-type-never-looked-for",
                5,
                "tasks/maintenance/recovery.py",
                " + look_for_type(own)",
                "",
                "test_a_thousand_that_wait_for_a_type_cost_one_look_a_minute",
            ),
            (
                "missing-type-let-go-with-the-settings",
                5,
                "db/sql/release_due.sql",
                "        AND /* typed */\n",
                "",
                "test_a_thousand_that_wait_for_a_type_cost_one_look_a_minute",
            ),
            (
                "missing-type-looked-for-by-all",
                3,
                "db/sql/missing_type.sql",
                "kept.looked_at BETWEEN clock_timestamp() - interval '1 minute' AND clock_timestamp()",
                "false",
                "test_a_thousand_that_wait_for_a_type_cost_one_look_a_minute",
            ),
            (
                "wrong-look-costs-a-post-a-row",
                3,
                "db/sql/of_missing_type.sql",
                "NOT EXISTS (SELECT FROM missing WHERE held_at > :looked_before)",
                "coalesce(CAST(:looked_before AS timestamptz), now()) IS NOT NULL",
                "test_a_wrong_look_costs_one_post_a_minute",
            ),
            (
                "wrong-look-holds-for-an-hour",
                5,
                "tasks/work/decisions.py",
                '{"hold_until": FromNow(self.before_start(row, TRY_AGAIN))}',
                '{"hold_until": self._try_again(row)}',
                "test_what_met_the_missing_type_nine_times_goes_as_soon_as_it_is_found",
            ),
            (
                "other-settings-without-a-rest",
                3,
                "db/sql/release_due.sql",
                """AND held_for > :settings
        AND held_at <= now() - interval '5 seconds'""",
                "AND held_for > :settings",
                "test_two_workers_of_different_settings_pass_a_booking_on_after_a_rest[zz]",
            ),
            (
                "look-in-the-future-puts-its-type-last",
                5,
                "db/sql/missing_type.sql",
                "CASE WHEN kept.looked_at <= clock_timestamp() THEN kept.looked_at END NULLS FIRST",
                "kept.looked_at NULLS FIRST",
                "test_a_look_that_a_clock_has_left_in_the_future_puts_no_type_last",
            ),
            (
                "cancel-waits-for-a-missing-type",
                1,
                "db/queue/kinds.py",
                " OR cancel_requested)",
                ")",
                "test_the_operator_cancels_what_waits_for_a_type",
            ),
            (
                "page-that-waits-for-a-type",
                1,
                "tasks/work/decisions.py",
                'hold["error_type"] = ErrorType.CONFIGURATION',
                "pass",
                "test_what_the_settings_hold_since_waits_for_no_type",
            ),
        )
    ),
)
