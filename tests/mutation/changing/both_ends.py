"""Guards of a move's two ends and of a last seat, each taken away; its rules are in tests/mutation/changes.py."""

from functools import partial

from tests.mutation.breakage import Breakage

_ENDS = "tests/integration/changes/test_both_ends.py::"
_questions = partial(Breakage, promise=2, file="tasks/changes/questions.py")
_SEATS = "tests/integration/changes/test_last_seats.py::"
_left = partial(Breakage, promise=1, file="db/sql/seat_left.sql")
_joined = partial(Breakage, promise=1, file="db/sql/seat_joined.sql")
_attempt = partial(Breakage, promise=2, file="tasks/changes/attempt.py")

BOTH_ENDS = (
    Breakage(
        promise=2,
        file="tasks/changes/inquiry.py",
        name="the-old-uid-is-not-looked-at-after-the-list",
        old="if look.is_alive:  # the list first",
        new="if False:  # the list first",
        test=f"{_ENDS}test_a_move_whose_transaction_was_split_is_done[101-400 B]",
    ),
    _attempt(
        name="what-a-201-has-made-is-forgotten",
        old='{"to_uid": reply.uid} if reply.answer is ChangeAnswer.MOVED else {}',
        new="{}",
        test=f"{_ENDS}test_a_second_201_is_no_end_while_the_old_one_lives",
    ),
    _questions(
        name="what-a-person-has-moved-on-is-not-ours",
        old="if one.moved_to is not None and one.uid != change.from_uid:",
        new="if False:",
        test=f"{_ENDS}test_what_a_person_has_moved_on_from_the_wanted_start_is_ours",
    ),
    _questions(
        name="where-a-booking-was-before-it-is-moved-to",
        old="and all(later.uid != change.from_uid for later in chain)",
        new="",
        test=f"{_ENDS}test_a_booking_that_was_at_the_wanted_start_before_is_not_the_move",
    ),
    _questions(
        name="a-teams-wanted-start-counts-as-seen",
        old="sight = kept.sight and not (is_here and page.remaining)",
        new="sight = True",
        test=f"{_ENDS}test_taken_by_perhaps_our_own_is_held_where_nobody_sees_the_wanted_start",
    ),
    Breakage(
        promise=1,
        file="tasks/attempts/attempt.py",
        name="a-booking-joins-while-the-last-seat-is-given-up",
        old="or second or step",
        new="or step",
        test=f"{_SEATS}test_who_would_join_while_the_last_seat_is_given_up_is_booked_when_it_is",
    ),
    _attempt(
        name="the-last-seat-is-given-up-while-a-booking-joins",
        old="(unclear := questions.meets_seats(self.claim)) is not None",
        new="(unclear := None) is not None",
        test=f"{_SEATS}test_the_last_seat_is_given_up_when_who_joins_is_booked",
    ),
    Breakage(
        promise=1,
        file="db/sql/__init__.py",
        name="a-claim-sees-no-seat-that-is-given-up",
        old="(leaving.status = 'changing' OR leaving.outcome_unknown)",
        new="false",
        test=f"{_SEATS}test_who_would_join_while_the_last_seat_is_given_up_is_booked_when_it_is",
    ),
    _left(
        name="an-unclear-cancel-of-a-seat-is-over",
        old="OR leaving.outcome_unknown AND leaving.settle_at > now()",
        new="",
        test=f"{_SEATS}test_a_seat_is_given_up_as_long_as_its_call_may_be_at_work[unclear-True]",
    ),
    _left(
        name="an-unclear-cancel-of-a-seat-is-waited-for-when-it-is-settled",
        old="OR leaving.outcome_unknown AND leaving.settle_at > now()",
        new="OR leaving.outcome_unknown",
        test=f"{_SEATS}test_a_seat_is_given_up_as_long_as_its_call_may_be_at_work[settled-None]",
    ),
    _left(
        name="a-moved-seat-is-given-up-where-it-was",
        old="coalesce(seat.booked_start_at, seat.start_at) = :start_at",
        new="seat.start_at = :start_at",
        test=f"{_SEATS}test_who_was_moved_gives_up_the_seat_that_it_has_now",
    ),
    _left(
        name="beside-another-a-seat-counts-as-the-last",
        old="beside.status = 'confirmed'",
        new="false",
        test=f"{_SEATS}test_beside_another_of_ours_a_seat_is_not_the_last",
    ),
    _joined(
        name="an-unclear-booking-joins-no-more",
        old="OR outcome_unknown AND settle_at > now()",
        new="",
        test=f"{_SEATS}test_somebody_joins_as_long_as_the_call_may_be_at_work[unclear-True]",
    ),
    _joined(
        name="a-moved-seat-joins-nobody",
        old="WHERE move.kind = 'reschedule'",
        new="WHERE false",
        test=f"{_SEATS}test_somebody_joins_as_long_as_the_call_may_be_at_work[at work-False]",
    ),
    _joined(
        name="who-is-just-claiming-is-not-seen",
        old="WHERE id IN (SELECT id FROM booked)\n    FOR SHARE SKIP LOCKED",
        new="WHERE id IN (SELECT id FROM booked)",
        test=f"{_SEATS}test_who_is_just_claiming_counts_as_at_work",
    ),
)
