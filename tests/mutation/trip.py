"""The trip rule, taken apart: then a bad day is treated like an outage, or an outage like a bad day."""

from tests.mutation.breakage import Breakage

_BREAKER, _REPORT = "resilience/lua/lib/state_machine.lua", "resilience/lua/record.lua"
_ODDS = "tests/integration/breaker/test_trip_odds.py::"
_RULE = "tests/integration/breaker/test_trip_rule.py::"
_HALF = "tests/promises/outage/test_dead_endpoint.py::"
_ALIVE = "elseif scope.state == 'closed' and result and scope.failures > 0 then"

TRIP = (
    Breakage(
        name="success-forgives-nothing",
        promise=3,
        file=_BREAKER,
        old=_ALIVE,
        new="elseif scope.state == 'closed' and result and false then",
        test=f"{_ODDS}test_a_bad_day_opens_it_hardly_ever[failure_service]",
    ),
    Breakage(
        name="share-instead-of-a-row",
        promise=3,
        file=_BREAKER,
        old="scope.failures > 0 then -- a success, or the service's opening says it all\n    count_failures(scope, 0)",
        new="scope.failures > 0 then -- one success pays for one failure\n"
        "    count_failures(scope, scope.failures - 1)",
        test=f"{_ODDS}test_a_bad_day_opens_it_hardly_ever[failure_service]",
    ),
    Breakage(
        name="silence-forgives",
        promise=3,
        file=_REPORT,
        old="if outcome == 'success' then\n  service_result",
        new="if outcome == 'success' or outcome == 'ignored' then\n  service_result",
        test=f"{_RULE}test_what_says_nothing_of_the_service_neither_counts_nor_clears[ignored]",
    ),
    Breakage(
        name="limit-counts-as-failure",
        promise=3,
        file=_REPORT,
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
    Breakage(
        name="window-not-asked",
        promise=3,
        file=_BREAKER,
        old="<= setting.span then",
        new=">= 0 then",
        test=f"{_RULE}test_a_row_that_is_longer_than_the_window_opens_nothing",
    ),
    Breakage(
        name="never-does-trip",
        promise=3,
        file=_BREAKER,
        old="if setting.threshold <= NEVER then",
        new="if true then",
        test=f"{_RULE}test_a_threshold_above_a_thousand_means_never",
    ),
    Breakage(
        name="reads-hide-a-dead-post",
        promise=3,
        file=_REPORT,
        old="service_result, endpoint_result = 'failed', 'failed'",
        new="service_result, endpoint_result = 'failed', nil",
        test=f"{_HALF}test_a_dead_post_is_left_alone_after_five_though_every_look_is_answered[time-outs]",
    ),
    Breakage(
        name="dead-list-shuts-the-service",
        promise=3,
        file=_BREAKER,
        old=_ALIVE,
        new="elseif scope.state == 'closed' and result and scope.name ~= '' then",
        test=f"{_HALF}test_a_dead_list_opens_the_list_alone_and_bookings_go_on",
    ),
    Breakage(
        name="error-shows-no-life",
        promise=3,
        file=_REPORT,
        old="service_result, endpoint_result = 'alive', 'failed'",
        new="service_result, endpoint_result = nil, 'failed'",
        test=f"{_RULE}test_an_error_of_one_endpoint_shows_that_the_service_lives",
    ),
    Breakage(
        name="both-scopes-open",
        promise=3,
        file=_BREAKER,
        old="elseif scope.state == 'closed' and result == 'failed' and not tripped then",
        new="elseif scope.state == 'closed' and result == 'failed' then",
        test=f"{_RULE}test_when_both_would_open_only_the_service_does",
    ),
    Breakage(
        name="probe-without-an-answer-is-no-failure",
        promise=3,
        file=_BREAKER,
        old="elseif result == 'failed' and not tripped then\n      trip(",
        new="elseif result == 'failed' and scope.name == '' then\n      trip(",
        test=f"{_RULE}test_an_endpoints_probe_that_is_not_answered_opens_it_again",
    ),
    Breakage(
        name="in-flight-opens-all",
        promise=3,
        file=_REPORT,
        old="elseif endpoint_epoch > 0 and endpoint_epoch ~= endpoint.epoch and service_result == 'failed' then",
        new="elseif false then",
        test="tests/integration/breaker/test_breaker_states.py::"
        "test_calls_in_flight_when_their_endpoint_opened_do_not_open_the_service",
    ),
)
