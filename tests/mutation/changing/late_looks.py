"""Guards of the late look at a change, and of a hint's look when the settle time ends, each taken away."""

from functools import partial

from tests.mutation.breakage import Breakage

_LATE = "tests/integration/changes/test_late_looks.py::"
_look = partial(Breakage, promise=2, file="tasks/changes/late_lookups.py")
_ending = partial(Breakage, promise=2, file="tasks/changes/ending.py")
_statement = partial(Breakage, promise=2, file="db/sql/change_late.sql")

LATE_LOOKS = (
    _ending(
        name="no-late-look-after-an-unclear-answer",
        old="is_vague = answer in VAGUE or change.late_look_at is not None",
        new="is_vague = False",
        test=f"{_LATE}test_a_person_who_moves_it_after_an_unclear_move_is_followed",
    ),
    _ending(
        name="a-late-look-after-every-answer",
        old="is_vague = answer in VAGUE or change.late_look_at is not None",
        new="is_vague = True",
        test=f"{_LATE}test_a_series_that_is_cancelled_cleanly_is_not_looked_at_again",
    ),
    _ending(
        name="the-old-one-of-a-split-move-lives-until-the-late-look",
        old='written["late_look_at"] = FromNow(0)',
        new="pass",
        test=f"{_LATE}test_the_old_booking_of_a_split_move_is_cancelled_as_a_double_and_told",
    ),
    _look(
        name="a-double-of-a-move-is-left",
        old="    if not by_us:\n",
        new="    if by_us:\n",
        test=f"{_LATE}test_the_old_booking_of_a_split_move_is_cancelled_as_a_double_and_told",
    ),
    _look(
        name="what-was-made-after-all-is-left",
        old="beside = None if here is None else here.uid",
        new="beside = None",
        test=f"{_LATE}test_what_was_made_after_all_at_the_wanted_start_is_cancelled_and_told",
    ),
    _look(
        name="a-double-is-not-told-before-its-cancel",
        old='{_ENDED if by_us else _YOURS}")\n    if not by_us:',
        new='{_YOURS}") if not by_us else None\n    if not by_us:',
        test=f"{_LATE}test_a_double_is_told_though_the_answer_to_its_cancel_is_lost",
    ),
    _look(
        name="a-double-that-stays-is-not-told-once-more",
        old="    if not fixed.ok:\n",
        new="    if False:\n",
        test=f"{_LATE}test_a_double_that_cal_com_does_not_cancel_is_told_once_more",
    ),
    _look(
        name="a-strangers-booking-is-a-double",
        old="look.there.lives_for(str(row.uuid), but=None)",
        new="look.lives",
        test=f"{_LATE}test_what_does_not_carry_our_reference_is_no_double",
    ),
    _look(
        name="a-forgotten-persons-booking-is-looked-for",
        old="if row is None or change.from_uid is None:",
        new="if row is None:",
        test=f"{_LATE}test_the_look_of_a_person_who_was_forgotten_ends_without_a_call",
    ),
    _look(
        name="an-empty-booking-is-not-told",
        old="        _tell(calls.deps, row, events.CHANGE_NEEDS_YOU, booking.uid, _EMPTY)\n",
        new="        pass\n",
        test=f"{_LATE}test_an_empty_booking_that_a_seats_cancel_left_is_told[fault0]",
    ),
    _look(
        name="hidden-attendees-are-nobody",
        old="if booking.attendees or (me is not None and me.user_id in booking.host_ids):",
        new="if me is not None:",
        test=f"{_LATE}test_a_booking_whose_attendees_are_hidden_from_us_is_not_called_empty",
    ),
    _look(
        name="cancelled-here-and-lives-there-is-not-told",
        old="if look.lives and look.shown in {Shown.ALIVE, Shown.MOVED}:",
        new="if False:",
        test=f"{_LATE}test_a_host_who_moves_it_in_the_second_of_an_unclear_cancel_is_told",
    ),
    _look(
        name="a-late-look-that-fails-counts",
        old="            _put_off(deps, change)\n",
        new="            pass\n",
        test=f"{_LATE}test_a_look_that_never_succeeds_ends_after_a_day_and_is_told",
    ),
    _statement(
        name="looked-at-while-another-change-is-at-work",
        old="(status = 'changing' OR outcome_unknown)",
        new="false",
        test=f"{_LATE}test_a_look_waits_for_what_is_under_way_and_for_cal_com",
    ),
    Breakage(
        name="a-seat-that-was-cancelled-at-once-waits-for-minutes",
        promise=2,
        file="tasks/calcom_webhooks/looks.py",
        old="oldest=OLDEST, settles_at=_settles_at(conn, deps, rows))",
        new="oldest=OLDEST)",
        test="tests/integration/calcom_webhooks/test_look_times.py::"
        "test_a_seat_that_was_booked_just_now_is_looked_at_when_its_absence_counts",
    ),
)
