"""Guards of what a trace tells, each taken away: the test of what it promises must fail."""

from functools import partial

from tests.mutation.breakage import Breakage

_TRACES = "tests/integration/test_traces.py::"
_spans = partial(Breakage, file="worker/tracing/spans.py")

TRACES = (
    _spans(
        name="trace-of-another-id",
        promise=6,
        old="if _TRACE_ID.fullmatch(digits) and int(digits, 16):",
        new="if False:",
        test=f"{_TRACES}test_one_trace_from_the_request_through_hold_retry_and_look_to_the_confirming_move",
    ),
    _spans(
        name="trace-tells-what-a-person-wrote",
        promise=7,
        old="ours = event.by in OURS",
        new="ours = True",
        test=f"{_TRACES}test_nothing_personal_is_in_a_trace",
    ),
    _spans(
        name="trace-tells-cal-coms-words",
        promise=7,
        old='scrub(str(event.detail.get("why") or ""))',
        new='scrub(str(event.reason or ""))',
        test="tests/integration/test_reworded.py::test_cal_coms_words_stay_in_the_row[no]",
    ),
    Breakage(
        name="trace-lost-with-its-collector",
        promise=6,
        file="worker/tracing/export.py",
        old="return sent\n        log.warning",
        new="return True\n        log.warning",
        test=f"{_TRACES}test_what_a_collector_missed_is_told_when_it_is_back_or_given_up[1]",
    ),
    Breakage(
        name="end-told-before-it-is-seen-whole",
        promise=6,
        file="db/appointments/stories.py",
        old="where(_event.id > after, _event.id <= _settled)",
        new="where(_event.id > after)",
        test=f"{_TRACES}test_an_end_is_told_when_all_that_was_written_before_it_is_seen",
    ),
)
