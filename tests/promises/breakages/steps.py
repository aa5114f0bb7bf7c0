"""Guards that no search of the model sees, each taken away: a test that carries a booking step by step must fail."""

from tests.promises.breakages.breakage import Breakage

_HOLDS = "tests/promises/test_evidence_holds.py::"
_ASKED = "tests/promises/test_asked_once_more.py::"
_OLDER = "tests/promises/test_older_rows.py::"
_TWINS = "tests/promises/test_twins.py::"
_SERIES = "tests/promises/test_series_counted.py::"

STEPS = (
    # -- asking for proof comes to an end
    Breakage(
        name="evidence-posts-never-end",
        promise=2,
        file="tasks/evidence.py",
        old="if case.kind in BY_EVIDENCE and not case.waited else",
        new="if case.kind in BY_EVIDENCE else",
        test=f"{_HOLDS}test_evidence_posts_end_before_a_customer_may_have_cancelled",
    ),
    Breakage(
        name="wait-for-proof-begins-anew",
        promise=2,
        file="db/sql/release_due.sql",
        old="IN ('breaker_open', 'throttled', 'credentials', 'configuration')",
        new="IN ('breaker_open', 'throttled', 'unreachable', 'credentials', 'configuration')",
        test=f"{_HOLDS}test_evidence_posts_end_before_a_customer_may_have_cancelled",
    ),
    Breakage(
        name="unreadable-type-circles",
        promise=1,
        file="tasks/inquiry.py",
        old="if no.reply.meaning is Meaning.UNKNOWN and -times.ends_in > self.rules.terms.wait_for_proof:",
        new="if False:",
        test=f"{_HOLDS}test_a_type_that_stays_unreadable_keeps_no_booking_circling[lost]",
    ),
    Breakage(
        name="suspect-by-an-outage",
        promise=1,
        file="tasks/steps.py",
        old="return self.probe and self.reply.outcome is CallOutcome.FAILURE_ENDPOINT",
        new="return self.failed_probe",
        test="tests/unit/test_life.py::test_an_outage_makes_nobody_suspect[failure_service-2-breaker_open]",
    ),
    # -- what was known is asked again
    Breakage(
        name="series-gone-with-its-first-week",
        promise=2,
        file="tasks/recheck.py",
        old='row.series_uid or row.calcom_booking_uid or ""',
        new='row.calcom_booking_uid or ""',
        test=f"{_ASKED}test_a_series_whose_first_week_was_cancelled_stands",
    ),
    Breakage(
        name="deleted-type-for-good",
        promise=2,
        file="tasks/event_types.py",
        old="    facts = _facts(calls, row, before)\n",
        new="    if before and before.deleted:\n        return before\n    facts = _facts(calls, row, before)\n",
        test=f"{_ASKED}test_a_type_that_was_deleted_and_made_anew_is_asked_what_it_is_now",
    ),
    Breakage(
        name="named-type-asked-by-number",
        promise=1,
        file="tasks/event_types.py",
        old="if row.username is not None and row.event_type_slug is not None:",
        new="if row.username is not None and row.event_type_slug is not None and number is None:",
        test=f"{_ASKED}test_a_users_type_that_is_named_keeps_its_kind_when_it_is_asked_again",
    ),
    # -- an upgrade
    Breakage(
        name="older-502-posted-at-once",
        promise=2,
        file="tasks/unknown.py",
        old="            settled_in = max(settled_in, rules.terms.settle_unanswered - sent_ago)\n",
        new="",
        test=f"{_OLDER}test_a_502_that_an_older_worker_took_for_settled_is_not_posted_at_once",
    ),
    # -- twins
    Breakage(
        name="twin-in-flight-taken-for-earlier",
        promise=1,
        file="db/sql/lost_leases.sql",
        old="CASE WHEN outcome_unknown THEN sent_at ELSE requested_at END",
        new="coalesce(sent_at, lease_expires_at)",
        test=f"{_TWINS}test_a_twin_that_was_booked_while_a_worker_was_lost_was_not_there_before",
    ),
    Breakage(
        name="twins-cancelled-seat-counts",
        promise=1,
        file="tasks/inquiry.py",
        old="return not isinstance(told, Reply) and any(not booking.gone for booking in told)",
        new="return True",
        test=f"{_TWINS}test_a_twins_seat_counts_only_while_cal_com_still_has_it",
    ),
    Breakage(
        name="hidden-series-keep-others-waiting",
        promise=6,
        file="tasks/lookouts.py",
        old="            series.put_off(conn, row.id)\n",
        new="            pass\n",
        test=f"{_SERIES}test_series_that_cal_com_does_not_show_keep_no_other_waiting",
    ),
)
