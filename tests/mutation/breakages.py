"""The ways in which the product is broken on purpose, each with the promise that it breaks and the test that sees it.

A new guard that keeps a promise deserves an entry: what it looks like without it, and which test then fails. Entries
that change one file share a partial of it, so that a file that moves is named once.
"""

from functools import partial

from tests.mutation.accounts.apart import APART
from tests.mutation.accounts.causes import CAUSES
from tests.mutation.accounts.closed import CLOSED_ACCOUNTS
from tests.mutation.accounts.floods import FLOODS
from tests.mutation.accounts.keys import ACCOUNT_KEYS
from tests.mutation.accounts.lines import LINES
from tests.mutation.accounts.secrets import AGENTS_SECRETS
from tests.mutation.accounts.seen import SEEN
from tests.mutation.accounts.services import SERVICES
from tests.mutation.asking.again import AGAIN
from tests.mutation.asking.answer_by import ANSWER_BY
from tests.mutation.asking.bulk import BULK
from tests.mutation.asking.callbacks import CALLBACKS
from tests.mutation.asking.changes import CHANGES_SENT
from tests.mutation.asking.clients import CLIENTS
from tests.mutation.asking.forgetting import FORGETTING
from tests.mutation.asking.front_door import FRONT_DOOR
from tests.mutation.asking.guest import GUEST
from tests.mutation.asking.resolving import RESOLVING_CHANGES
from tests.mutation.asking.together import TOGETHER
from tests.mutation.asking.told import TOLD
from tests.mutation.asking.voice import VOICE
from tests.mutation.asking.webhooks import WEBHOOKS
from tests.mutation.asking.weeks import WEEKS
from tests.mutation.asking.wishes import WISHES
from tests.mutation.audits import AUDITS
from tests.mutation.audits_where_it_is import AUDITS_WHERE_IT_IS
from tests.mutation.breakage import Breakage
from tests.mutation.breaker import BREAKER
from tests.mutation.brokers import BROKERS
from tests.mutation.changing.both_ends import BOTH_ENDS
from tests.mutation.changing.late_looks import LATE_LOOKS
from tests.mutation.event_types import EVENT_TYPES
from tests.mutation.health import HEALTH
from tests.mutation.operations import OPERATIONS
from tests.mutation.quota import QUOTA
from tests.mutation.reports import REPORTS
from tests.mutation.steps import STEPS
from tests.mutation.trip import TRIP
from tests.mutation.waiting.alone import ALONE
from tests.mutation.waiting.company import COMPANY
from tests.mutation.waiting.holds import HOLDS
from tests.mutation.waiting.idle import IDLE
from tests.mutation.waiting.line import LINE
from tests.mutation.waiting.migrating import MIGRATING
from tests.mutation.waiting.releases import RELEASES
from tests.mutation.waiting.unclear import UNCLEAR
from tests.mutation.waiting.what_waits import WHAT_WAITS
from tests.mutation.watching.each_told import EACH_TOLD
from tests.mutation.watching.front_door import AT_FRONT_DOOR
from tests.mutation.watching.http_metrics import HTTP_METRICS
from tests.mutation.watching.metrics import METRICS
from tests.mutation.watching.not_known import NOT_KNOWN
from tests.mutation.watching.page import PAGE
from tests.mutation.watching.traces import TRACES
from tests.mutation.watching.truth import TRUTH

__all__ = ["BREAKAGES", "Breakage"]

_celery_app = partial(Breakage, promise=1, file="worker/celery_app.py")
_unsent = partial(Breakage, promise=1, file="db/sql/unsent.sql")
_enqueue = partial(Breakage, file="tasks/enqueue.py")
_decisions = partial(Breakage, file="tasks/work/decisions.py")
_attempt = partial(Breakage, file="tasks/attempts/attempt.py")
_claim_sql = partial(Breakage, file="db/sql/claim.sql")
_moves = partial(Breakage, file="db/appointments/moves.py")
_move_sql = partial(Breakage, file="db/appointments/move_sql.py")
_lost_leases = partial(Breakage, promise=2, file="db/sql/lost_leases.sql")
_claim_py = partial(Breakage, promise=2, file="tasks/work/claim.py")

BREAKAGES = (
    # -- 1: accepted is kept
    _celery_app(
        name="acks-early",
        old="task_acks_late = True",
        new="task_acks_late = False",
        test="tests/promises/lost_or_twice/test_acknowledged.py::test_rabbitmq_keeps_a_message_until_its_booking_has_moved_on",
    ),
    _celery_app(
        name="ended-by-a-broker-that-takes-nothing",
        old="broker_channel_error_retry = True",
        new="broker_channel_error_retry = False",
        test="tests/promises/lost_or_twice/test_worker_survives.py"
        "::test_a_worker_outlives_a_redis_that_takes_no_writes_for_a_while",
    ),
    Breakage(
        name="read-only-sessions-kept",
        promise=1,
        file="db/engine.py",
        old="== READ_ONLY and",
        new="is None and",
        test="tests/integration/database/test_db_engine.py"
        "::test_connections_to_a_server_that_takes_no_writes_are_replaced",
    ),
    _unsent(
        name="unsent-never-sent-again",
        old="          enqueued_at IS NULL AND /* sent by us */\n          OR ",
        new="          ",
        test="tests/integration/appointments/test_db_unsent.py::test_what_was_never_sent_is_sent_at_once",
    ),
    _unsent(
        name="long-queue-sent-twice",
        old="              :queue_empty\n",
        new="              :queue_empty OR true\n",
        test="tests/integration/appointments/test_db_unsent.py::test_a_long_queue_is_not_sent_twice",
    ),
    Breakage(
        file="client/booking_client/database/errors.py",
        name="kept-and-called-refused",
        promise=1,
        old=" and not error.sql_error_code.startswith(_CONNECTION)",
        new="",
        test="tests/promises/lost_or_twice/test_enqueue_without_servers.py"
        "::test_a_postgres_that_goes_silent_over_the_commit_is_not_called_a_refusal[PgBouncer]",
    ),
    _decisions(
        name="failed-by-an-outage",
        promise=1,
        old="return error_type in OUTAGE or (",
        new="return (",
        test="tests/unit/tasks/test_life.py::test_an_outage_fails_nobody",
    ),
    # -- 2: at most one booking a request
    _claim_sql(
        name="claim-without-compare",
        promise=2,
        old="  AND status IN ('pending', 'retrying')\n",
        new="",
        test="tests/integration/appointments/test_db_claims.py::test_of_eight_claims_at_once_exactly_one_wins",
    ),
    _claim_sql(
        name="claimed-after-it-was-given-up",
        promise=3,
        old="    WHERE in_time\n      AND id",
        new="    WHERE id",
        test="tests/integration/appointments/test_db_in_time.py::test_a_claim_that_a_frozen_server_finds_when_it_goes_on_takes_nothing",
    ),
    Breakage(
        name="kept-after-it-was-given-up",
        promise=2,
        file="client/booking_client/sql/insert.sql",
        old="    WHERE asked.in_time\n",
        new="",
        test="tests/promises/lost_or_twice/test_enqueue_without_servers.py::test_a_hurt_postgres_is_a_clear_error_within_two_seconds_and_publishes_nothing[connected-frozen]",
    ),
    _move_sql(
        name="move-without-token",
        promise=2,
        old="*claimed, *conditions]",
        new="*conditions]",
        test="tests/integration/appointments/test_db_moves.py::test_a_move_out_of_booking_with_a_wrong_token_changes_nothing",
    ),
    _attempt(
        name="post-without-a-look",
        promise=2,
        old="inquiry.lookup() if row.outcome_unknown else Proceed()",
        new="Proceed()",
        test="tests/promises/lost_or_twice/test_never_lost.py::test_a_worker_killed_in_mid_call_leaves_one_booking[Redis-threads]",
    ),
    _lost_leases(
        name="lost-lease-taken-for-unsent",
        old="        outcome_unknown = true,\n",
        new="        outcome_unknown = false,\n",
        test="tests/promises/lost_or_twice/test_never_lost.py::test_a_worker_killed_in_mid_call_leaves_one_booking[Redis-threads]",
    ),
    _lost_leases(
        name="settled-by-a-clock-that-stepped-ahead",
        old="settle_at = greatest(settle_at, now() +",
        new="settle_at = greatest(settle_at, lease_expires_at +",
        test="tests/promises/lost_or_twice/test_stale_worker.py::test_a_post_under_way_is_not_settled_by_a_clock_that_steps_ahead",
    ),
    _lost_leases(
        name="a-hand-counts-as-a-sign-of-life",
        promise=6,
        old="lease_expires_at AS lease_ended_at",
        new="updated_at + make_interval(secs => :lease_seconds) AS lease_ended_at",
        test="tests/integration/test_timeline.py::test_a_worker_that_is_gone_is_told_by_its_lease[True]",
    ),
    Breakage(
        name="settle-time-ignored",
        promise=2,
        file="tasks/attempts/outcome.py",
        old="if times.settled_in > 0:",
        new="if False:",
        test="tests/unit/tasks/test_unknown.py::test_looks_come_at_1_2_4_seconds_and_then_at_the_settle_time",
    ),
    _claim_py(
        name="lease-unchecked-before-the-first-byte",
        old="return now if in_time else None",
        new="return now",
        test="tests/promises/lost_or_twice/test_stale_worker.py::"
        "test_a_claim_that_is_too_old_sends_nothing[before it connects]",
    ),
    _claim_py(
        name="late-uid-dropped",
        old="if not moved and move.to is Status.CONFIRMED:",
        new="if False:",
        test="tests/promises/lost_or_twice/test_stale_worker.py::test_what_cal_com_booked_for_a_worker_that_woke_late_is_recorded",
    ),
    # -- 4: a hold costs nothing
    _decisions(
        name="hold-costs-a-retry",
        promise=4,
        old="hold = {**columns, **self._hold(row, HoldReason.BREAKER_OPEN)}",
        new='hold = {**columns, "retry_count": used, **self._hold(row, HoldReason.BREAKER_OPEN)}',
        test="tests/unit/tasks/test_life.py::test_a_hold_costs_no_retry[True-False]",
    ),
    Breakage(
        name="released-in-no-order",
        promise=4,
        file="db/sql/waiting.sql",
        old="row_number() OVER (ORDER BY line_at, id) = 1",
        new="row_number() OVER (ORDER BY line_at DESC, id) = 1",
        test="tests/promises/outage/test_nobody_overtakes.py::test_the_first_in_the_line_is_released_first_and_alone",
    ),
    _enqueue(
        name="enqueued-past-those-who-wait",
        promise=4,
        old="placed, behind_others=True",
        new="placed, behind_others=False",
        test="tests/promises/outage/test_nobody_overtakes.py::test_who_asks_while_others_wait_is_held_behind_them[breaker_open]",
    ),
    Breakage(
        name="posted-past-those-who-wait",
        promise=4,
        file="db/sql/__init__.py",
        old="WHEN :released OR posts > 0 OR outcome_unknown THEN NULL",
        new="WHEN :released OR true THEN NULL",
        test="tests/promises/outage/test_nobody_overtakes.py::test_a_worker_does_not_post_past_those_who_wait",
    ),
    # -- 5: an operator's error fails no customer
    Breakage(
        name="refused-key-fails-bookings",
        promise=5,
        file="tasks/attempts/answered.py",
        old="case ReplyKind.THROTTLED | ReplyKind.CREDENTIALS | ReplyKind.CONFIGURATION:",
        new="case ReplyKind.THROTTLED | ReplyKind.CONFIGURATION:",
        test="tests/promises/lost_or_twice/test_never_twice.py::test_a_refused_key_holds_and_a_good_one_lets_go",
    ),
    # -- 6 and 7: you can see it, and only ids travel
    _moves(
        name="cause-untold",
        promise=6,
        old='Jsonb({"why": why, **(detail or {})})',
        new="Jsonb({**(detail or {})})",
        test="tests/integration/appointments/test_db_moves.py::test_the_event_stands_if_and_only_if_the_row_moved",
    ),
    Breakage(
        name="personal-data-in-the-message",
        promise=7,
        file="tasks/work/publish.py",
        old='"headers": headers,',
        new='"headers": headers | {"attendee": row.attendee_name},',
        test="tests/promises/test_nothing_personal.py::test_nothing_personal_leaves_postgres_and_cal_com[threads]",
    ),
    *AGAIN,
    # -- 3 and 4: calm
    *AUDITS,
    *AUDITS_WHERE_IT_IS,
    *BREAKER,
    *BROKERS,
    *ANSWER_BY,
    *BOTH_ENDS,
    *BULK,
    *CLIENTS,
    # -- the right key, and no other account's row
    *ACCOUNT_KEYS,
    *CAUSES,
    *CLOSED_ACCOUNTS,
    *APART,
    *FLOODS,
    *LATE_LOOKS,
    *LINES,
    *AGENTS_SECRETS,
    *SEEN,
    *SERVICES,
    # -- 1, 2 and 5: weak evidence ends nothing
    *ALONE,
    *COMPANY,
    *CALLBACKS,
    *FORGETTING,
    *FRONT_DOOR,
    *TOGETHER,
    *TOLD,
    *VOICE,
    *WEBHOOKS,
    *WEEKS,
    *WHAT_WAITS,
    *WISHES,
    *GUEST,
    *CHANGES_SENT,
    *RESOLVING_CHANGES,
    *EVENT_TYPES,
    *UNCLEAR,
    *HEALTH,
    *IDLE,
    *TRUTH,
    *HOLDS,
    *LINE,
    *MIGRATING,
    *RELEASES,
    *OPERATIONS,
    *AT_FRONT_DOOR,
    *EACH_TOLD,
    *HTTP_METRICS,
    *METRICS,
    *NOT_KNOWN,
    *PAGE,
    *QUOTA,
    *STEPS,
    *REPORTS,
    *TRACES,
    # -- 3: a bad day is no outage
    *TRIP,
)
