"""Guards of a move's two ends, each taken away; its rules are in tests/mutation/changes.py."""

from functools import partial

from tests.mutation.breakage import Breakage

_ENDS = "tests/integration/changes/test_both_ends.py::"
_questions = partial(Breakage, promise=2, file="tasks/changes/questions.py")
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
)
