"""What tells a cancel that waits from a move that waits, taken away."""

from functools import partial

from tests.mutation.breakage import Breakage

_WAITS = "tests/promises/asking/test_what_waits.py::"
_OVER = f"{_WAITS}test_what_waited_and_is_over_cancels_nobody"
_REPEAT = f"{_WAITS}test_a_repeat_of_the_first_request_takes_back_no_move"
_STARTS = "tests/promises/asking/test_each_start.py::"
_CLIENT = "tests/integration/booking_client/test_client_changes.py::"
_CALLS = "tests/integration/api/voice/test_voice_changes.py::"
_migration = partial(Breakage, promise=1, file="db/migrations/initial/change_triggers.sql")
_insertion = partial(Breakage, promise=1, file="client/booking_client/insertion.py")
_asking = partial(Breakage, promise=2, file="db/changes/asking.py")
_wishes = partial(Breakage, promise=2, file="tasks/work/waiting_move.py")
_insert = partial(Breakage, promise=2, file="client/booking_client/sql/insert.sql")
_recheck = partial(Breakage, file="tasks/guarded_calls/recheck.py")
_take_back = partial(Breakage, promise=1, file="client/booking_client/sql/take_back_cancel.sql")

WHAT_WAITS = (
    _migration(
        name="a-move-that-is-over-still-waits",
        old="    pg_trigger_depth() = 0\n",
        new="    pg_trigger_depth() = 0 AND NEW.kind = 'cancel'\n",
        test=f"{_OVER}[a move expires-not booked]",
    ),
    _migration(
        name="a-move-of-what-has-ended-still-waits",
        old=" OR NEW.kind = 'reschedule')\n",
        new=")\n",
        test=f"{_WAITS}test_a_failed_booking_whose_move_was_refused_is_booked_when_it_is_retried",
    ),
    _migration(
        name="a-cancel-that-is-revoked-still-cancels",
        old="    pg_trigger_depth() = 0\n",
        new="    pg_trigger_depth() = 0 AND NEW.kind <> 'cancel'\n",
        test=f"{_OVER}[a cancel is revoked-not booked]",
    ),
    _migration(
        name="a-repeat-withdraws-each-change",
        old="AND kind = 'cancel' AND scope IS NULL AND posts = 0",
        new="AND posts = 0",
        test=f"{_WAITS}test_what_a_worker_of_before_says_of_a_move_is_no_cancel",
    ),
    _migration(
        name="a-move-of-before-cancels-its-booking",
        old="cancel_requested = is_cancelled OR booking.cancel_requested AND is_moved AND NEW.kind = 'reschedule',\n",
        new="cancel_requested = is_cancelled OR booking.cancel_requested AND NEW.kind = 'reschedule',\n",
        test=f"{_WAITS}test_what_a_worker_of_before_says_of_a_move_is_over_with_it",
    ),
    Breakage(
        name="a-move-that-waits-stands-against-no-post",
        promise=2,
        file="db/appointments/appointment.py",
        old="return self.cancel_requested or self.move_requested",
        new="return self.cancel_requested",
        test=f"{_REPEAT}[derived key]",
    ),
    _wishes(
        name="a-taken-wanted-start-is-waited-for",
        old='return replace(at_once("not booked, and stays at its start: its move is refused"), also=refused)',
        new="return cancelled",
        test=f"{_WAITS}test_a_wanted_start_that_is_another_requests_refuses_the_move",
    ),
    _insertion(
        name="a-given-key-takes-a-cancel-back",
        old="return self.key_derived and self.cancel_requested",
        new="return self.cancel_requested",
        test=f"{_WAITS}test_a_repeat_with_its_given_key_is_a_read",
    ),
    _take_back(
        name="a-move-that-nobody-has-read-is-taken-back",
        old=" AND kind = 'cancel'\n",
        new="\n",
        test=f"{_CLIENT}test_who_asks_for_the_booking_again_takes_back_what_nobody_has_read",
    ),
    Breakage(
        name="an-agents-repeat-takes-the-cancel-back",
        promise=1,
        file="tasks/conversations/booking.py",
        old="        if not another:\n            return InCall(own, second=True, change=cancelling)\n",
        new="",
        test=f"{_CALLS}test_who_books_again_is_asked_whether_the_cancel_is_to_be_taken_back[retell-the same call]",
    ),
    _asking(
        name="a-held-booking-forgets-its-first-start",
        old="    answer_at(conn, row, row.start_at)\n    conn.execute(",
        new="    conn.execute(",
        test=f"{_STARTS}test_a_booking_that_is_moved_while_it_is_held_answers_for_both_starts",
    ),
    Breakage(
        name="a-wanted-start-is-no-start-of-its-booking",
        promise=2,
        file="db/sql/change_keep.sql",
        old="    WHERE kind = 'reschedule'\n    ON CONFLICT",
        new="    WHERE false\n    ON CONFLICT",
        test=f"{_STARTS}test_a_booking_of_open_outcome_answers_for_both_starts[booked]",
    ),
    _wishes(
        name="an-obeyed-wish-forgets-the-first-start",
        old="        asking.answer_at(conn, row, row.start_at)\n",
        new="",
        test=f"{_STARTS}test_a_booking_of_open_outcome_answers_for_both_starts[not booked]",
    ),
    _insert(
        name="a-moved-booking-is-booked-again",
        old="    WHERE is_known IS NULL\n",
        new="",
        test=f"{_STARTS}test_a_booking_that_is_moved_twice_answers_for_each_start",
    ),
    _migration(
        name="a-move-that-came-to-nothing-keeps-its-start",
        old="WHERE moved.appointment_id = NEW.appointment_id AND moved.start_at = NEW.start_at AND",
        new="WHERE false AND",
        test=f"{_STARTS}test_a_move_that_came_to_nothing_leaves_its_start_free",
    ),
    Breakage(
        name="where-a-person-has-moved-it-is-no-start",
        promise=2,
        file="db/sql/record_places.sql",
        old="FROM had WHERE is_moved AND start IS NOT NULL",
        new="FROM had WHERE false",
        test=f"{_STARTS}test_where_a_person_has_moved_it_a_booking_answers_too",
    ),
    Breakage(
        name="told-that-it-is-there-without-a-look",
        promise=6,
        file="tasks/changes/evidence/reschedule.py",
        old="    return ChangeStep.DONE if is_there else ChangeStep.FOLLOW\n\n\ndef after_reschedule(",
        new="    return ChangeStep.DONE\n\n\ndef after_reschedule(",
        test=f"{_STARTS}test_a_move_back_that_a_person_has_made_necessary_is_made",
    ),
    Breakage(
        name="posted-to-where-it-is",
        promise=6,
        file="tasks/changes/attempt.py",
        old="if self.change.wanted == self.booking.present_start:",
        new="if False:",
        test=f"{_STARTS}test_a_move_to_where_it_is_costs_one_look",
    ),
    _recheck(
        name="a-seat-that-its-person-has-moved-is-cancelled",
        promise=2,
        old="return [one for one in page.bookings if one.lives_for(str(row.uuid), but=row.calcom_seat_uid)][:1]",
        new="return ()",
        test=f"{_STARTS}test_a_seat_that_its_person_has_moved_alone_is_followed",
    ),
    _recheck(
        name="a-slow-list-keeps-its-caller-waiting",
        promise=6,
        old="self.calls.list_bookings(newest(number), deadline=self._left())",
        new="self.calls.list_bookings(newest(number))",
        test=f"{_STARTS}test_nobody_on_the_phone_waits_for_a_slow_list",
    ),
    Breakage(
        name="what-waits-is-told-as-to-be-confirmed",
        promise=6,
        file="worker/api/bookings.py",
        old="if not (newest.change.over or newest.view.final):",
        new="if False:",
        test="tests/integration/api/test_api_changes.py::test_a_repeat_of_the_first_request_is_told_what_waits",
    ),
)
