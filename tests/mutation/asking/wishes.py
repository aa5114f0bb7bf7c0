"""Guards of the wishes that clients store, each taken away."""

from functools import partial

from tests.mutation.breakage import Breakage

_TESTS = "tests/integration/booking_client/test_client_changes.py::"
_decided = partial(Breakage, promise=1, file="tasks/changes/ask/by_client.py")
_taken_up = partial(Breakage, promise=3, file="db/sql/change_wish.sql")

WISHES = (
    Breakage(
        name="a-wish-locks-its-booking",
        promise=1,
        file="db/migrations/initial/changes.sql",
        old="appointment_id bigint NOT NULL,\n    kind",
        new="appointment_id bigint NOT NULL REFERENCES appointments (id),\n    kind",
        test=f"{_TESTS}test_an_open_transaction_locks_no_booking",
    ),
    Breakage(
        name="a-wish-wakes-nobody",
        promise=1,
        file="client/booking_client/sql/keep_wish.sql",
        old="    FROM written\n)",
        new="    FROM written WHERE false\n)",
        test=f"{_TESTS}test_a_transaction_with_wishes_notifies_once_when_it_commits",
    ),
    _taken_up(
        name="wishes-out-of-their-order",
        old="AND earlier.id < wish.id",
        new="AND earlier.id < 0",
        test=f"{_TESTS}test_the_wishes_of_a_booking_are_decided_in_their_order",
    ),
    _taken_up(
        name="moved-before-it-is-dispatched",
        old="booking.updated_at = booking.created_at",
        new="booking.id < 0",
        test=f"{_TESTS}test_a_booking_that_was_not_dispatched_is_never_counted_as_a_lost_message",
    ),
    _decided(
        name="a-refused-wish-is-forgotten",
        old="if result.change is None:",
        new="if False:",
        test=f"{_TESTS}test_a_refused_wish_is_seen_in_the_outcome",
    ),
    _decided(
        name="a-refused-wish-takes-a-key",
        old="if result.outcome is AskOutcome.KEY_REUSED:",
        new="if False:",
        test=f"{_TESTS}test_the_same_key_and_the_same_open_wish_are_the_same_change",
    ),
    _decided(
        name="one-wish-stops-all",
        old="        return wish  # those of other bookings go on",
        new="        return None",
        test=f"{_TESTS}test_a_wish_that_cannot_be_decided_stops_no_other",
    ),
    Breakage(
        name="a-known-booking-is-cancelled-by-an-older-wish",
        promise=1,
        file="client/booking_client/insertion.py",
        old='load("known_keys", rule.schema, _KNOWN_COLUMNS.',
        new='load("known_keys", rule.schema, _COLUMNS.',
        test=f"{_TESTS}test_who_asks_for_the_booking_again_takes_back_what_nobody_has_read",
    ),
    Breakage(
        name="taken-back-and-hidden-from-the-dispatcher",
        promise=1,
        file="client/booking_client/sql/take_back_cancel.sql",
        old=" OR NOT cancel_requested",
        new="",
        test=f"{_TESTS}test_who_asks_for_the_booking_again_takes_back_what_nobody_has_read",
    ),
)
