"""Guards of audits at night and of a restored database, each taken away: the test of that promise must fail."""

from functools import partial

from tests.mutation.breakage import Breakage

_NIGHT = "tests/integration/audit/test_nightly.py::"
_CHANGED = "tests/integration/audit/test_audit_changes.py::"
_RECORD = "tests/integration/audit/test_db_restored.py::"
_COMMAND = "tests/integration/cli/audits/test_cli_restored.py::"
_calls = partial(Breakage, promise=3, file="tasks/audit/calls.py")
_nights = partial(Breakage, promise=3, file="db/audits/nights.py")
_nightly = partial(Breakage, file="tasks/audit/nightly.py")
_restored_sql = partial(Breakage, promise=2, file="db/sql/restored.sql")
_initial_audits = partial(Breakage, promise=2, file="db/migrations/initial/audits.sql")
_restored_py = partial(Breakage, file="tasks/audit/restored.py")

AUDITS = (
    # -- while a booking is cancelled or moved
    Breakage(
        name="found-while-it-is-changed",
        promise=2,
        file="tasks/audit/motion.py",
        old="NoFinding.CHANGING if asking.is_in_motion(conn, judged.row.id, since=since) else judged",
        new="judged",
        test=_CHANGED + "test_a_row_whose_cancel_is_under_way_is_no_finding",
    ),
    Breakage(
        name="sent-and-waiting-is-at-rest",
        promise=2,
        file="db/changes/asking.py",
        old="or_(moving, columns.posts > 0, ",
        new="or_(moving, ",
        test=_CHANGED + "test_one_that_was_sent_and_waits_is_under_way",
    ),
    Breakage(
        name="fixed-while-it-is-changed",
        promise=2,
        file="tasks/audit/fixes.py",
        old="calls.deps) is not finding:",
        new="calls.deps) is None:",
        test=_CHANGED + "test_no_finding_is_fixed_while_its_row_is_changed",
    ),
    # -- at night
    Breakage(
        name="series-not-found-cancels-what-stands",
        promise=2,
        file="tasks/audit/compare.py",
        old="if listing.answers[question] is not Answered.FOUND:",
        new="if listing.answers[question] is Answered.UNREADABLE:",
        test="tests/unit/tasks/test_audit_unlisted.py::TestSeries::test_a_series_that_is_not_found_ends_no_booking[nowhere]",
    ),
    _calls(
        name="audited-while-not-closed",
        old="            if not is_calm(self.deps):\n",
        new="            if False:\n",
        test=_NIGHT + "test_an_outage_in_the_middle_stops_it_and_it_goes_on_where_it_was",
    ),
    _calls(
        name="audited-at-full-speed",
        old="self.clock() + spacing(self.deps)",
        new="self.clock()",
        test=_NIGHT + "test_its_calls_stay_within_a_tenth_of_the_limit",
    ),
    _calls(
        name="audited-beyond-what-cal-com-tells",
        old="limits = own, deps.breaker.view.status(account=deps.caller).limit_told\n",
        new="limits = own, 0\n",
        test=_NIGHT + "test_a_limit_of_our_own_that_says_nothing_leaves_cal_coms",
    ),
    _nights(
        name="audited-by-two",
        old="_COLUMNS.ended_at.is_(None), free, come)",
        new="_COLUMNS.ended_at.is_(None), come)",
        test=_NIGHT + "test_one_that_is_killed_is_taken_up_by_another",
    ),
    _nights(
        name="audited-after-it-was-lost",
        old="_COLUMNS.token == audit.token, ",
        new="",
        test=_NIGHT + "test_who_has_lost_it_sends_and_writes_nothing_more",
    ),
    _nightly(
        name="audited-from-the-beginning",
        promise=3,
        old=" if row.id not in self.night.asked)",
        new=")",
        test=_NIGHT + "test_an_outage_in_the_middle_stops_it_and_it_goes_on_where_it_was",
    ),
    _nightly(
        name="found-at-first-sight",
        promise=6,
        old="return self._confirmed(judged) if isinstance(judged, AuditFinding) else judged",
        new="return judged",
        test=_NIGHT + "test_what_is_found_is_looked_for_once_more_before_it_is_told",
    ),
    _nightly(
        name="unfinished-and-silent",
        promise=6,
        old="self._end((), unfinished=why)",
        new="self._end(())",
        test=_NIGHT + "test_a_list_that_cannot_be_read_is_told_in_the_end",
    ),
    Breakage(
        name="findings-not-told",
        promise=6,
        file="tasks/incidents/check.py",
        old="            *observe_audit(conn, now),\n",
        new="",
        test=_NIGHT + "test_a_day_with_faults_is_one_incident_that_names_each",
    ),
    # -- a restored database
    _restored_sql(
        name="restored-and-posted-again",
        old="        outcome_unknown = true,\n",
        new="",
        test="tests/promises/test_restored.py::test_a_restored_database_books_nobody_twice_and_loses_nobody",
    ),
    _restored_sql(
        name="restored-while-calls-may-still-book",
        old="        ends_at = greatest(ends_at, now() + make_interval(secs => :ends_seconds)),\n",
        new="",
        test=_RECORD + "test_what_was_on_its_way_is_unknown_and_waits",
    ),
    _restored_sql(
        name="restored-and-as-if-it-had-just-begun-to-wait",
        old="least(askable_since, greatest(requested_at, CAST(:since AS timestamptz)))",
        new="coalesce(askable_since, now())",
        test=_RECORD + "test_who_waits_has_waited_since_the_backup",
    ),
    _initial_audits(
        name="lost-rows-not-known-again",
        old="    PERFORM take_restored_booking(NEW.id);\n",
        new="",
        test="tests/promises/test_restored.py::test_a_restored_database_books_nobody_twice_and_loses_nobody",
    ),
    _initial_audits(
        name="restored-and-looked-for-since-it-was-asked-again",
        old="        created_at = least(created_at, taken.created_at),\n",
        new="",
        test=_COMMAND + "test_a_booking_that_many_newer_ones_hide_is_found",
    ),
    _restored_py(
        name="lost-row-given-to-a-guest",
        promise=2,
        old="anybody = [booking.booker, *",
        new="anybody = [*",
        test=_COMMAND + "test_a_booking_that_was_lost_is_its_bookers_and_no_guests",
    ),
    _restored_py(
        name="restored-and-sent-once-more",
        promise=2,
        old="        if row.status in TOLD_NOT_BOOKED and len(here) == 1:",
        new="        if False:",
        test=_COMMAND + "test_what_had_ended_and_was_booked_since_is_not_sent_once_more",
    ),
    Breakage(
        name="restored-beside-workers",
        promise=2,
        file="worker/cli/audit/restored.py",
        old="    if asked.workers:\n",
        new="    if False:\n",
        test=_COMMAND + "test_while_a_worker_runs_it_refuses",
    ),
    _restored_py(
        name="restored-and-not-counted",
        promise=6,
        old="            operator_actions.add_done(conn, action_id, count)\n",
        new="",
        test=_COMMAND + "test_what_is_killed_half_way_has_counted_what_it_did",
    ),
    _restored_py(
        name="restored-and-cancelled-there-not-booked-again",
        promise=1,
        old=" if not place.booking.cancelled]",
        new="]",
        test=_COMMAND + "test_what_was_cancelled_there_is_not_kept",
    ),
)
