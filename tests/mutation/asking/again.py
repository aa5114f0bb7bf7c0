"""Guards of who asks again, each taken away."""

from tests.mutation.breakage import Breakage

_CANCEL = "tests/promises/asking/test_cancel_taken_back.py::"

AGAIN = (
    Breakage(
        name="cancel-swallows-the-next-request",
        promise=1,
        file="db/appointments/insertion.py",
        old="if one.may_be_cancelled and",
        new="if False and",
        test=f"{_CANCEL}test_who_asks_again_takes_the_cancel_back[derived key-one_by_one]",
    ),
    Breakage(
        name="cancel-of-the-wish-before",
        promise=1,
        file="db/appointments/moves.py",
        old='still_there.append("cancel_requested")',
        new="pass",
        test=f"{_CANCEL}test_a_worker_that_was_about_to_cancel_it_goes_on_with_it",
    ),
    Breakage(
        name="told-retrying-though-cancelled",
        promise=1,
        file="db/appointments/insertion.py",
        old="for key, one in found.items() if one.id not in cancelling}",
        new="for key, one in found.items()}",
        test=f"{_CANCEL}test_what_a_worker_cancelled_before_that_was_taken_back_is_asked_for_anew[one_by_one]",
    ),
    Breakage(
        name="cancel-taken-back-by-another-request",
        promise=1,
        file="db/appointments/insertion.py",
        old="return kept.key_derived or (_key(kept), kept.payload_hash) in asked",
        new="return True",
        test=f"{_CANCEL}test_another_request_with_its_key_takes_no_cancel_back",
    ),
)
