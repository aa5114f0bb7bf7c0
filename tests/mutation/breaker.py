"""The shared breaker's rules broken in its Lua, and those of the breaker of a process without Redis."""

from functools import partial

from tests.mutation.breakage import Breakage

_INTEGRATION, _CALM = "tests/integration/breaker/test_breaker_", "tests/promises/outage/test_calm_shared.py::"
_STATES, _RELEASE, _BLOCKS = (f"{_INTEGRATION}{name}.py::" for name in ("states", "release", "blocks"))
_REDIS = "tests/integration/breaker/redis/test_redis_"
_LATE = f"{_REDIS}late_answers.py::"
_SNAPSHOT = f"{_REDIS}old_snapshot.py::"
_CLOCK = f"{_REDIS}clock_back.py::"
_ACCOUNTS = "tests/integration/breaker/accounts/test_accounts.py::"
_LOCAL = "tests/unit/resilience/test_local_breaker.py::"
_GUARDED = "tests/integration/test_guarded_call.py::"


def _lua(name: str, file: str, old: str, new: str, test: str, promise: int = 3) -> Breakage:
    return Breakage(name=name, promise=promise, file=f"resilience/lua/{file}.lua", old=old, new=new, test=test)


def _python(name: str, module: str, old: str, new: str, test: str) -> Breakage:
    return Breakage(
        name=name, promise=3, file=f"resilience/circuit_breaker/{module}.py", old=old, new=new, test=test
    )  # fmt: skip


def _here(name: str, old: str, new: str, test: str, module: str = "breaker") -> Breakage:
    return Breakage(
        name=f"without-redis-{name}", promise=3, file=f"resilience/circuit_breaker/local/{module}.py", old=old, new=new,
        test=f"{_LOCAL}{test}",
    )  # fmt: skip


_state = partial(Breakage, promise=3, file="resilience/shared_state/state.py")
_absence = partial(Breakage, promise=3, file="resilience/shared_state/absence.py")

BREAKER = (
    _state(
        name="demoted-master-kept",
        old="            self._mine = threading.local()\n            client",
        new="            client",
        test=f"{_INTEGRATION}servers.py::test_the_name_of_a_server_that_takes_no_writes_any_more_is_resolved_anew",
    ),
    # -- epochs
    _lua(
        "epoch-ignored",
        "lib/trip",
        "if epoch ~= 0 and epoch ~= scope.epoch then",
        "if false then",
        f"{_CALM}test_failures_begun_before_an_outage_do_not_open_the_breaker_after_it",
    ),
    _lua(
        "epoch-used-again",
        "lib/state_machine",
        "scope.epoch = math.max(scope.epoch + 1, now)",
        "scope.epoch = now",
        f"{_INTEGRATION}model.py::test_the_scripts_keep_the_rules[0]",
    ),
    # -- open and half-open
    _lua(
        "open-breaker-passed",
        "lib/state_machine",
        "if scope.state == 'open' or scope.state == 'forced_open' then",
        "if scope.state == 'forced_open' then",
        f"{_CALM}test_what_one_process_opened_is_shut_for_all",
    ),
    _lua(
        "open-ends-closed",
        "lib/expire",
        "move(scope, 'half_open', 0, scope.opens, 'open_over')",
        "move(scope, 'closed', 0, scope.opens, 'open_over')",
        f"{_STATES}test_open_lasts_thirty_seconds_then_one_probe_goes",
    ),
    _lua(
        "more-than-one-probe",
        "lib/state_machine",
        "elseif scope.state == 'half_open' and now < scope.lease then",
        "elseif false then",
        f"{_INTEGRATION}shared.py::test_of_eight_processes_one_probes",
    ),
    _lua(
        "look-taken-for-a-probe",
        "lib/state_machine",
        "elseif scope.state == 'half_open' and not probe_ok then",
        "elseif false then",
        f"{_STATES}test_a_look_is_never_a_probe",
    ),
    _lua(
        "place-taken-for-good",
        "lib/state_machine",
        "set_probe(scope, owner, now + setting.lease_for)",
        "set_probe(scope, owner, now + 3600000)",
        f"{_STATES}test_a_prober_that_dies_frees_the_place_when_its_lease_ends",
    ),
    _lua(
        "place-freed-by-anybody",
        "lib/trip",
        "owner == '' and result or owner ~= '' and owner == scope.owner",
        "owner == '' or owner == scope.owner",
        f"{_STATES}test_a_place_is_given_back_by_its_holder_alone[]",
    ),
    _lua(
        "given-up-probe-decides",
        "lib/trip",
        "owner ~= '' and owner == scope.owner",
        "owner ~= ''",
        f"{_STATES}test_a_prober_that_was_given_up_decides_nothing",
    ),
    _lua(
        "place-of-a-probe-that-says-nothing-kept",
        "lib/trip",
        "    else -- the probe's place becomes free\n      set_probe(scope, '', 0)\n",
        "",
        f"{_STATES}test_a_probe_that_says_nothing_frees_the_place",
    ),
    _lua(
        "retry-after-ignored",
        "lib/trip",
        "or length, report.retry_after)",
        "or length, 0)",
        f"{_STATES}test_open_lasts_as_long_as_retry_after_asks[120-120]",
    ),
    _lua(
        "limit-not-asked",
        "acquire_closed",
        "wait = quota_wait(quota)",
        "wait = 0",
        f"{_STATES}test_a_429_holds_everybody_for_as_long_as_it_says",
    ),
    _lua(
        "limit-not-asked-for-held-work",
        "acquire",
        "or quota_wait(quota)",
        "or 0",
        f"{_INTEGRATION}model.py::test_the_scripts_keep_the_rules[0]",
    ),
    # -- the short way of a closed breaker
    _lua(
        "closed-though-another-has-opened-it",
        "acquire_closed",
        "if epoch ~= service_epoch or",
        "if",
        f"{_GUARDED}test_who_has_not_heard_that_it_opened_asks_twice_once",
    ),
    _lua(
        "kept-by-an-old-epoch",
        "still_closed",
        "epoch ~= service_epoch or ",
        "",
        f"{_GUARDED}test_who_only_keeps_a_request_looks_shortly_while_closed",
        promise=4,
    ),
    _lua(
        "refused-key-not-seen-while-closed",
        "acquire_closed",
        " or blocked or misconfigured then",
        " then",
        f"{_GUARDED}test_a_key_that_another_found_refused_goes_no_more",
    ),
    _lua(
        "success-forgets-no-failure-while-closed",
        "record_closed",
        " or (failures or '0') ~= '0' or (own_failures or '0') ~= '0' then",
        " then",
        f"{_GUARDED}test_a_success_after_a_failure_is_reported_in_full_once",
    ),
    _state(
        name="unread-answer-is-the-next-ones",
        old="        self._mine.unread = True\n",
        new="",
        test=f"{_GUARDED}test_an_answer_that_nobody_took_is_not_the_next_ones",
    ),
    _python(
        "long-way-for-every-call",
        "breaker",
        "if item is None and not trial:",
        "if item is None and trial:",
        f"{_GUARDED}test_a_guarded_call_is_two_scripts",
    ),
    _python(
        "alone-though-redis-is-back",
        "failover",
        "        self._snapshot.closed.clear()  # when Redis is back, this process first asks it what has changed\n",
        "",
        f"{_INTEGRATION}redis_gone.py::test_what_a_process_decided_alone_is_forgotten_when_redis_is_back",
    ),
    _python(
        "block-known-of-one-endpoint",
        "snapshot",
        "self.closed.clear()",
        "self.closed.pop(endpoint, None)",
        f"{_INTEGRATION}redis_gone.py::test_a_block_that_was_lifted_is_remembered_by_no_endpoint",
    ),
    # -- orders
    _lua(
        "order-obeyed-again",
        "lib/overrides",
        "if number > 0 and number <= last_override then",
        "if false then",
        f"{_STATES}test_a_numbered_order_is_obeyed_once",
    ),
    _lua(
        "reset-of-the-service-alone",
        "lib/account",
        "if scope.state ~= 'closed' or scope.failures > 0 then",
        "if false then",
        f"{_STATES}test_reset_closes_everything_and_forgets_the_failures",
    ),
    _lua(
        "reset-before-what-came-first",
        "lib/overrides",
        "  flush() -- so that HKEYS also has what an earlier override has just blocked\n",
        "",
        f"{_INTEGRATION}mixed.py::test_what_is_ordered_together_is_obeyed_in_its_order",
    ),
    _lua(
        "info-must-be-allowed",
        "lib/server_run",
        "redis.pcall",
        "redis.call",
        f"{_INTEGRATION}servers.py::test_a_user_without_dangerous_commands_will_do",
    ),
    _lua(
        "row-cut-by-others",
        "lib/trip",
        "redis.call('LTRIM', failures, 0, NEVER - 1)",
        "redis.call('LTRIM', failures, 0, setting.threshold - 1)",
        f"{_INTEGRATION}mixed.py::test_each_opens_after_so_many_failures_as_its_own_setting_says",
    ),
    # -- blocks
    _lua(
        "late-refusal-blocks-again",
        "lib/blocks",
        "if outcome == 'credentials' and (granted_at > unblocked_at or unblocked_at > now) then",
        "if outcome == 'credentials' then",
        f"{_BLOCKS}test_a_refusal_that_was_on_its_way_blocks_a_repaired_key_no_more",
        promise=5,
    ),
    _lua(
        "repaired-key-stays-blocked",
        "lib/blocks",
        "elseif outcome == 'success' and trial then",
        "elseif false then",
        f"{_BLOCKS}test_a_key_that_is_taken_again_is_blocked_no_more",
        promise=5,
    ),
    _lua(
        "everybody-finds-out",
        "lib/blocks",
        "if now < next_trial_at and next_trial_at <= now + trial_pause(trials - 1) then",
        "if false then",
        f"{_BLOCKS}test_one_call_a_minute_finds_out_in_the_whole_fleet",
        promise=5,
    ),
    _lua(
        "page-holds-the-fleet",
        "lib/blocks",
        "elseif outcome == 'configuration' and trial then",
        "elseif outcome == 'configuration' then",
        f"{_BLOCKS}test_a_page_that_meets_a_post_holds_nobody_else",
        promise=5,
    ),
    _lua(
        "page-ended-by-a-read",
        "lib/blocks",
        "elseif outcome == 'success' and paged_endpoint == ENDPOINT then",
        "elseif outcome == 'success' then",
        f"{_BLOCKS}test_a_page_that_meets_a_post_holds_nobody_else",
        promise=5,
    ),
    # -- several accounts
    _lua(
        "trials-of-one-key-are-all-keys",
        "lib/account",
        "local HOME = OWN and ACCOUNT ~= '1' and OWN or BREAKER",
        "local HOME = BREAKER",
        f"{_ACCOUNTS}test_a_refused_key_has_trials_of_its_own",
        promise=5,
    ),
    _lua(
        "a-thousand-refused-keys-ask-each-minute",
        "lib/blocks",
        "setting.trial_every * math.min(2 ^ math.max(0, before), MOST)",
        "setting.trial_every",
        f"{_ACCOUNTS}test_a_refused_key_has_trials_of_its_own",
        promise=5,
    ),
    _lua(
        "reset-of-one-account-alone",
        "lib/account",
        "if own and reset_at and own_reset ~= reset_at then",
        "if false then",
        f"{_ACCOUNTS}test_a_reset_reaches_every_account",
        promise=5,
    ),
    _lua(
        "ill-account-not-seen-while-closed",
        "acquire_closed",
        "if state and state ~= 'closed' or refused or wrong then",
        "if refused or wrong then",
        f"{_ACCOUNTS}test_one_accounts_failures_stop_no_other[shared-failure_endpoint-http_500-20]",
    ),
    Breakage(
        name="one-limit-for-all-accounts",
        promise=3,
        file="resilience/shared_state/scripts.py",
        old='f"rate:{limit_key}" if limit_key else "rate"',
        new='"rate"',
        test=f"{_ACCOUNTS}test_a_limit_is_one_keys[shared]",
    ),
    Breakage(
        name="without-redis-one-limit-for-all-accounts",
        promise=3,
        file="resilience/circuit_breaker/local/breaker.py",
        old='return "keyless" if account.keyless and not account.alone else account.key',
        new='return ""',
        test=f"{_ACCOUNTS}test_a_limit_is_one_keys[alone]",
    ),
    # -- the pace of held work
    _lua(
        "window-ignored",
        "lib/release_room",
        "  local size = math.min(window, most)\n",
        "  local size = 64\n",
        f"{_CALM}test_held_work_goes_at_a_pace_that_rises_from_one",
        promise=4,
    ),
    _lua(
        "window-outlives-an-outage",
        "lib/release_window",
        "if epoch_fence ~= current_fence then",
        "if not epoch_fence then",
        f"{_RELEASE}test_after_a_change_of_state_it_begins_with_one",
        promise=4,
    ),
    _lua(
        "window-outlives-a-failure",
        "record",
        "      halve(released_at)\n",
        "",
        f"{_RELEASE}test_failures_halve_it_once_for_all_that_were_released_before",
        promise=4,
    ),
    _lua(
        "window-halved-by-each-failure",
        "lib/release_window",
        "if since > halved or halved > now then",
        "if true then",
        f"{_RELEASE}test_failures_halve_it_once_for_all_that_were_released_before",
        promise=4,
    ),
    _lua(
        "window-grows-unused",
        "lib/release_window",
        "if places * 2 >= window then",
        "if true then",
        f"{_RELEASE}test_it_grows_only_while_half_of_it_is_under_way",
        promise=4,
    ),
    _lua(
        "window-grows-while-messages-wait",
        "lib/release_window",
        "taken_at - since <= QUICK,",
        "true,",
        f"{_RELEASE}test_it_grows_only_while_each_is_taken_at_once[0.251-8]",
        promise=4,
    ),
    _lua(
        "window-outlives-messages-that-wait",
        "lib/release_window",
        "    halve(since)\n  end\n  local sent",
        "  end\n  local sent",
        f"{_RELEASE}test_it_is_halved_if_one_is_taken_late[2.001-4]",
        promise=4,
    ),
    _lua(
        "window-grows-beyond-the-threads",
        "record",
        "math.min(most, fitting()) or most",
        "most or most",
        f"{_RELEASE}test_it_grows_to_a_quarter_more_than_were_sent_when_one_waited[0.251-sizes1]",
        promise=4,
    ),
    _lua(
        "window-knows-no-new-threads",
        "lib/release_window",
        " or known > 0 and known < sent)",
        ")",
        f"{_RELEASE}test_it_grows_to_a_quarter_more_than_were_sent_when_one_waited[0.251-sizes1]",
        promise=4,
    ),
    _lua(
        "window-outlives-the-threads-that-were-killed",
        "lib/release_window",
        "window - lapsed))",
        "window))",
        f"{_RELEASE}test_each_whose_sender_is_gone_makes_it_one_smaller[3-5]",
        promise=4,
    ),
    _lua(
        "window-outlives-its-workers",
        "lib/release_window",
        "if lapsed > 0 and places == RELEASED then",
        "if false then",
        f"{_RELEASE}test_one_that_nobody_takes_makes_it_one_again",
        promise=4,
    ),
    _lua(
        "lookup-makes-no-window-grow",
        "give_back",
        "    grow(since, answered_at, most)\n",
        "",
        f"{_RELEASE}test_a_lookup_that_was_answered_counts_as_a_success[100-9]",
        promise=4,
    ),
    _lua(
        "released-place-kept-for-good",
        "lib/release_window",
        "local lapsed = drop(places, '-inf', now)",
        "local lapsed = 0",
        f"{_RELEASE}test_a_released_item_that_never_comes_back_frees_its_place_with_its_lease",
        promise=4,
    ),
    _lua(
        "item-released-twice",
        "release",
        "if #granted < room and not known_already then",
        "if #granted < room then",
        f"{_RELEASE}test_an_item_is_not_given_to_two_releasers",
        promise=4,
    ),
    _lua(
        "denied-item-keeps-its-place",
        "acquire",
        "if item ~= '' then",
        "if item ~= '' and reason == '' then",
        f"{_RELEASE}test_an_item_that_is_denied_frees_its_place",
        promise=4,
    ),
    # -- late answers
    _python(
        "late-once-is-denied",
        "breaker",
        "reply = next((reply for reply in replies if reply is not LATE), None)",
        "reply = next(replies)\n        reply = (0, 1000, 0, 0) if reply is LATE else reply",
        f"{_LATE}test_after_an_answer_that_is_late_once_the_call_asks_again",
    ),
    _python(
        "late-twice-is-denied",
        "breaker",
        "for _ in range(_ASKS)",
        "for _ in range(1)",
        f"{_LATE}test_a_call_asks_thrice_while_other_threads_have_their_answers_in_time",
    ),
    _absence(
        name="late-once-is-gone",
        old="if timed_out and not late and self.since is None:",
        new="if False:",
        test=f"{_LATE}test_a_released_item_whose_answer_is_late_has_no_permit",
    ),
    _absence(
        name="late-for-ever",
        old="if timed_out and not late and self.since is None:",
        new="if timed_out and self.since is None:",
        test=f"{_LATE}test_two_late_answers_in_a_row_are_a_redis_that_is_gone",
    ),
    _python(
        "fresh-pace-of-each-absence",
        "failover",
        "paid = None if self.shared is None else self._paid_until",
        "paid = None",
        f"{_LATE}test_being_alone_again_and_again_makes_nobody_quicker",
    ),
    _python(
        "late-success-reported-twice",
        "breaker",
        "if reply is None or reply is LATE:  # LATE: `acquire` asks again; `record`, `is_blocking` act as if closed\n"
        "            return reply",
        "if reply is None or reply is LATE:\n            return None",
        f"{_LATE}test_a_success_that_is_reported_late_is_reported",
    ),
    # -- an old snapshot
    _python(
        "old-snapshot-believed",
        "failover",
        "if same and not self._snapshot.is_later(state, endpoint):",
        "if same:",
        f"{_SNAPSHOT}test_an_outage_that_is_younger_than_the_snapshot_is_not_forgotten[failure_service]",
    ),
    _lua(
        "old-snapshot-kept",
        "restore",
        "if same and scope.epoch < was.epoch or",
        "if same and false or",
        f"{_SNAPSHOT}test_an_outage_that_is_younger_than_the_snapshot_is_not_forgotten[failure_service]",
    ),
    _lua(
        "younger-snapshot-corrected",
        "restore",
        "if same and scope.epoch < was.epoch or",
        "if same or",
        f"{_INTEGRATION}model.py::test_the_scripts_keep_the_rules[2]",
    ),
    _python(
        "old-snapshot-shows-it-closed",
        "snapshot",
        " | {scopes[name].state for name in shown}",
        "",
        f"{_SNAPSHOT}test_a_report_after_the_restart_makes_nobody_forget",
    ),
    # -- a clock that is set back
    _lua(
        "open-until-a-clock-that-was-set-back-has-caught-up",
        "lib/expire",
        "math.min(scope.ends, now + setting.open_max)",
        "scope.ends",
        f"{_CLOCK}test_an_open_breaker_stays_open_no_longer_than_the_longest_open",
    ),
    _lua(
        "dead-probe-of-a-clock-that-was-set-back",
        "lib/expire",
        "math.min(scope.lease, now + setting.lease_for)",
        "scope.lease",
        f"{_CLOCK}test_a_dead_probe_keeps_its_place_no_longer_than_its_lease",
    ),
    _lua(
        "operators-end-not-believed",
        "lib/expire",
        "if scope.state == 'open' and",
        "if",
        f"{_CLOCK}test_an_operators_open_ends_when_the_operator_said",
    ),
    _lua(
        "place-of-a-clock-that-was-set-back",
        "lib/release_window",
        "'(' .. now + setting.lease_for, '+inf')",
        "'+inf', '+inf')",
        f"{_CLOCK}test_a_released_booking_that_never_came_back_keeps_its_place_no_longer_than_its_lease[released]",
        promise=4,
    ),
    _lua(
        "harmless-call-put-off-by-a-clock-that-was-set-back",
        "lib/blocks",
        "if now < next_trial_at and next_trial_at <= now + trial_pause(trials - 1) then",
        "if now < next_trial_at then",
        f"{_CLOCK}test_the_harmless_call_is_not_put_off",
        promise=5,
    ),
    # -- a process without Redis
    _here(
        "open-until-a-clock-that-was-set-back-has-caught-up",
        "min(known.ends, now + limits.open_max)",
        "known.ends",
        "test_what_a_clock_that_was_set_back_has_left_ends_with_the_longest_open",
    ),
    _here(
        "success-forgives-nothing",
        "            breaker.end_the_row(now)\n",
        "            pass\n",
        "test_a_success_starts_the_count_anew",
    ),
    _here(
        "more-than-one-probe",
        "(now < breaker.lease or not probe_ok)",
        "not probe_ok",
        "test_after_thirty_seconds_one_call_goes_at_a_time",
        "scope",
    ),
    _here(
        "old-calls-believed",
        "if epoch not in (0, breaker.epoch):",
        "if False:",
        "test_a_call_begun_before_a_change_changes_nothing_after_it",
    ),
    _here(
        "both-scopes-open",
        "if not opens or tripped:",
        "if not opens:",
        "test_an_endpoints_probe_that_meets_a_dead_service_gives_its_place_back_when_that_opens",
    ),
    _here(
        "burst",
        "max(self.tat, since) + calls",
        "self.tat + calls",
        "test_calls_go_at_an_even_pace",
        "key",
    ),
    _here(
        "no-bound-in-flight",
        "if not limits.emission_interval and len(self.in_flight) >= limits.process_max:",
        "if False:",
        "test_without_a_limit_so_many_are_in_flight_as_are_released",
        "key",
    ),
    _here(
        "item-released-twice",
        "[item for item in items if item not in key.released][:room]",
        "list(items)[:room]",
        "test_an_item_is_not_released_twice",
    ),
    _here(
        "others-key-is-ours",
        "CallingAccount(key=override.fingerprint)",
        "self.account",
        "test_an_order_blocks_the_key_it_names",
    ),
    _here(
        "any-success-lifts-a-block",
        "case CallOutcome.SUCCESS if report.trial:",
        "case CallOutcome.SUCCESS:",
        "test_a_refused_key_is_blocked_here",
        "key",
    ),
    _here(
        "block-for-good",
        "self.blocked[cause], trial = now + limits.trial_every, True",
        "self.blocked[cause] = now + limits.trial_every",
        "test_what_is_blocked_in_redis_lets_one_call_go_a_minute_here[a refused key]",
        "key",
    ),
)
