"""The trip rule, taken apart: then a bad day is treated like an outage, or an outage like a bad day."""

from functools import partial

from tests.mutation.breakage import Breakage

_ODDS = "tests/integration/breaker/test_trip_odds.py::"
_RULE = "tests/integration/breaker/test_trip_rule.py::"
_ACCOUNTS = "tests/integration/breaker/accounts/test_accounts.py::"
_NIGHT = "tests/integration/breaker/accounts/test_quiet_night.py::"
_HALF = "tests/promises/outage/test_dead_endpoint.py::"
_PART = "tests/promises/bad_day/test_half_a_service.py::"
_LOOKS = "tests/unit/tasks/test_unknown.py::"
_ALIVE = "elseif scope.state == 'closed' and result and scope.failures > 0 then"
_trip = partial(Breakage, promise=3, file="resilience/lua/lib/trip.lua")
_acquire = partial(Breakage, promise=3, file="resilience/lua/acquire.lua")
_callers = partial(Breakage, promise=3, file="resilience/lua/lib/callers.lua")
_local = partial(Breakage, promise=3, file="resilience/circuit_breaker/local/breaker.py")
_state_machine = partial(Breakage, promise=3, file="resilience/lua/lib/state_machine.lua")

TRIP = (
    _trip(
        name="success-forgives-nothing",
        old=_ALIVE,
        new="elseif scope.state == 'closed' and result and false then",
        test=f"{_ODDS}test_a_bad_day_opens_it_hardly_ever[failure_service]",
    ),
    _trip(
        name="share-instead-of-a-row",
        old="scope.failures > 0 then -- a success, or a failure that opened the service\n    count_failures(scope, 0)",
        new="scope.failures > 0 then -- one success pays for one failure\n"
        "    count_failures(scope, scope.failures - 1)",
        test=f"{_ODDS}test_a_bad_day_opens_it_hardly_ever[failure_service]",
    ),
    _trip(
        name="silence-forgives",
        old="if outcome == 'success' then\n    service_result",
        new="if outcome == 'success' or outcome == 'ignored' then\n    service_result",
        test=f"{_RULE}test_what_says_nothing_of_the_service_neither_counts_nor_clears[ignored]",
    ),
    _trip(
        name="limit-counts-as-failure",
        old="elseif outcome == 'failure_service' then",
        new="elseif outcome == 'failure_service' or outcome == 'throttled' then",
        test=f"{_RULE}test_what_says_nothing_of_the_service_neither_counts_nor_clears[throttled]",
    ),
    Breakage(
        name="refusal-forgives-nothing",
        promise=3,
        file="tasks/calcom/failures.py",
        old="    kind=ReplyKind.TAKEN,\n    outcome=CallOutcome.SUCCESS,\n",
        new="    kind=ReplyKind.TAKEN,\n    outcome=CallOutcome.IGNORED,\n",
        test=f"{_HALF}test_a_refusal_shows_that_cal_com_lives",
    ),
    _trip(
        name="window-not-asked",
        old="<= setting.span then",
        new=">= 0 then",
        test=f"{_RULE}test_a_row_that_is_longer_than_the_window_opens_nothing",
    ),
    _trip(
        name="never-does-trip",
        old="if setting.threshold <= NEVER then",
        new="if true then",
        test=f"{_RULE}test_a_threshold_above_a_thousand_means_never",
    ),
    _trip(
        name="reads-hide-a-dead-post",
        old="service_result, endpoint_result, own_result = 'failed', 'failed', 'failed'",
        new="service_result, endpoint_result, own_result = 'failed', nil, 'failed'",
        test=f"{_HALF}test_a_dead_post_is_left_alone_after_five_though_every_look_is_answered[time-outs]",
    ),
    _trip(
        name="dead-list-shuts-the-service",
        old=_ALIVE,
        new="elseif scope.state == 'closed' and result and scope.name ~= '' then",
        test=f"{_HALF}test_a_dead_list_opens_the_list_alone_and_bookings_go_on",
    ),
    _trip(
        name="error-shows-no-life",
        old="service_result, endpoint_result, own_result = 'alive', 'failed', 'failed'",
        new="service_result, endpoint_result, own_result = nil, 'failed', 'failed'",
        test=f"{_RULE}test_an_error_of_one_endpoint_shows_that_the_service_lives",
    ),
    _trip(
        name="both-scopes-open",
        old="elseif scope.state == 'closed' and result == 'failed' and not tripped then",
        new="elseif scope.state == 'closed' and result == 'failed' then",
        test=f"{_RULE}test_when_both_would_open_only_the_service_does",
    ),
    _trip(
        name="probe-without-an-answer-is-no-failure",
        old="elseif result == 'failed' and not tripped then\n      trip(",
        new="elseif result == 'failed' and scope.name == '' then\n      trip(",
        test=f"{_RULE}test_an_endpoints_probe_that_is_not_answered_opens_it_again",
    ),
    _trip(
        name="in-flight-opens-all",
        old="elseif endpoint_changed and service_result == 'failed' then",
        new="elseif false then",
        test="tests/integration/breaker/test_breaker_states.py::"
        "test_calls_in_flight_when_their_endpoint_opened_do_not_open_the_service",
    ),
    _trip(
        name="half-a-service-is-shut-as-a-dead-one",
        old="is_mixed(scope) and length / SHORT or length",
        new="length",
        test=f"{_PART}test_where_half_of_all_calls_fail_the_other_half_is_used",
    ),
    _state_machine(
        name="dead-service-is-probed-as-half-a-one",
        old=" and now - scope.mixed_at < setting.open_for",
        new="",
        test=f"{_PART}test_a_sudden_outage_is_left_alone_for_a_whole_open",
    ),
    _trip(
        name="service-that-opened-shows-that-its-endpoint-works",
        old="    if result == 'alive' then\n      scope.mixed_at",
        new="    if true then\n      scope.mixed_at",
        test="tests/integration/breaker/test_breaker_model.py::test_the_scripts_keep_the_rules[0]",
    ),
    _state_machine(
        name="success-of-another-clock-shortens-open",
        old="now - scope.mixed_at >= 0 and ",
        new="",
        test=f"{_PART}test_a_success_before_a_clock_that_was_set_back_shortens_no_open",
    ),
    _trip(
        name="two-accounts-stop-all",
        old="math.max(2, recent_callers(callers))",
        new="2",
        test=f"{_ACCOUNTS}test_two_accounts_of_twenty_open_only_themselves[shared]",
    ),
    _trip(
        name="one-account-stops-all",
        old="return number >= math.min(",
        new="return true or number >= math.min(",
        test=f"{_ACCOUNTS}test_one_accounts_failures_stop_no_other[shared-failure_endpoint-http_500-20]",
    ),
    _trip(
        name="idle-account-hides-an-outage",
        old="math.min(ACCOUNTS_TO_OPEN, math.max(2, recent_callers(callers)), ",
        new="math.min(ACCOUNTS_TO_OPEN, ",
        test=f"{_NIGHT}test_an_idle_account_hides_no_outage[shared-failure_service-timeout-0]",
    ),
    _trip(
        name="one-that-calls-alone-stops-all",
        old="math.max(2, recent_callers(callers))",
        new="recent_callers(callers)",
        test=f"{_NIGHT}test_one_account_alone_opens_only_itself_however_idle_the_others_are[shared]",
    ),
    _acquire(
        name="broken-account-hides-an-outage",
        old="if own and own.state == 'closed' and not trial then",
        new="if own and not trial then",
        test=f"{_NIGHT}test_an_account_that_is_broken_hides_no_outage[shared]",
    ),
    _callers(
        name="who-calls-is-written-at-each-call",
        old="  if fresh < MOST then",
        new="  if true then",
        test=f"{_NIGHT}test_who_calls_is_written_once_a_minute",
    ),
    _callers(
        name="caller-of-yesterday-counts",
        old="math.abs(now - at) < RECENT and 1 or 0",
        new="1",
        test=f"{_NIGHT}test_an_idle_account_hides_no_outage[shared-failure_endpoint-http_500-1]",
    ),
    _local(
        name="without-redis-two-accounts-stop-all",
        old="min(account.accounts_to_open, max(2, recent))",
        new="min(account.accounts_to_open, 2)",
        test=f"{_NIGHT}test_broken_accounts_hold_hardly_any_of_the_others[0-False]",
    ),
    _local(
        name="without-redis-an-idle-account-hides-an-outage",
        old="min(account.accounts_to_open, max(2, recent))",
        new="account.accounts_to_open",
        test=f"{_NIGHT}test_an_idle_account_hides_no_outage[alone-failure_service-timeout-0]",
    ),
    _trip(
        name="accounts-of-an-earlier-row-count",
        old="scope.failures > 1 and scope.failed_by or ''",
        new="scope.failed_by or ''",
        test="tests/integration/breaker/test_breaker_model.py::"
        "test_the_scripts_keep_the_rules_of_several_accounts[0-2]",
    ),
    _trip(
        name="ill-account-counts-for-all",
        old="(own.state ~= 'closed' or own_epoch ~= 0 and own_epoch ~= own.epoch)",
        new="false",
        test=f"{_ACCOUNTS}test_while_its_own_breaker_is_not_closed_an_account_counts_for_itself_only[shared]",
    ),
    _trip(
        name="no-connection-blamed-on-the-account",
        old="never_sent and '-' or ACCOUNT",
        new="ACCOUNT",
        test=f"{_ACCOUNTS}test_what_was_never_sent_opens_for_all_whoever_called[shared]",
    ),
    _state_machine(
        name="ill-account-probes-for-all",
        old="(own.state ~= 'closed' or scope.probed_by == ACCOUNT)",
        new="scope.probed_by == ACCOUNT",
        test=f"{_ACCOUNTS}test_the_probe_is_of_an_account_that_is_well",
    ),
    _state_machine(
        name="one-account-probes-each-time",
        old="(own.state ~= 'closed' or scope.probed_by == ACCOUNT)",
        new="own.state ~= 'closed'",
        test=f"{_ACCOUNTS}test_the_probes_go_in_turn",
    ),
    Breakage(
        name="without-redis-one-account-stops-all",
        promise=3,
        file="resilience/circuit_breaker/local/scope.py",
        old="enough = different >= min(accounts, limits.threshold)",
        new="enough = True",
        test=f"{_ACCOUNTS}test_one_accounts_failures_stop_no_other[alone-failure_endpoint-http_500-20]",
    ),
    Breakage(
        name="one-at-a-time-in-half-a-service",
        promise=4,
        file="resilience/lua/lib/release_window.lua",
        old="and setting.threshold or 1",
        new="and 1 or 1",
        test=f"{_PART}test_in_a_half_dead_service_a_failure_leaves_as_many_under_way_as_open_the_breaker",
    ),
    _local(
        name="without-redis-half-a-service-is-shut-as-a-dead-one",
        old="self.limits.open_for // SHORT if mixed else",
        new="",
        test="tests/unit/resilience/test_local_breaker.py::"
        "test_a_success_between_failures_makes_open_a_tenth_of_its_length",
    ),
    Breakage(
        name="looks-that-fail-wait-longer-and-longer",
        promise=3,
        file="tasks/attempts/outcome.py",
        old="rules.policy.delay(0)",
        new="rules.policy.delay(row.retry_count + row.looks + 1)",
        test=f"{_LOOKS}test_a_look_that_failed_comes_again_after_the_first_pause",
    ),
)
