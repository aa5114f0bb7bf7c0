"""Guards of who asks again, each taken away."""

from functools import partial

from tests.mutation.breakage import Breakage

_AWAITS = "tests/promises/asking/test_awaits_host.py::"
_EACH_SECOND = "tests/promises/asking/test_asked_again_each_second.py::"
_CLAIMS = "tests/integration/appointments/test_db_claims.py::"
_MOVED = "tests/promises/asking/test_moved.py::"
_CANCEL = "tests/promises/asking/test_cancel_taken_back.py::"
_insertion = partial(Breakage, promise=1, file="client/booking_client/insertion.py")
_claim_recheck = partial(Breakage, promise=4, file="db/sql/claim_recheck.sql")

AGAIN = (
    _insertion(
        name="cancel-swallows-the-next-request",
        old="if one.is_wanted_again})",
        new="if False})",
        test=f"{_CANCEL}test_who_asks_again_takes_the_cancel_back[one_by_one]",
    ),
    Breakage(
        name="cancel-of-the-wish-before",
        promise=1,
        file="db/appointments/move_sql.py",
        old='conditions.append("cancel_requested")',
        new="pass",
        test=f"{_CANCEL}test_a_worker_that_was_about_to_cancel_it_goes_on_with_it",
    ),
    _insertion(
        name="told-retrying-though-cancelled",
        old="for key, one in found.items() if one.id not in cancelling}",
        new="for key, one in found.items()}",
        test=f"{_CANCEL}test_what_a_worker_cancelled_before_that_was_taken_back_is_asked_for_again[one_by_one]",
    ),
    # -- a call a minute
    _claim_recheck(
        name="asked-each-time",
        old="checked_at BETWEEN clock_timestamp() - make_interval(secs => :pause_seconds) AND clock_timestamp()",
        new="make_interval(secs => :pause_seconds) IS NULL",
        test=f"{_EACH_SECOND}test_forty_who_ask_at_once_cost_one_call",
    ),
    _claim_recheck(
        name="taken-by-one-that-began-before",
        old="AND clock_timestamp()) IS NOT TRUE",
        new="AND now()) IS NOT TRUE",
        test=f"{_CLAIMS}test_a_recheck_that_waited_for_another_finds_it_taken",
    ),
    Breakage(
        name="looked-for-by-one-that-began-before",
        promise=3,
        file="db/sql/missing_type.sql",
        old="AND clock_timestamp()) IS NOT TRUE",
        new="AND now()) IS NOT TRUE",
        test=f"{_CLAIMS}test_a_look_for_a_missing_type_that_waited_for_another_finds_it_taken",
    ),
    _claim_recheck(
        name="asked-while-others-wait",
        old="status = 'held' AND hold_reason = 'throttled'",
        new="false",
        test=f"{_EACH_SECOND}test_while_others_wait_nobody_asks[throttled]",
    ),
    # -- moved at Cal.com
    Breakage(
        name="told-the-time-before-the-move",
        promise=6,
        file="tasks/calcom/booking_answers.py",
        old="start = None if booking.is_at(row.start_at) else booking.start",
        new="start = None",
        test=f"{_MOVED}test_who_asks_for_the_old_time_hears_when_it_is_now",
    ),
    Breakage(
        name="moved-and-cancelled-lives",
        promise=6,
        file="tasks/guarded_calls/recheck.py",
        old="if isinstance(own, Reply) or not own.cancelled:",
        new="if True:",
        test=f"{_MOVED}test_what_was_moved_and_then_cancelled_is_booked_again",
    ),
    Breakage(
        name="moved-and-cancelled-is-confirmed",
        promise=2,
        file="tasks/calcom/lookup.py",
        old="kind=LookupKind.CANCELLED if now.cancelled else LookupKind.MOVED,",
        new="kind=LookupKind.MOVED,",
        test=f"{_MOVED}test_a_look_that_finds_it_moved_and_cancelled_does_not_confirm_it",
    ),
    # -- whom it awaits
    Breakage(
        name="booked-though-its-host-has-not-said-yes",
        promise=6,
        file="tasks/calcom/booking.py",
        old="return not (self.accepted or self.cancelled)",
        new="return False",
        test=f"{_AWAITS}test_the_answer_to_the_post_says_whether_a_host_must_confirm",
    ),
    Breakage(
        name="done-though-it-awaits-its-host",
        promise=6,
        file="tasks/story/why.py",
        old="_AWAITS_HOST if row.awaits_host else",
        new="",
        test="tests/unit/worker/test_cli_explain.py::test_a_booking_that_awaits_its_host_is_not_called_done",
    ),
)
