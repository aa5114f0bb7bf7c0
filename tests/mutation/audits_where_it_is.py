"""What audits promise of bookings that were moved, and of changes that ended, taken away, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_MOVED = "tests/integration/audit/test_audit_moved.py::"
_ENDED = "tests/integration/audit/test_audit_ended_changes.py::"
_NIGHT = f"{_ENDED}TestAtNight::"
_WEEK = f"{_ENDED}test_a_week_that_its_host_moved_while_we_cancelled_it_is_found"
_compare = partial(Breakage, promise=2, file="tasks/audit/compare.py")
_moved = partial(Breakage, promise=2, file="tasks/audit/moved.py")
_survey = partial(Breakage, promise=2, file="tasks/audit/survey.py")
_changes = partial(Breakage, promise=2, file="tasks/audit/changes.py")
_nightly = partial(Breakage, file="tasks/audit/nightly.py")

AUDITS_WHERE_IT_IS = (
    # -- a booking is judged on the day where it is
    Breakage(
        name="judged-on-its-first-day",
        promise=2,
        file="db/audits/bookings.py",
        old="_PRESENT_START = func.coalesce(_COLUMNS.booked_start_at, _COLUMNS.start_at)",
        new="_PRESENT_START = _COLUMNS.start_at",
        test=f"{_MOVED}test_a_booking_that_we_moved_is_judged_on_its_present_day",
    ),
    Breakage(
        name="intents-of-its-first-day",
        promise=2,
        file="db/audits/doubles.py",
        old="present_start = func.coalesce(_COLUMNS.booked_start_at, _COLUMNS.start_at)",
        new="present_start = _COLUMNS.start_at",
        test=f"{_MOVED}test_the_intent_of_a_killed_audit_is_ended_on_the_present_day",
    ),
    Breakage(
        name="doubles-of-its-first-start",
        promise=2,
        file="tasks/audit/listing.py",
        old="if not booking.is_at(row.present_start):",
        new="if not booking.is_at(row.start_at):",
        test=f"{_MOVED}test_a_double_at_the_present_start_of_a_moved_booking_is_one_at_its_start",
    ),
    # -- what a person moves is followed
    _compare(
        name="a-persons-move-agrees",
        old="        verdict = moved(row, stand.booking, stand.own)\n",
        new="        pass\n",
        test=f"{_MOVED}test_what_a_person_has_moved_is_found_and_followed",
    ),
    _survey(
        name="not-judged-where-it-was-moved-to",
        old="if row.status is not Status.CONFIRMED or _is_listed_elsewhere(row, seen.listing):",
        new="if row.status is not Status.CONFIRMED:",
        test=f"{_MOVED}test_what_a_person_has_moved_is_found_and_followed",
    ),
    _compare(
        name="a-series-begins-with-a-cancelled-week",
        old="            return next_week(row, listing.series[series]) if verdict is NoFinding.AGREES else verdict\n",
        new="            return verdict\n",
        test=f"{_MOVED}test_the_first_week_of_a_series_is_followed",
    ),
    Breakage(
        name="followed-to-where-it-was",
        promise=2,
        file="tasks/audit/fixes.py",
        old="    again = look_again(calls, finding, settled=lambda _: True)\n",
        new="    again: AuditFinding | NoFinding = finding\n",
        test=f"{_MOVED}test_what_is_moved_once_more_meanwhile_is_not_written",
    ),
    _nightly(
        name="moved-and-not-followed-at-night",
        promise=6,
        old="if not (isinstance(again, AuditFinding) and again.fix is Fix.FOLLOW):",
        new="if True:",
        test=f"{_NIGHT}test_a_booking_that_its_host_moved_is_followed_by_the_night_of_its_day",
    ),
    # -- a seat's move is no cancel
    _compare(
        name="a-moved-seat-is-cancelled",
        old="    if row.calcom_seat_uid is not None and stand.home in (_Home.OVER, _Home.SEAT_GONE):\n",
        new="    if False:\n",
        test=f"{_MOVED}test_the_move_of_a_seat_is_no_cancel",
    ),
    _moved(
        name="a-moved-seat-is-not-looked-for",
        old="    if question not in listing.answers:\n        return question\n",
        new="    if question not in listing.answers:\n        return None\n",
        test=f"{_MOVED}test_the_move_of_a_seat_is_no_cancel",
    ),
    _compare(
        name="a-seat-that-joined-is-not-looked-for",
        old="return _Stand(_Home.OVER, booking) if seat is None else _seat(seat, booking, row, listing)",
        new="return _Stand(_Home.OVER, booking)",
        test="tests/unit/tasks/test_audit_unlisted.py::test_a_seat_that_a_person_has_moved_is_not_called_cancelled",
    ),
    _compare(
        name="a-hidden-seat-is-cancelled-here",
        old="        return finding(AuditFindingKind.CANCELLED, row, message)\n",
        new="        return finding(AuditFindingKind.CANCELLED, row, message, (), Fix.CANCEL_HERE)\n",
        test="tests/unit/tasks/test_audit_unlisted.py::test_a_seat_is_asked_for_before_its_booking",
    ),
    Breakage(
        name="said-to-be-booked-while-it-is-moved",
        promise=6,
        file="tasks/audit/motion.py",
        old="return NoFinding.CHANGING if",
        new="return NoFinding.UNDER_WAY if",
        test=f"{_MOVED}test_what_we_are_moving_is_said_to_be_moving",
    ),
    # -- the changes of its days
    _survey(
        name="changes-not-read",
        old="        seen.add_change(*judge_change(calls, change))\n",
        new="",
        test=f"{_ENDED}test_a_hosts_move_in_the_second_of_our_cancel_is_found",
    ),
    _changes(
        name="successors-not-asked-for",
        old="    _ask_successors(calls, {change.to_uid, row.calcom_booking_uid}, listing)\n",
        new="",
        test=f"{_ENDED}test_a_hosts_move_in_the_second_of_our_cancel_is_found",
    ),
    _changes(
        name="each-move-costs-two-reads",
        old="    _ask_successors(calls, {change.to_uid, row.calcom_booking_uid}, listing)\n",
        new="    _ask_successors(calls, set(), listing)\n",
        test=f"{_ENDED}test_a_change_that_left_what_it_should_costs_one_read",
    ),
    _changes(
        name="a-moved-week-is-no-finding",
        old="    if (week := _living_week(change, listing)) is not None:\n",
        new="    if (week := _living_week(change, listing)) is not None and False:\n",
        test=_WEEK,
    ),
    _changes(
        name="unread-change-is-clean",
        old="        return row, NoFinding.CANNOT_TELL\n",
        new="        return row, NoFinding.AGREES\n",
        test=f"{_ENDED}test_a_change_whose_booking_cannot_be_read_is_said",
    ),
    Breakage(
        name="changes-that-were-not-sent-are-read",
        promise=3,
        file="db/audits/changes.py",
        old=" AND posts > 0",
        new="",
        test=f"{_ENDED}test_what_was_never_sent_and_what_is_not_over_is_not_read",
    ),
    _compare(
        name="begun-weeks-are-found",
        old=" and not _had_begun(place, row)]",
        new="]",
        test=f"{_ENDED}test_weeks_that_had_begun_are_no_finding_of_a_cancelled_series",
    ),
    _nightly(
        name="changes-not-read-at-night",
        promise=6,
        old="        self._read_changes(account)\n",
        new="",
        test=f"{_NIGHT}test_it_tells_what_lives_and_follows_what_moved",
    ),
    _nightly(
        name="changes-read-from-the-beginning",
        promise=3,
        old="            if change.id in self.night.read_changes:\n                continue\n",
        new="",
        test=f"{_NIGHT}test_each_is_read_once_also_by_two_processes",
    ),
    _nightly(
        name="changes-read-by-two-nights",
        promise=3,
        old="self.night.start + timedelta(days=1), account=account)",
        new="self.night.end, account=account)",
        test=f"{_NIGHT}test_it_tells_what_lives_and_follows_what_moved",
    ),
)
