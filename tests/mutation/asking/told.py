"""What a caller is told of its bookings and changes, made untrue, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_ANSWERS = "tests/integration/api/test_api_answers.py::"
_CHANGES = "tests/integration/api/test_api_changes.py::"
_WAITS = "tests/integration/api/test_api_waits.py::"
_TOOLS = "tests/integration/api/voice/test_voice_tools.py::"
_VOICE = "tests/integration/api/voice/test_voice_changes.py::"
_bookings = partial(Breakage, promise=6, file="worker/api/bookings.py")
_changing = partial(Breakage, file="tasks/conversations/changing.py")
_booking = partial(Breakage, promise=2, file="tasks/conversations/booking.py")

TOLD = (
    Breakage(
        name="a-repeat-does-not-know-why-it-was-rejected",
        promise=6,
        file="tasks/callers/views.py",
        old="replace(told, error_type=row.error_type, uid=row.uid)",
        new="replace(told, uid=row.uid)",
        test=f"{_ANSWERS}test_a_repeat_of_what_is_over_is_answered_as_its_booking",
    ),
    _bookings(
        name="told-as-booked-beside-its-cancel",
        old='{**document(newest.view, key), "change"',
        new='{**document(view, key), "change"',
        test=f"{_CHANGES}test_a_booking_is_not_told_as_it_was_before_its_change_ended",
    ),
    Breakage(
        name="a-wish-that-met-a-lock-is-told-as-perhaps-stored",
        promise=6,
        file="tasks/callers/changes.py",
        old="        with database_errors():\n            if not",
        new="        if conn:\n            if not",
        test=f"{_CHANGES}test_a_wish_for_a_booking_that_somebody_has_locked_was_not_stored",
    ),
    Breakage(
        name="a-booking-is-moved-into-a-second",
        promise=6,
        file="tasks/operations/rescheduling.py",
        old="    if start.microsecond:\n",
        new="    if start.year < 2000:\n",
        test="tests/integration/cli/changes/test_refused_changes.py::"
        "test_what_cannot_be_done_is_told_in_its_own_sentence[Python]",
    ),
    Breakage(
        name="who-waits-for-the-limit-is-told-that-it-is-held",
        promise=6,
        file="db/lifecycle.py",
        old="SHORT_HOLDS = frozenset({HoldReason.THROTTLED})",
        new="SHORT_HOLDS = frozenset[HoldReason]()",
        test=f"{_WAITS}test_who_waits_for_the_rate_limit_hears_of_the_booking",
    ),
    _changing(
        name="a-repeated-move-is-asked-about",
        promise=2,
        old="replace(newest, again=True)) if is_so else None",
        new="replace(newest, again=True)) if is_so and newest.again else None",
        test=f"{_VOICE}test_a_move_that_is_done_is_known_when_it_is_repeated[vapi]",
    ),
    _changing(
        name="another-move-is-told-as-done",
        promise=6,
        old="start=wanted), wanted)",
        new="start=None), wanted)",
        test=f"{_VOICE}test_a_move_that_is_done_is_known_when_it_is_repeated[retell]",
    ),
    _booking(
        name="who-has-cancelled-is-told-so-for-ever",
        old="        if known.status not in WANTED and another:\n",
        new="        if known.status in WANTED and another:\n",
        test=f"{_TOOLS}test_who_has_cancelled_in_this_call_is_asked_before_it_is_booked_again[retell]",
    ),
)
