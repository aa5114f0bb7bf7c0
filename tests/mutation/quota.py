"""The limit that Cal.com's headers tell, and the pace without Redis, part by part: each of them taken away."""

from tests.mutation.breakage import Breakage

_QUOTA, _LOCAL = "resilience/lua/lib/quota.lua", "resilience/circuit_breaker/local/breaker.py"
_KEY = "resilience/circuit_breaker/local/key.py"
_THROTTLE, _OVERRIDES = "resilience/lua/lib/throttle.lua", "resilience/lua/lib/overrides.lua"
_LONG = "tests/integration/breaker/limit/test_long_throttle.py::"
_HEADERS = "tests/integration/breaker/test_quota_headers.py::"
_WORLD = "tests/integration/breaker/test_rate_limit.py::"
_PACE = "tests/unit/resilience/test_local_pace.py::"
_OTHERS = f"{_WORLD}test_others_who_use_half_of_the_key_cost_at_most_three_429_a_minute"


def _taken(name: str, old: str, new: str, test: str, file: str = _QUOTA) -> Breakage:
    return Breakage(name=name, promise=3, file=file, old=old, new=new, test=test)


QUOTA = (
    _taken(
        "window-without-its-edge",
        "local resets_at = at + reset + reset_margin(quota)",
        "local resets_at = at + reset",
        f"{_HEADERS}test_a_window_ends_as_long_after_its_call_was_sent_as_the_answer_tells",
    ),
    _taken(
        "window-counted-from-the-answer",
        "local resets_at = at + reset + reset_margin(quota)",
        "local resets_at = now + reset + reset_margin(quota)",
        f"{_HEADERS}test_a_window_ends_as_long_after_its_call_was_sent_as_the_answer_tells",
    ),
    _taken(
        "windows-of-a-second-taken-for-one",
        "math.min(setting.rate_window / 40, window_length(quota) / 2)",
        "setting.rate_window / 40",
        f"{_WORLD}test_a_limit_of_a_few_seconds_is_used[1.0-1.9-exactly]",
    ),
    _taken(
        "margin-of-a-minute-after-each-second",
        "math.min(setting.rate_window / 200, window_length(quota) / 20)",
        "setting.rate_window / 40",
        f"{_WORLD}test_a_limit_of_a_few_seconds_is_used[2.0-1.25-exactly]",
    ),
    _taken(
        "window-never-measured-again",
        "limit == quota.limit and quota.longest or 0",
        "quota.longest",
        "tests/integration/breaker/test_breaker_model.py::test_the_scripts_keep_the_rules[0]",
    ),
    _taken(
        "no-scout",
        "return quota.scout == 1 and",
        "return false and",
        f"{_OTHERS}[evenly]",
    ),
    _taken(
        "others-unseen",
        "(quota.exhausted == 1 or quota.foreign > 0)",
        "quota.exhausted == 1",
        f"{_HEADERS}test_after_a_window_in_which_others_were_seen_one_call_goes_first",
    ),
    _taken(
        "flight-forgotten",
        " - in_flight(quota) - reserve",
        " - reserve",
        f"{_WORLD}test_what_cal_com_allows_is_used_up_and_no_call_is_one_too_many[0-130]",
    ),
    _taken(
        "latest-instead-of-least",
        "math.min(quota.remaining == -1 and remaining or quota.remaining, remaining)",
        "remaining",
        f"{_HEADERS}test_an_answer_that_was_overtaken_tells_of_no_more_calls",
    ),
    _taken(
        "old-windows-believed",
        "elseif resets_at > quota.resets_at then",
        "else",
        f"{_HEADERS}test_an_answer_of_a_window_that_is_over_tells_nothing",
    ),
    _taken(
        "nothing-left-to-others",
        "math.min(math.max(1, math.floor(quota.limit / 20)), quota.limit - 1)",
        "0",
        f"{_HEADERS}test_a_twentieth_of_what_cal_com_allows_is_left_to_others",
    ),
    _taken(
        "lost-report-in-flight-for-good",
        "quota_set(quota, 'granted_before', quota.granted)\n",
        "quota_set(quota, 'granted_before', quota.granted_before + quota.granted)\n",
        f"{_HEADERS}test_a_call_that_was_never_reported_is_in_flight_for_two_windows",
    ),
    _taken(
        "429-waited-for-as-it-asks",
        "math.max(wait, least)",
        "wait",
        f"{_HEADERS}test_a_429_that_asks_for_no_wait_is_waited_for_longer_each_time",
        _THROTTLE,
    ),
    _taken(
        "429-of-a-day-waited-out",
        "wait = trial and may_try_again(quota) and 0 or quota_wait(quota)",
        "wait = quota_wait(quota)",
        f"{_LONG}test_one_harmless_call_a_minute_finds_out_in_the_whole_fleet",
        "resilience/lua/acquire.lua",
    ),
    _taken(
        "429-asked-about-at-once",
        "math.abs(now - recorded_at) >= setting.trial_every",
        "true",
        f"{_LONG}test_one_harmless_call_a_minute_finds_out_in_the_whole_fleet",
        _THROTTLE,
    ),
    _taken(
        "harmless-call-ends-no-429",
        "elseif outcome == 'success' and trial then",
        "elseif false then",
        f"{_LONG}test_its_success_lets_calls_go_again_and_one_goes_first",
        _THROTTLE,
    ),
    _taken(
        "any-answer-ends-a-429",
        "elseif outcome == 'success' and trial then",
        "elseif trial then",
        f"{_LONG}test_whatever_else_it_is_answered_keeps_the_throttle[failure_endpoint]",
        _THROTTLE,
    ),
    _taken(
        "all-go-at-once-after-a-429",
        "    next_window(quota)\n  end\nend\n\nlocal function throttle_by",
        "    quota_set(quota, 'resets_at', 0)\n    quota_set(quota, 'exhausted', 0)\n  end\nend\n\n"
        "local function throttle_by",
        f"{_LONG}test_its_success_lets_calls_go_again_and_one_goes_first",
        _THROTTLE,
    ),
    _taken(
        "reset-ends-no-429",
        "    reset_all()\n    end_throttle(quota)\n",
        "    reset_all()\n",
        f"{_LONG}test_an_operator_ends_what_a_429_asked_for[reset]",
        _OVERRIDES,
    ),
    _taken(
        "off-ends-no-429",
        "'switched_off')\n    end_throttle(quota)\n",
        "'switched_off')\n",
        f"{_LONG}test_an_operator_ends_what_a_429_asked_for[switch_off]",
        _OVERRIDES,
    ),
    _taken(
        "nobody-asks-about-a-429",
        "((refused or wrong or seen.throttled_for) and queued)",
        "((refused or wrong) and queued)",
        "tests/integration/test_recovery.py"
        "::test_what_a_429_of_a_day_holds_is_let_go_when_the_harmless_call_is_answered_well",
        "tasks/maintenance/recovery.py",
    ),
    _taken(
        "nothing-to-reset-in-a-429",
        " or seen.throttled_for\n",
        "\n",
        "tests/integration/operations/test_preview.py::test_a_reset_is_for_a_429_that_asked_to_wait",
        "tasks/operations/breaker_actions.py",
    ),
    _taken(
        "429-of-a-day-waited-out-without-redis",
        "if self.throttled_until > now + limits.trial_every:",
        "if False:",
        "tests/unit/resilience/test_local_breaker.py::test_after_a_429_that_asks_for_a_day_one_call_a_minute_finds_out",
        _KEY,
    ),
    _taken(
        "429-shuts-nobody",
        "  if now < quota.throttled_until then",
        "  if false then",
        f"{_HEADERS}test_a_429_shuts_the_key_when_nothing_else_was_told",
    ),
    _taken(
        "clock-set-back-believed",
        "    clamp(quota, 'tat', now * 1000 + burst_tolerance + emission_interval)\n",
        "",
        f"{_HEADERS}test_a_clock_that_is_set_back_holds_nobody_longer_than_a_window",
    ),
    _taken(
        "window-of-a-clock-set-back",
        "clamp(quota, 'resets_at', now + setting.rate_window + clock_tolerance(quota))\n",
        "",
        f"{_HEADERS}test_a_clock_that_is_set_back_holds_nobody_longer_than_a_window",
    ),
    _taken(
        "our-own-limit-without-a-pace",
        "if quota.emission_interval > 0 and backlog(quota) > quota.burst_tolerance then",
        "if false then",
        f"{_WORLD}test_no_window_has_more_calls_than_our_own_limit",
    ),
    _taken(
        "line-waits-for-what-beat-missed",
        "key.take_pace(len(granted), now - SECOND, limits)",
        "key.take_pace(len(granted), now, limits)",
        f"{_PACE}test_the_line_goes_at_the_limits_pace",
        _LOCAL,
    ),
    _taken(
        "released-is-paced-twice",
        'paced = item != ""',
        "paced = item in key.released",
        f"{_PACE}test_what_was_released_elsewhere_is_not_paced_once_more",
        _LOCAL,
    ),
    _taken(
        "unheard-order-forgotten-without-redis",
        "            local.apply_overrides(self._read_overrides() or (), at)\n",
        "",
        "tests/promises/redis/test_redis_gone.py::test_an_override_that_a_process_was_not_told_of_is_obeyed_when_redis_dies",
        "resilience/circuit_breaker/failover.py",
    ),
)
