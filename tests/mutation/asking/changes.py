"""Changes as the workers send them: what would go wrong without one of their guards."""

from functools import partial

from tests.mutation.breakage import Breakage

_ROWS = "tests/integration/changes/test_db_changes.py::"
_ORDER = "tests/integration/changes/test_change_order.py::"
_LINE = "tests/integration/changes/test_one_line.py::"
_BY_US = "tests/integration/changes/test_refused_by_us.py::"
_WISHES = "tests/integration/changes/test_wishes.py::"
_TURNED = "tests/integration/changes/test_turned_away.py::"
_THERE = "tests/promises/changes/test_changed_there.py::"
_TROUBLE = "tests/promises/changes/test_changes_meet_trouble.py::"
_CLI = "tests/integration/cli/changes/test_cli_changes.py::"
_REFUSED = "tests/integration/changes/test_refused_changes.py::"
_LOST = f"{_THERE}test_a_lost_answer_is_looked_for_and_nothing_is_done_twice"
_claim = partial(Breakage, promise=2, file="db/sql/change_claim.sql")
_claimed = partial(Breakage, promise=1, file="tasks/changes/claim.py")
_moving = partial(Breakage, promise=2, file="tasks/changes/ask/change.py")
_inquiry = partial(Breakage, promise=2, file="tasks/changes/inquiry.py")
_attempt = partial(Breakage, promise=2, file="tasks/changes/attempt.py")

CHANGES_SENT = (
    Breakage(
        name="changes-at-once-on-the-uid",
        promise=2,
        file="db/migrations/initial/changes.sql",
        old="ON booking_changes (service, from_uid)\n    WHERE",
        new="ON booking_changes (service, from_uid, id)\n    WHERE",
        test=f"{_ROWS}test_postgres_itself_refuses_two_of_one_uid",
    ),
    _claim(
        name="a-change-does-not-wait-on-the-uid",
        old="other.from_uid = wanted.from_uid AND other.id <> wanted.id",
        new="other.from_uid = wanted.from_uid AND other.id < 0",
        test=f"{_ROWS}test_two_seats_of_one_booking_are_never_changed_at_once",
    ),
    _claim(
        name="a-change-does-not-wait-for-one-that-is-sent-again",
        old="OR other.posts > 0 AND wanted.posts = 0",
        new="",
        test=f"{_ORDER}test_the_claim_decides_as_the_rule[sent, will be again-never sent-another seat of it]",
    ),
    _claim(
        name="a-change-does-not-wait-for-an-earlier-one",
        old="other.appointment_id = wanted.appointment_id AND other.id < wanted.id",
        new="false",
        test=f"{_TURNED}test_of_one_booking_the_earlier_one_goes_first",
    ),
    Breakage(
        name="a-move-expires-without-its-bookings-lock",
        promise=1,
        file="db/sql/change_expire.sql",
        old="FOR NO KEY UPDATE OF booking, change SKIP LOCKED",
        new="FOR NO KEY UPDATE OF change SKIP LOCKED",
        test=f"{_ROWS}test_a_move_expires_after_what_is_decided_about_its_booking",
    ),
    _claimed(
        name="turned-away-and-forgotten",
        old="left=[self.row]",
        new="left=[]",
        test=f"{_TURNED}test_it_goes_when_the_other_one_is_at_work_no_more",
    ),
    _claimed(
        name="turned-away-until-the-other-one-is-over",
        old="written.to in OVER or not written",
        new="written.to in OVER or False and not written",
        test=f"{_TURNED}test_it_goes_when_the_other_one_is_at_work_no_more",
    ),
    Breakage(
        name="turned-away-by-one-that-has-expired",
        promise=1,
        file="tasks/maintenance/sweeper.py",
        old="BATCH, left=left) if left else []",
        new="BATCH) if left else []",
        test=f"{_TURNED}test_it_goes_when_the_other_one_has_expired",
    ),
    _inquiry(
        name="moved-without-the-wanted-start",
        old="wanted=look.wanted,",
        new="wanted=True,",
        test=f"{_LOST}[reschedule-hang]",
    ),
    _inquiry(
        name="changed-again-before-settle-at",
        old="settled=times.settled_in <= 0,",
        new="settled=True,",
        test=f"{_ROWS}test_a_change_is_settled_at_its_settle_at_and_not_before",
    ),
    _attempt(
        name="a-cancel-follows-nobody",
        old="FOLLOW and seen.there is not None:\n            return followed(self.booking, seen.there)\n",
        new="FOLLOW:\n            return self._end(ChangeStep.DONE)\n",
        test=f"{_THERE}test_what_a_person_has_moved_is_followed_and_cancelled",
    ),
    _attempt(
        name="moved-though-its-type-allows-no-rescheduling",
        old="disabled = bool(kept.rescheduling_disabled)",
        new="disabled = False",
        test=f"{_BY_US}test_a_type_that_allows_no_rescheduling_is_not_moved",
    ),
    _attempt(
        name="moved-though-it-is-over",
        old="over=is_over(booking, change.updated_at)",
        new="over=False",
        test=f"{_BY_US}test_a_booking_that_is_over_by_then_is_not_moved",
    ),
    _attempt(
        name="moved-to-a-full-time",
        old="full = not disabled and kept.seats and",
        new="full = False and",
        test=f"{_REFUSED}test_what_cannot_be_done_is_told_in_its_own_sentence[Python]",
    ),
    Breakage(
        name="a-week-that-begins-has-no-move",
        promise=2,
        file="tasks/changes/evidence/cancel.py",
        old="later ones may live\n        return ChangeStep.LOOK",
        new="later ones may live\n        return ChangeStep.NEXT_WEEK",
        test=f"{_THERE}test_a_week_that_begins_before_its_cancel_is_looked_for",
    ),
    _moving(
        name="moved-to-the-same-start",
        old="    if row.start_at == wanted:\n",
        new="    if False:\n",
        test=f"{_REFUSED}test_what_cannot_be_done_is_told_in_its_own_sentence[Python]",
    ),
    Breakage(
        name="a-move-is-recorded-by-itself",
        promise=6,
        file="tasks/operations/booking_actions.py",
        old="_ACTIONS[action.action](conn, booking_id, _ask(action))\n",
        new="_ACTIONS[action.action](conn, booking_id, _ask(action))\n        with engine.begin() as conn:\n",
        test=f"{_CLI}test_a_move_and_its_record_are_one_transaction",
    ),
    Breakage(
        name="changes-out-of-the-line",
        promise=4,
        file="tasks/maintenance/line.py",
        old="merge(own, changed, key=itemgetter(0))",
        new="[*own, *changed]",
        test=f"{_LINE}test_held_bookings_and_held_changes_go_in_one_order",
    ),
    Breakage(
        name="messages-out-of-the-line",
        promise=4,
        file="tasks/maintenance/turns.py",
        old="    rows.sort(key=lambda row: row.line_at)\n",
        new="",
        test=f"{_LINE}test_held_bookings_and_held_changes_go_in_one_order",
    ),
    Breakage(
        name="a-wanted-start-is-forgotten",
        promise=1,
        file="tasks/work/claim.py",
        old="            if move.to is Status.CANCELLED:\n                move = moved_instead",
        new="            if False:\n                move = moved_instead",
        test=f"{_TROUBLE}test_a_wish_for_a_booking_that_is_not_there_is_booked_at_the_wanted_start",
    ),
    Breakage(
        name="a-wish-does-not-wait-for-its-booking",
        promise=2,
        file="db/appointments/__init__.py",
        old='FOR NO KEY UPDATE" if lock else sql',
        new='FOR NO KEY UPDATE" if False else sql',
        test=f"{_WISHES}test_who_wishes_the_same_meanwhile_hears_which_change_it_is",
    ),
    Breakage(
        name="a-change-ends-without-its-bookings-lock",
        promise=1,
        file="db/sql/change_move.sql",
        old="    FOR NO KEY UPDATE\n",
        new="",
        test=f"{_WISHES}test_a_change_ends_after_what_is_decided_about_its_booking",
    ),
    Breakage(
        name="a-wish-is-read-without-its-bookings-lock",
        promise=1,
        file="tasks/work/waiting_move.py",
        old="    appointments.get(conn, row.id, lock=True)\n",
        new="",
        test=f"{_WISHES}test_the_newest_wish_counts_while_the_end_is_written",
    ),
)
