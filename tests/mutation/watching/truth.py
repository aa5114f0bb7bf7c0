"""What the page says made false, one by one: why a booking waits, when it ends, what is not known."""

from functools import partial

from tests.mutation.breakage import Breakage

_VERDICT = "tests/unit/overview/test_verdict.py::"
_METRICS = "tests/integration/metrics/test_failure_metrics.py::"
_REDIS = "tests/integration/incidents/test_health_redis.py::"
_BEHIND = "tests/promises/outage/test_nobody_overtakes.py::"
_queue = partial(Breakage, promise=6, file="tasks/overview/ranking/queue.py")
_incident = partial(Breakage, promise=6, file="tasks/incidents/update.py")
_payload = partial(Breakage, promise=6, file="tasks/overview/payload.py")

TRUTH = (
    Breakage(
        name="in-line-said-to-have-met-the-breaker",
        promise=6,
        file="client/booking_client/sql/insert.sql",
        old="CASE WHEN in_line THEN 'line' ELSE held_for END",
        new="held_for",
        test=f"{_BEHIND}test_who_asks_while_others_wait_is_held_behind_them[breaker_open]",
    ),
    Breakage(
        name="in-line-by-a-worker-said-to-have-met-the-breaker",
        promise=6,
        file="tasks/work/decisions.py",
        old='{"hold_reason": backlog, "held_for": LINE}',
        new='{"hold_reason": backlog}',
        test=f"{_BEHIND}test_a_worker_does_not_post_past_those_who_wait",
    ),
    _payload(
        name="line-said-to-wait-for-cal-com-whatever-stops-it",
        old="_QUEUE_MOVED_ON_BY[overview.shared.block] if reason in QUEUED",
        new="_GRADUALLY if reason in QUEUED",
        test=f"{_VERDICT}test_the_line_is_moved_on_by_what_stops_it_now[credentials]",
    ),
    Breakage(
        name="refused-key-counts-only-who-met-it",
        promise=6,
        file="tasks/incidents/observations.py",
        old="behind = [held[one] for one in QUEUED if one in held] if is_stopped else []",
        new="behind = []",
        test="tests/unit/tasks/test_queue_said.py"
        "::test_the_incident_of_a_refused_key_counts_all_that_wait_for_it[credentials-105]",
    ),
    _queue(
        name="end-foreseen-by-what-goes-alone",
        old="shorter = count - held_count(overview)",
        new="shorter = overview.limit * (overview.read_at - began).total_seconds() / 60",
        test=f"{_VERDICT}test_the_end_is_foreseen_by_what_goes_less_what_comes[counts0-done at about 14:06.]",
    ),
    _queue(
        name="outage-counted-in-the-pace-of-its-recovery",
        old="(since is None or one[0] >= since)",
        new="True",
        test=f"{_VERDICT}test_the_end_is_foreseen_by_what_goes_less_what_comes"
        "[counts7-all go by themselves, in order.]",
    ),
    _queue(
        name="endless-line-said-to-go-by-itself",
        old="    if is_growing(overview, since):\n",
        new="    if False:\n",
        test=f"{_VERDICT}test_the_end_is_foreseen_by_what_goes_less_what_comes"
        "[counts1-more is asked for than goes: it does not end by itself.]",
    ),
    _queue(
        name="end-foreseen-by-chance",
        old="if shorter < max(_FEW, waiting.count / _FARTHEST):",
        new="if shorter <= 0:",
        test=f"{_VERDICT}test_the_end_is_foreseen_by_what_goes_less_what_comes"
        "[counts4-all go by themselves, in order.]",
    ),
    Breakage(
        name="held-counted-while-nobody-can-read-it",
        promise=6,
        file="tasks/overview/ranking/phrases.py",
        old='    if overview.record is None:\n        return sentence(text, *more, ".")\n',
        new="",
        test=f"{_VERDICT}test_how_many_are_held_is_not_said_while_it_cannot_be_read[open]",
    ),
    Breakage(
        name="busy-postgres-said-to-be-gone",
        promise=6,
        file="tasks/overview/reading.py",
        old="if ms is None and is_late and before",
        new="if False and before",
        test="tests/integration/overview/test_reading.py::test_a_frozen_postgres_is_given_up_and_all_else_is_read",
    ),
    _incident(
        name="incident-that-is-over-keeps-its-numbers",
        old="if taken is Step.NOTHING and not incident.is_past",
        new="if False and not incident.is_past",
        test=f"{_REDIS}test_a_redis_that_often_answers_late_is_told_and_so_is_its_end",
    ),
    _payload(
        name="old-numbers-of-an-incident-without-their-moment",
        old="is_old = counted_at is not None and now - counted_at > COUNTS_LAST",
        new="is_old = False",
        test="tests/unit/overview/test_incidents_told.py::test_numbers_that_no_check_has_counted_lately_have_their_moment",
    ),
    _incident(
        name="check-ends-what-another-process-observes",
        old=" and not may_last(incident, now)",
        new="",
        test=f"{_REDIS}test_a_process_that_alone_misses_it_tells",
    ),
    Breakage(
        name="late-answer-condemns-the-day",
        promise=6,
        file="resilience/lua/mark_incomplete.lua",
        old="math.max(now - ARGV[3], now - 1439 * size)",
        new="now - 1439 * size",
        test=f"{_METRICS}test_only_the_minutes_in_which_redis_was_gone_may_lack_calls",
    ),
    Breakage(
        name="counts-that-lack-calls-said-to-be-whole",
        promise=6,
        file="resilience/call_stats/windows.py",
        old="at_least=begun < whole_from or begun in lacking,",
        new="at_least=False,",
        test=f"{_METRICS}test_a_window_of_which_redis_lost_a_part_is_kept_as_at_least",
    ),
    Breakage(
        name="unknown-minute-drawn-as-none-failed",
        promise=6,
        file="worker/page/charts.py",
        old="return 0 if known and step is None else 2",
        new="return 0",
        test="tests/integration/page/test_page_charts.py::test_a_minute_is_sure_a_least_or_not_known",
    ),
    Breakage(
        name="list-looks-at-one-step",
        promise=6,
        file="db/appointments/looking.py",
        old="or len(found) >= limit or not goes_on():",
        new="or True:",
        test="tests/integration/appointments/test_db_listing.py"
        "::test_looking_on_finds_the_same_step_by_step_and_says_how_far[failed with an error]",
    ),
)
