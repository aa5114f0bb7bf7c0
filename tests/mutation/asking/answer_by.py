"""Guards of a request that is wanted until a moment only, each taken away."""

from tests.mutation.breakage import Breakage

_WANTED = "tests/promises/asking/test_answer_by.py::"

ANSWER_BY = (
    Breakage(
        name="answer-by-for-the-sweeper-only",
        promise=1,
        file="db/appointments/appointment.py",
        old="min(ends_at, self.answer_by or ends_at)",
        new="ends_at",
        test=f"{_WANTED}test_what_comes_to_a_worker_after_its_answer_by_is_not_posted",
    ),
    Breakage(
        name="answer-by-posts-the-unknown-again",
        promise=1,
        file="tasks/attempts/cases.py",
        old="near=row.seconds_left(rules.timings.lead) <= 0,",
        new="near=row.start_at <= row.updated_at,",
        test=f"{_WANTED}test_an_unknown_outcome_is_told_once_it_is_known_and_posted_no_more",
    ),
    Breakage(
        name="answer-by-for-workers-only",
        promise=1,
        file="db/sql/expire.sql",
        old="AND answer_by <= now()\n",
        new="AND answer_by < '-infinity'\n",
        test=f"{_WANTED}test_what_waits_ends_at_its_answer_by_and_its_caller_is_told",
    ),
    Breakage(
        name="answer-by-in-the-key",
        promise=2,
        file="client/booking_client/request/idempotency.py",
        old="    return key_at(request.start, request.event_type_id, slugs, attendee)",
        new="    return key_at(request.start, request.event_type_id, [*slugs, str(request.answer_by)], attendee)",
        test="tests/unit/request/test_idempotency.py::test_until_when_an_answer_is_wanted_is_no_part_of_the_request",
    ),
    Breakage(
        name="answer-by-after-the-start",
        promise=1,
        file="client/booking_client/request/model.py",
        old="if answer_by is not None and start is not None and answer_by > start:",
        new="if False:",
        test="tests/unit/request/test_request.py::test_an_answer_is_wanted_between_now_and_the_start",
    ),
)
