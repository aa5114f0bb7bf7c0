"""Guards of audits at night and of a restored database, each taken away: the test of that promise must fail."""

from tests.mutation.breakage import Breakage

_NIGHT = "tests/integration/audit/test_nightly.py::"
_RECORD = "tests/integration/appointments/test_db_restored.py::"
_COMMAND = "tests/integration/cli/audits/test_cli_restored.py::"

AUDITS = (
    # -- at night
    Breakage(
        name="audited-while-not-closed",
        promise=3,
        file="tasks/audit/nightly_calls.py",
        old="            if not is_calm(self.deps):\n",
        new="            if False:\n",
        test=_NIGHT + "test_an_outage_in_the_middle_stops_it_and_it_goes_on_where_it_was",
    ),
    Breakage(
        name="audited-at-full-speed",
        promise=3,
        file="tasks/audit/nightly_calls.py",
        old="self.clock() + spacing(self.deps)",
        new="self.clock()",
        test=_NIGHT + "test_its_calls_stay_within_a_tenth_of_the_limit",
    ),
    Breakage(
        name="audited-beyond-what-cal-com-tells",
        promise=3,
        file="tasks/audit/nightly_calls.py",
        old="settings.rate_limit, deps.breaker.get_status().limit_told\n",
        new="settings.rate_limit, 0\n",
        test=_NIGHT + "test_a_limit_of_our_own_that_says_nothing_leaves_cal_coms",
    ),
    Breakage(
        name="audited-by-two",
        promise=3,
        file="db/monitoring/nightly_audits.py",
        old="_COLUMNS.ended_at.is_(None), free, come)",
        new="_COLUMNS.ended_at.is_(None), come)",
        test=_NIGHT + "test_one_that_is_killed_is_taken_up_by_another",
    ),
    Breakage(
        name="audited-after-it-was-lost",
        promise=3,
        file="db/monitoring/nightly_audits.py",
        old="_COLUMNS.token == audit.token, ",
        new="",
        test=_NIGHT + "test_who_has_lost_it_sends_and_writes_nothing_more",
    ),
    Breakage(
        name="audited-from-the-beginning",
        promise=3,
        file="tasks/audit/nightly.py",
        old=" if row.id not in self.night.asked)",
        new=")",
        test=_NIGHT + "test_an_outage_in_the_middle_stops_it_and_it_goes_on_where_it_was",
    ),
    Breakage(
        name="found-at-first-sight",
        promise=6,
        file="tasks/audit/nightly.py",
        old="return self._confirmed(judged) if isinstance(judged, AuditFinding) else judged",
        new="return judged",
        test=_NIGHT + "test_what_is_found_is_looked_for_once_more_before_it_is_told",
    ),
    Breakage(
        name="unfinished-and-silent",
        promise=6,
        file="tasks/audit/nightly.py",
        old="self._end((), unfinished=why)",
        new="self._end(())",
        test=_NIGHT + "test_a_list_that_cannot_be_read_is_told_in_the_end",
    ),
    Breakage(
        name="findings-not-told",
        promise=6,
        file="tasks/health/check.py",
        old="            *observe_audit(conn, now),\n",
        new="",
        test=_NIGHT + "test_a_day_with_faults_is_one_incident_that_names_each",
    ),
    # -- a restored database
    Breakage(
        name="restored-and-posted-again",
        promise=2,
        file="db/sql/restored.sql",
        old="        outcome_unknown = true,\n",
        new="",
        test="tests/promises/test_restored.py::test_a_restored_database_books_nobody_twice_and_loses_nobody",
    ),
    Breakage(
        name="restored-while-calls-may-still-book",
        promise=2,
        file="db/sql/restored.sql",
        old="        ends_at = greatest(ends_at, now() + make_interval(secs => :ends_seconds)),\n",
        new="",
        test=_RECORD + "test_what_was_on_its_way_is_unknown_and_waits",
    ),
    Breakage(
        name="restored-and-as-if-it-had-just-begun-to-wait",
        promise=2,
        file="db/sql/restored.sql",
        old="least(askable_since, greatest(requested_at, CAST(:since AS timestamptz)))",
        new="coalesce(askable_since, now())",
        test=_RECORD + "test_who_waits_has_waited_since_the_backup",
    ),
    Breakage(
        name="lost-rows-not-known-again",
        promise=2,
        file="db/migrations/versions/0008_audits.py",
        old="    PERFORM take_restored_booking(NEW.id);\n",
        new="",
        test="tests/promises/test_restored.py::test_a_restored_database_books_nobody_twice_and_loses_nobody",
    ),
    Breakage(
        name="restored-and-looked-for-since-it-was-asked-again",
        promise=2,
        file="db/migrations/versions/0008_audits.py",
        old="        created_at = least(created_at, taken.created_at),\n",
        new="",
        test=_COMMAND + "test_a_booking_that_many_newer_ones_hide_is_found",
    ),
    Breakage(
        name="restored-beside-workers",
        promise=2,
        file="worker/cli/audit/restored.py",
        old="    if asked.workers:\n",
        new="    if False:\n",
        test=_COMMAND + "test_while_a_worker_runs_it_refuses",
    ),
    Breakage(
        name="restored-and-not-counted",
        promise=6,
        file="tasks/audit/restored.py",
        old="            operator_actions.add_done(conn, action_id, count)\n",
        new="",
        test=_COMMAND + "test_what_is_killed_half_way_has_counted_what_it_did",
    ),
    Breakage(
        name="restored-and-cancelled-there-not-booked-again",
        promise=1,
        file="tasks/audit/restored.py",
        old=" if not place.booking.cancelled]",
        new="]",
        test=_COMMAND + "test_what_was_cancelled_there_is_not_kept",
    ),
)
