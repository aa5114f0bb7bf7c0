"""That a webhook of Cal.com's is a hint and never a proof, taken away."""

from functools import partial

from tests.mutation.breakage import Breakage

_CAME_IN = "tests/integration/calcom_webhooks/test_webhooks_received.py::"
_HINTS = "tests/integration/calcom_webhooks/test_hints.py::"
_UNEXPECTED = "tests/integration/calcom_webhooks/test_unexpected.py::"
_TIMES = "tests/integration/calcom_webhooks/test_look_times.py::"
_KINDS = "tests/integration/calcom_webhooks/test_webhook_kinds.py::"
_CALLS = "tests/promises/asking/test_webhook_calls.py::"
_looks = partial(Breakage, promise=2, file="tasks/calcom_webhooks/looks.py")
_unexpected = partial(Breakage, promise=2, file="tasks/calcom_webhooks/unexpected.py")
_kept = partial(Breakage, file="db/calcom_webhooks.py")
_due = partial(Breakage, promise=3, file="db/sql/hints_due.sql")
_AT_CALCOM = "tests/integration/calcom_webhooks/test_webhook_at_calcom.py::"
_there = partial(Breakage, promise=7, file="tasks/calcom_webhooks/subscription.py")
_secrets = partial(Breakage, promise=7, file="tasks/calcom_webhooks/secrets.py")
_CHECK = "tests/integration/cli/telling/test_check_webhooks.py::"
_check = partial(Breakage, promise=6, file="worker/cli/check/webhooks.py")

WEBHOOKS = (
    _looks(
        name="a-hint-is-a-proof-of-a-booking",
        old="if str(row.uuid) in one.marks and not one.cancelled]",
        new="if not one.cancelled]",
        test=f"{_HINTS}test_a_booking_that_was_told_as_not_booked_is_found",
    ),
    _looks(
        name="a-hint-of-what-is-known-costs-a-call",
        old="    if says(row, hint):\n        return LookOutcome.SAID\n",
        new="",
        test=f"{_HINTS}test_what_the_row_says_already_costs_no_call",
    ),
    _looks(
        name="a-healthy-booking-that-a-host-must-confirm-costs-two-calls",
        old="(row.awaits_host is True) is (",
        new="(row.awaits_host is None) is (",
        test=f"{_CALLS}test_webhooks_cost_healthy_bookings_two_calls_of_a_hundred_at_most",
    ),
    _kept(
        name="a-look-that-comes-to-nothing-is-made-for-ever",
        promise=3,
        old="    is_young = age < oldest\n",
        new="    is_young = age > -oldest\n",
        test=f"{_HINTS}test_a_look_that_comes_to_nothing_is_made_less_and_less_and_not_for_ever",
    ),
    _secrets(
        name="a-webhook-is-taken-unsigned",
        old="    return any([hmac.compare_digest(signature.lower(), one) for one in made])",
        new="    return any([True for one in made])",
        test=f"{_CAME_IN}test_what_is_not_signed_by_the_accounts_secret_is_not_stored",
    ),
    Breakage(
        name="wrong-signatures-of-webhooks-are-not-counted",
        promise=7,
        file="worker/api/calcom_webhooks/signed.py",
        old='        raise await _refused(request, "the webhook\'s signature is wrong")\n',
        new='        raise ApiError("unauthorized")\n',
        test=f"{_CAME_IN}test_who_guesses_is_counted_and_stopped_and_cal_com_is_not",
    ),
    _looks(
        name="a-week-of-a-series-costs-a-call",
        old="return is_made and row.series_uid is not None",
        new="return False",
        test=f"{_HINTS}test_what_the_row_says_already_costs_no_call",
    ),
    _looks(
        name="a-booking-that-its-host-has-revived-is-missed",
        old="hint.trigger not in _GONE and unexpected",
        new="row.status is Status.CONFIRMED and unexpected",
        test=f"{_UNEXPECTED}test_a_cancelled_booking_that_its_host_has_revived_is_reported_once",
    ),
    _unexpected(
        name="a-booking-that-lives-twice-is-missed",
        old="if outcome is not LookOutcome.UNCHANGED or is_fresh:",
        new="if True:",
        test=f"{_UNEXPECTED}test_a_booking_that_lives_twice_is_reported_by_a_second_look",
    ),
    _unexpected(
        name="a-double-counts-when-it-was-seen-once",
        old="if is_confirmed and not is_second:",
        new="if False:",
        test=f"{_UNEXPECTED}test_a_double_that_ends_before_the_second_look_is_not_reported",
    ),
    _unexpected(
        name="a-replica-that-lags-behind-our-change-is-believed",
        old="since=lately)",
        new="since=appointments.now(conn))",
        test=f"{_UNEXPECTED}test_another_uid_is_not_asked_for_right_after_our_own_move",
    ),
    _unexpected(
        name="a-seat-that-a-person-has-moved-counts-as-cancelled",
        old="if is_confirmed and not is_seat:",
        new="if is_confirmed:",
        test=f"{_KINDS}test_a_seat_that_a_person_moves_is_followed[True]",
    ),
    _unexpected(
        name="a-uid-that-our-move-has-left-costs-a-call",
        old="if is_confirmed and asking.has_left(conn, row.id, hint.uid):",
        new="if False:",
        test=f"{_UNEXPECTED}test_a_hint_of_a_uid_that_our_own_move_has_left_costs_no_call",
    ),
    _unexpected(
        name="a-stranger-beside-our-cancelled-seat-costs-a-call",
        old="hint.uid == row.calcom_booking_uid and row.calcom_seat_uid is None",
        new="hint.uid == row.calcom_booking_uid",
        test=f"{_UNEXPECTED}test_a_stranger_in_a_booking_where_our_seat_was_cancelled_costs_no_call",
    ),
    _unexpected(
        name="weeks-of-a-series-are-asked-for-as-doubles",
        old=" and is_other and row.series_uid is None",
        new=" and is_other",
        test=f"{_UNEXPECTED}test_the_weeks_of_a_series_are_not_twice",
    ),
    Breakage(
        name="an-operator-is-told-of-one-booking-by-each-hint",
        promise=6,
        file="db/appointments/events.py",
        old="limit(1)).first() is not None:",
        new="limit(0)).first() is not None:",
        test=f"{_UNEXPECTED}test_a_cancelled_booking_that_its_host_has_revived_is_reported_once",
    ),
    _looks(
        name="a-hint-asks-about-a-booking-that-a-call-of-ours-is-changing",
        old=" or asking.is_in_motion(conn, row.id, since=appointments.now(conn)):",
        new=":",
        test=f"{_TIMES}test_while_a_change_of_ours_is_at_work_no_call_is_made[under way-cancel]",
    ),
    _kept(
        name="cal-com-is-asked-before-it-has-committed",
        promise=2,
        old="FIRST_LOOK = 2.0",
        new="FIRST_LOOK = 0.0",
        test=f"{_TIMES}test_a_hint_is_looked_at_after_2_10_and_60_seconds",
    ),
    _looks(
        name="a-cancel-that-is-committed-late-is-missed",
        old="elif worst is LookOutcome.UNCHANGED and due.looks + 1 < len(AFTER):",
        new="elif False:",
        test=f"{_TIMES}test_a_cancel_that_was_not_committed_at_the_first_look_is_found_at_the_second",
    ),
    _due(
        name="a-look-overtakes-bookings",
        old="AND status = 'held' AND hold_reason = 'breaker_open'",
        new="AND false",
        test=f"{_HINTS}test_looks_go_behind_bookings[breaker_open]",
    ),
    _due(
        name="a-look-takes-from-a-limit-that-others-wait-for",
        old="AND status = 'held' AND hold_reason = 'throttled'",
        new="AND false",
        test=f"{_HINTS}test_looks_go_behind_bookings[throttled]",
    ),
    _due(
        name="a-look-whose-process-died-is-lost",
        old="SET next_at = now() + make_interval(secs => :lease_seconds)",
        new="SET next_at = now() + make_interval(days => 100, secs => :lease_seconds)",
        test=f"{_HINTS}test_a_look_whose_process_died_is_due_again_after_its_lease",
    ),
    _there(
        name="a-webhook-with-another-secret-stays",
        old="Difference.SIGNATURE: webhook.secret != self.secret,",
        new="Difference.SIGNATURE: False,",
        test=f"{_AT_CALCOM}test_one_that_differs_is_told_and_replaced[changes1-signature]",
    ),
    _there(
        name="an-order-touches-another-accounts-webhook",
        old="account_of(token, self.secrets) == self.account",
        new="account_of(token, self.secrets) is not None",
        test=f"{_AT_CALCOM}test_only_ours_is_deleted_and_nothing_to_delete_is_no_error",
    ),
    _there(
        name="a-lost-answer-is-taken-for-done",
        old="or by another order\n            return False",
        new="or by another order\n            return True",
        test=f"{_AT_CALCOM}test_an_answer_that_is_lost_costs_a_look[remove-reset]",
    ),
    _there(
        name="a-refused-order-is-repeated",
        old='        raise AuditHalted(f"Cal.com has not taken it: {_words(reply)}")',
        new="        return False",
        test=f"{_AT_CALCOM}test_a_refusal_ends_it_at_once",
    ),
    _check(
        name="a-webhook-that-was-removed-is-missed",
        old="    return {name for name, action in last.items() if action == WEBHOOK_ADD}\n",
        new="    return set(last)\n",
        test=f"{_CHECK}test_of_an_account_without_a_webhook_nothing_is_said_and_nothing_asked",
    ),
    _check(
        name="a-webhook-is-asked-for-with-the-key-of-another",
        old="    calls.use(ours.account)\n",
        new="",
        test=f"{_CHECK}test_each_account_is_asked_by_its_own_key",
    ),
    _check(
        name="a-webhook-that-differs-is-well",
        old="    return found.ok, ",
        new="    return True, ",
        test=f"{_CHECK}test_what_is_missing_or_differs_is_a_warning_with_what_to_do",
    ),
    Breakage(
        name="a-webhook-waits-for-a-frozen-postgres",
        promise=1,
        file="worker/api/calcom_webhooks/receive.py",
        old="WITHIN = 0.22 ",
        new="WITHIN = 5.0 ",
        test=f"{_CAME_IN}test_while_postgres_is_frozen_the_answer_is_503",
    ),
)
