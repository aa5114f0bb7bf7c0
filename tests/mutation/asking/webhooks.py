"""That a webhook of Cal.com's is a hint and never a proof, taken away."""

from functools import partial

from tests.mutation.breakage import Breakage

_CAME_IN = "tests/integration/calcom_webhooks/test_webhooks_received.py::"
_HINTS = "tests/integration/calcom_webhooks/test_hints.py::"
_CALLS = "tests/promises/asking/test_webhook_calls.py::"
_looks = partial(Breakage, promise=2, file="tasks/calcom_webhooks/looks.py")
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
        old="is_named and row.awaits_host is True\n",
        new="is_named and row.awaits_host is None\n",
        test=f"{_CALLS}test_webhooks_cost_healthy_bookings_two_calls_of_a_hundred_at_most",
    ),
    Breakage(
        name="a-look-that-comes-to-nothing-is-made-for-ever",
        promise=3,
        file="db/calcom_webhooks.py",
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
    _looks(
        name="a-hint-of-a-cancelled-booking-costs-a-call",
        old="_NOT_BOOKED = frozenset({",
        new="_NOT_BOOKED = frozenset({Status.CANCELLED, ",
        test=f"{_HINTS}test_what_the_row_says_already_costs_no_call",
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
)
