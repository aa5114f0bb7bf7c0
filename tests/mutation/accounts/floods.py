"""What keeps the flood, the refused key, the long line and the slowness of one account its own, broken on purpose."""

from functools import partial

from tests.mutation.breakage import Breakage

_LINES = "tests/integration/accounts/test_lines.py::"
_FLOODS = "tests/integration/accounts/test_floods.py::"
_IN_TURN = "tests/integration/accounts/test_turns.py::"
_SLOW = "tests/integration/breaker/accounts/test_slow_accounts.py::"
_REFUSED = "tests/integration/accounts/test_refused_keys.py::"
_BACK = "tests/integration/line/test_redis_back.py::"
_local = partial(Breakage, promise=4, file="resilience/circuit_breaker/local/breaker.py")
_flood = partial(Breakage, promise=4)
_cause = partial(Breakage, promise=4, file="tasks/maintenance/release.py")
_room = partial(Breakage, promise=4, file="resilience/lua/lib/release_room.lua")
_overtaken = partial(Breakage, promise=4, file="resilience/lua/lib/overtaken.lua")
_in_turn = partial(Breakage, promise=4, file="tasks/maintenance/turns.py")

FLOODS = (
    _flood(
        name="what-an-operator-sends-again-is-a-flood",
        file="worker/cli/orders/retry_held.py",
        old="    if not deps.callers.is_alone():\n",
        new="    if False:\n",
        test="tests/integration/cli/accounts/test_cli_one_account.py"
        "::test_what_many_accounts_have_held_goes_as_the_release_lets_it_go",
    ),
    _local(
        name="line-leaves-its-rows-without-redis",
        old="else free if most is None else min(free, most)",
        new="else free",
        test=f"{_BACK}test_what_is_in_line_stays_there_while_redis_is_gone",
    ),
    _local(
        name="places-without-redis-for-each-account",
        old="if most is None else most - len(granted)",
        new="",
        test="tests/unit/resilience/test_local_breaker.py::test_what_others_have_left_bounds_what_is_released",
    ),
    _cause(
        name="a-cause-lets-all-go",
        old="left = BATCH if alone else OF_EACH - len(changed)",
        new="left = BATCH",
        test=f"{_LINES}test_a_cause_lets_sixteen_of_an_account_go_at_once",
    ),
    _cause(
        name="a-cause-lets-sixteen-changes-go-beside-the-bookings",
        old="left = BATCH if alone else OF_EACH - len(changed)",
        new="left = BATCH if alone else OF_EACH",
        test=f"{_REFUSED}test_what_a_rotated_key_held_goes_sixteen_a_beat",
    ),
    _flood(
        name="a-repaired-key-waits-for-the-others",
        file="tasks/maintenance/recovery.py",
        old='held, _last["held"] = accounts',
        new="held, _ = accounts",
        test=f"{_REFUSED}test_a_repaired_key_goes_at_its_own_next_trial",
    ),
    _flood(
        name="each-beat-looks-at-all-accounts",
        file="db/sql/accounts_held.sql",
        old="    WHERE one.number < :most\n",
        new="",
        test=f"{_LINES}test_a_reading_of_held_accounts_looks_at_a_bounded_number",
    ),
    _room(
        name="a-clock-set-back-stops-a-line",
        old="if own and (admitted or 0) - now * 1000 > ahead then",
        new="if false then",
        test=f"{_FLOODS}test_what_is_lost_and_a_clock_that_is_set_stop_no_line",
    ),
    _flood(
        name="the-flood-of-one-has-a-message-each",
        file="resilience/lua/still_closed.lua",
        old="math.min(tonumber(ARGV[12]), messages_left(ahead))",
        new="tonumber(ARGV[12])",
        test=f"{_FLOODS}test_a_flood_waits_in_its_rows",
    ),
    _room(
        name="the-window-alone-bounds-a-line",
        old="    free = math.min(free, messages_left(ahead))\n",
        new="",
        test=f"{_FLOODS}test_while_no_worker_runs_only_what_the_limit_lets_through_is_sent",
    ),
    _in_turn(
        name="each-process-takes-turns-of-its-own",
        old="if view.turn is not None and view.turn != self._turn:",
        new="if False:",
        test=f"{_IN_TURN}test_releasers_take_their_turns_together",
    ),
    _in_turn(
        name="who-has-two-turns-has-them-each-time",
        old="sorted(dealt.items(), key=lambda one: len(one[1]))",
        new="list(dealt.items())",
        test=f"{_IN_TURN}test_what_is_left_over_of_a_round_is_the_next_ones",
    ),
    _overtaken(
        name="a-slow-account-fills-the-window-of-all",
        old="counted - (sender and sender ~= account and 1 or 0)",
        new="counted",
        test=f"{_SLOW}test_a_slow_call_holds_another_account_for_three_seconds",
    ),
    _overtaken(
        name="a-slow-account-leaves-the-window",
        old="sender and sender ~= account and 1",
        new="sender and 1",
        test=f"{_SLOW}test_a_slow_account_stays_within_the_window",
    ),
    _overtaken(
        name="an-unknown-accounts-slowness-is-looked-for",
        old="known = known or sender ~= false",
        new="known = true",
        test=f"{_SLOW}test_what_a_worker_of_before_sends_counts_for_all",
    ),
    _overtaken(
        name="a-name-that-was-left-behind-stops-its-account",
        old="ipairs(senders_until('+inf'))",
        new="ipairs(redis.call('HVALS', SENDERS))",
        test=f"{_SLOW}test_what_a_worker_of_before_leaves_behind_counts_for_nobody",
    ),
    _room(
        name="nobody-looks-whether-only-others-are-slow",
        old="    size = size + 1\n",
        new="",
        test=f"{_SLOW}test_a_slow_call_holds_another_account_for_three_seconds",
    ),
    _room(
        name="each-account-looks-whether-only-others-are-slow",
        old="  if counted == size and may_scout(account) then\n    size = size + 1\n",
        new="  if counted >= size and may_scout(account) then\n    size = counted + 1\n",
        test=f"{_SLOW}test_where_all_are_slow_one_item_more_is_under_way",
    ),
    _flood(
        name="a-failure-overtakes-what-is-slow",
        file="resilience/lua/record.lua",
        old="    if outcome == 'success' then\n      note_answer(granted_at)\n",
        new="    note_answer(granted_at)\n    if outcome == 'success' then\n",
        test=f"{_SLOW}test_failures_overtake_nothing",
    ),
)
"""Each of these bounds what one account may have in the broker, or how far it may be ahead of others."""
