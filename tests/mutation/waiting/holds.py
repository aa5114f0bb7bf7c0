"""What ends a hold, taken away, one by one: then something stays held for good, or goes round and round."""

from tests.mutation.breakage import Breakage

_STATES = "tests/integration/appointments/test_db_holds_by_state.py::"
_RELEASES = "tests/integration/appointments/test_db_releases.py::"
_ORDERS = "tests/integration/database/test_db_overrides.py::"
_KEY = "tests/promises/outage/test_repaired_key.py::"
_PAGES = "tests/promises/outage/test_foreign_pages.py::"

HOLDS = (
    Breakage(
        name="credentials-end-by-an-event-only",
        promise=5,
        file="tasks/maintenance/release.py",
        old="key_works=seen.shared and calcom.key_fingerprint not in seen.blocked_keys,",
        new="key_works=False,",
        test=f"{_KEY}test_a_hold_that_is_written_after_the_reset_ends_like_the_others",
    ),
    Breakage(
        name="refused-key-never-asked-about",
        promise=5,
        file="tasks/maintenance/recovery.py",
        old="(refused and (held.credentials or queued))",
        new="False",
        test=f"{_KEY}test_after_a_401_that_is_repaired_at_cal_com_none_stays_held[nothing-None]",
    ),
    Breakage(
        name="line-behind-a-block-asks-nobody",
        promise=5,
        file="tasks/maintenance/recovery.py",
        old="queued = seen.shared and queue.backlog_reason(conn) is not None",
        new="queued = False",
        test="tests/integration/test_recovery.py::test_a_line_behind_a_block_is_enough_to_ask[settings]",
    ),
    Breakage(
        name="line-asks-without-redis",
        promise=3,
        file="tasks/maintenance/recovery.py",
        old="queued = seen.shared and queue.backlog_reason(conn) is not None",
        new="queued = queue.backlog_reason(conn) is not None",
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
    Breakage(
        name="page-holds-for-good",
        promise=5,
        file="tasks/maintenance/release.py",
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
    Breakage(
        name="nobody-goes-first",
        promise=5,
        file="tasks/maintenance/recovery.py",
        old="return release_first(deps)",
        new="return 0",
        test=f"{_PAGES}test_a_page_that_meets_post_alone_costs_one_booking_a_try[403]",
    ),
    Breakage(
        name="all-go-first",
        promise=3,
        file="tasks/maintenance/recovery.py",
        old="return release_first(deps)",
        new="return release_caused(deps, key_works=True, settings_work=True)",
        test=f"{_PAGES}test_a_page_that_meets_post_alone_costs_one_booking_a_try[403]",
    ),
    Breakage(
        name="one-bookings-page-tried-each-minute",
        promise=3,
        file="tasks/decisions.py",
        old="TRY_AGAIN * 2 ** min(met, 10)",
        new="TRY_AGAIN",
        test="tests/unit/tasks/test_life.py::test_a_booking_that_alone_meets_a_page_waits_longer_each_time[1-120]",
    ),
    Breakage(
        name="held-and-released-each-second",
        promise=4,
        file="db/sql/release_due.sql",
        old="""AND held_for = :settings AND :settings_work
        AND (hold_until IS NULL OR hold_until <= now()) AND held_at <= now() - interval '5 seconds'""",
        new="AND held_for = :settings AND :settings_work",
        test=f"{_STATES}test_nothing_is_released_and_held_again_each_second[columns0-configuration]",
    ),
    Breakage(
        name="who-was-just-tried-goes-first-again",
        promise=3,
        file="db/sql/first_to_try.sql",
        old="ORDER BY outcome_unknown, hold_until NULLS FIRST, line_at, id",
        new="ORDER BY outcome_unknown, line_at, id",
        test=f"{_STATES}test_the_first_to_be_tried_is_who_can_tell_most",
    ),
    Breakage(
        name="unreachable-never-tried-again",
        promise=4,
        file="db/sql/release_due.sql",
        old="hold_reason NOT IN ('suspect', 'credentials', 'configuration')",
        new="hold_reason NOT IN ('suspect', 'credentials', 'configuration', 'unreachable')",
        test=f"{_RELEASES}test_a_hold_whose_time_has_come_goes[unreachable]",
    ),
    Breakage(
        name="settling-never-looked-at",
        promise=4,
        file="db/sql/release_due.sql",
        old="hold_reason NOT IN ('suspect', 'credentials', 'configuration')",
        new="hold_reason NOT IN ('suspect', 'credentials', 'configuration', 'settling')",
        test=f"{_RELEASES}test_a_hold_whose_time_has_come_goes[settling]",
    ),
    Breakage(
        name="sight-gained-ends-nothing",
        promise=4,
        file="db/sql/release_due.sql",
        old="AND seen.asked_at > blind.held_at",
        new="AND seen.asked_at < blind.held_at",
        test=f"{_RELEASES}test_sight_gained_since_ends_blindness_for_that_event_type[event_type0]",
    ),
    Breakage(
        name="a-suspect-let-go-to-be-posted",
        promise=4,
        file="db/sql/release_due.sql",
        old="hold_reason NOT IN ('suspect', 'credentials', 'configuration')",
        new="hold_reason NOT IN ('credentials', 'configuration')",
        test=f"{_RELEASES}TestSuspects::test_its_time_does_not_let_it_go",
    ),
    Breakage(
        name="orders-count-from-one-again",
        promise=3,
        file="db/sql/order_number.sql",
        old="greatest(nextval(sequence), CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint))",
        new="nextval(sequence)",
        test=f"{_ORDERS}test_an_order_after_the_way_back_and_forward_has_a_higher_number",
    ),
)
