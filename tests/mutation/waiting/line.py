"""The rule of the line, each part of it taken away: then somebody goes before another one who needs it more."""

from functools import partial

from tests.mutation.breakage import Breakage
from tests.mutation.waiting.times import TIMES

_LINE = "tests/integration/line/test_db_line.py::"
_NEED = "tests/promises/outage/test_order_of_need.py::"
_RULE = f"{_LINE}test_every_dealt_queue_goes_in_the_order_of_the_rule"
_INSERT = "client/booking_client/sql/insert.sql"
_enqueue = partial(Breakage, promise=4, file="tasks/enqueue.py")
_claim = partial(Breakage, promise=4, file="db/sql/__init__.py")

LINE = (
    Breakage(
        name="line-far-as-near",
        promise=4,
        file=_INSERT,
        old="least(least(seconds / 96, 900) + number",
        new="least(0 + number",
        test=f"{_LINE}test_a_near_start_goes_before_far_ones_that_were_asked_for_earlier",
    ),
    Breakage(
        name="line-far-without-bound",
        promise=4,
        file=_INSERT,
        old="least(seconds / 96, 900)",
        new="seconds / 96",
        test=_RULE,
    ),
    Breakage(
        name="line-bulk-before-singles",
        promise=4,
        file=_INSERT,
        old=" + number * 9 * CAST(:call_seconds AS double precision)",
        new="",
        test=f"{_LINE}test_single_requests_pass_a_bulk_and_every_tenth_call_is_the_bulks",
    ),
    Breakage(
        name="line-bulk-past-its-start",
        promise=4,
        file=_INSERT,
        old="AS double precision), seconds / 2)",
        new="AS double precision), seconds * 2)",
        test=_RULE,
    ),
    _enqueue(
        name="line-forgets-the-lead",
        old="LineRule(lead=deps.timings.lead, call=",
        new="LineRule(call=",
        test=f"{_NEED}test_a_booking_is_near_when_it_soon_expires",
    ),
    _enqueue(
        name="line-numbers-begin-again-in-each-part",
        old="rows_of, part, new, api_key_id",
        new="rows_of, part, 0, api_key_id",
        test=f"{_NEED}test_numbers_run_through_the_whole_bulk",
    ),
    _enqueue(
        name="line-of-another-limit",
        old="call=limit.rate_window / (limit.rate_limit or CALCOM_RATE)",
        new="call=limit.rate_window / CALCOM_RATE",
        test=f"{_NEED}test_numbers_run_through_the_whole_bulk",
    ),
    _claim(
        name="a-booking-passes-held-changes",
        old='for table in ("appointments", "booking_changes")',
        new='for table in ("appointments",)',
        test=f"{_LINE}test_a_booking_waits_for_the_changes_before_it_too[throttled]",
    ),
    _claim(
        name="line-at-the-claim-by-request",
        old="AND earlier.line_at < wanted.line_at",
        new="AND earlier.requested_at < wanted.requested_at",
        test=f"{_LINE}test_a_booking_waits_for_those_before_it_in_the_line_only",
    ),
    *TIMES,
)
