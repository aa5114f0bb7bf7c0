"""A line for each account, part by part: without it one account's bookings hold, or overtake, another's."""

from functools import partial

from tests.mutation.breakage import Breakage

_LINES = "tests/integration/accounts/test_lines.py::"
_CHANGES = "tests/integration/accounts/test_changes_in_lines.py::"
_TAKEN = "tests/integration/accounts/test_admission.py::"
_ADMISSION = "tasks/accounts/admission.py"
_line = partial(Breakage, promise=4)
_behind = partial(_line, file="db/sql/__init__.py")
_insert = partial(_line, file="client/booking_client/sql/insert.sql")
_turns = partial(Breakage, promise=4, file="db/sql/in_line.sql")
_calls = partial(Breakage, promise=4, file="tasks/guarded_calls/calls.py")
_dispatch = partial(Breakage, promise=4, file="tasks/maintenance/dispatch.py")
_in_turn = partial(Breakage, promise=4, file="tasks/maintenance/turns.py")
_OWN = "held.account_id = own.account_id AND "

LINES = (
    _line(
        name="no-admission",
        file=_ADMISSION,
        old="            elif may_go > 0:\n",
        new="            elif may_go >= 0:\n",
        test=f"{_LINES}test_what_is_more_than_the_limit_waits_in_the_row",
    ),
    _line(
        name="who-stands-in-line-takes-its-messages",
        file=_ADMISSION,
        old="            if unused > 0:\n",
        new="            if unused < 0:\n",
        test=f"{_LINES}test_who_stands_in_line_takes_no_message_from_it",
    ),
    _line(
        name="what-was-not-stored-takes-its-message",
        file="tasks/enqueue.py",
        old="        if admission is not None:\n",
        new="        if admission is not None and sent:\n",
        test=f"{_TAKEN}test_what_was_not_stored_takes_no_message",
    ),
    _dispatch(
        name="what-was-not-taken-up-takes-its-message",
        old="if count > used[account]:",
        new="if count > used[account] > 0:",
        test=f"{_TAKEN}test_what_was_not_taken_up_takes_no_message",
    ),
    _dispatch(
        name="no-admission-by-the-dispatcher",
        old="blocked=blocked, admitted=admitted",
        new="blocked=blocked",
        test=f"{_LINES}test_what_a_client_keeps_waits_in_the_row_as_well",
    ),
    _line(
        name="the-line-takes-no-message",
        file="resilience/lua/release.lua",
        old="if own and #granted > 0 then",
        new="if false then",
        test=f"{_LINES}test_a_message_goes_when_its_time_has_come",
    ),
    _in_turn(
        name="no-turns",
        old="dealt = deal(line, places)",
        new="dealt = line",
        test=f"{_LINES}test_each_account_lets_its_first_go_and_then_its_second",
    ),
    _in_turn(
        name="each-run-begins-at-the-first-account",
        old="            self._last = account\n",
        new="            self._last = 0\n",
        test=f"{_LINES}test_a_run_goes_on_behind_the_account_where_the_last_one_stopped",
    ),
    _in_turn(
        name="an-account-without-room-does-not-rest",
        old="self._rests_until[account] = self._clock() + wait",
        new="self._rests_until[account] = self._clock() - wait",
        test=f"{_LINES}test_a_message_goes_when_its_time_has_come",
    ),
    _behind(
        name="a-worker-waits-behind-another-accounts-line",
        old="WHERE earlier.account_id = wanted.account_id AND earlier.status",
        new="WHERE earlier.status",
        test=f"{_LINES}test_a_worker_passes_those_of_another_account",
    ),
    _insert(
        name="a-request-waits-behind-another-accounts-line",
        old="AND held.account_id = request.account_id AND",
        new="AND",
        test=f"{_LINES}test_what_is_more_than_the_limit_waits_in_the_row",
    ),
    _insert(
        name="a-request-reads-all-that-are-held",
        old="        ORDER BY held.hold_reason\n",
        new="",
        test="tests/integration/database/test_db_plans.py::test_a_request_reads_little_however_many_are_held[False-True]",
    ),
    _insert(
        name="a-request-waits-for-the-limit-in-an-outage",
        old="ORDER BY held.hold_reason",
        new="ORDER BY held.hold_reason DESC",
        test="tests/promises/outage/test_nobody_overtakes.py::test_where_others_wait_for_both_it_waits_for_the_breaker",
    ),
    _line(
        name="a-kept-request-waits-behind-another-accounts-line",
        file="db/sql/requested.sql",
        old=f"WHERE {_OWN}status = 'held' AND hold_reason = 'throttled'",
        new="WHERE status = 'held' AND hold_reason = 'throttled'",
        test=f"{_LINES}test_a_request_kept_beside_another_accounts_line_goes",
    ),
    _calls(
        name="a-call-counts-for-account-1",
        old='f"{self._owner}:{number}", self.deps.caller\n',
        new='f"{self._owner}:{number}", None\n',
        test=f"{_LINES}test_two_accounts_from_end_to_end",
    ),
    _calls(
        name="a-call-without-a-key-counts-for-the-key",
        old="account = caller.without_key() if keyless else caller",
        new="account = caller",
        test=f"{_CHANGES}test_a_move_without_a_key_counts_for_our_address",
    ),
    _line(
        name="a-move-without-a-key-counts-for-the-key",
        file="tasks/changes/post.py",
        old="probe=probe, keyless=keyless)",
        new="probe=probe)",
        test=f"{_CHANGES}test_a_move_without_a_key_counts_for_our_address",
    ),
    _line(
        name="a-refused-key-is-never-tried-again",
        file="tasks/maintenance/recovery.py",
        old="for own in (deps, *_others(deps))",
        new="for own in (deps,)",
        test=f"{_LINES}test_a_refused_key_is_tried_again_by_itself",
    ),
    _line(
        name="a-change-stands-in-another-accounts-line",
        file="db/sql/change_line.sql",
        old="WHERE account_id = own.account_id AND status = 'held' AND hold_reason = 'breaker_open'",
        new="WHERE status = 'held' AND hold_reason = 'breaker_open'",
        test=f"{_CHANGES}test_each_line_has_its_bookings_and_its_changes_by_place",
    ),
    _turns(
        name="an-account-with-nothing-but-a-change-has-no-turn",
        old="             FROM booking_changes\n             WHERE status = 'held'",
        new="             FROM booking_changes\n             WHERE false AND status = 'held'",
        test=f"{_CHANGES}test_an_account_with_nothing_but_a_change_has_its_turn",
    ),
    _turns(
        name="a-paused-account-has-its-turn",
        old="WHEN own.state <> 'paused' AND (",
        new="WHEN (",
        test=f"{_LINES}test_the_line_of_a_paused_account_takes_nobodys_turn",
    ),
    _turns(
        name="paused-accounts-hide-the-next-ones",
        old="CAST(step.account_id IS NOT NULL AS integer)",
        new="1",
        test=f"{_LINES}test_the_line_of_a_paused_account_takes_nobodys_turn",
    ),
    _behind(
        name="a-change-waits-behind-another-accounts-bookings",
        old="WHERE earlier.account_id = wanted.account_id AND earlier.status",
        new="WHERE earlier.status",
        test=f"{_CHANGES}test_a_change_passes_the_bookings_of_another_account",
    ),
    _line(
        name="a-change-whose-cause-is-over-stays-behind",
        file="db/sql/accounts_held.sql",
        old="         FROM booking_changes\n         WHERE status = 'held'",
        new="         FROM booking_changes\n         WHERE false AND status = 'held'",
        test=f"{_CHANGES}test_a_change_whose_cause_is_over_goes_with_its_account",
    ),
)
"""Each of these is the rule that makes an account's flood, fault or refused key its own."""
