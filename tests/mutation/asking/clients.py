"""Guards of bookings that clients keep, each taken away."""

from functools import partial

from tests.mutation.breakage import Breakage

_KEPT = "tests/integration/booking_client/test_client_kept.py::"
_DISPATCHED = "tests/integration/booking_client/test_client_dispatched.py::"
_SETTLED = "tests/integration/booking_client/test_client_settled.py::"
_IN_TRANSACTION = "tests/integration/booking_client/test_client_transactions.py::"
_insert = partial(Breakage, promise=1, file="client/booking_client/sql/insert.sql")
_transactions = partial(Breakage, promise=1, file="client/booking_client/database/transactions.py")
_requested = partial(Breakage, promise=3, file="db/sql/requested.sql")
_CURSOR = "tests/integration/booking_client/test_client_cursor.py::"
_LISTENS = "tests/integration/booking_client/test_client_listens.py::"
_DISPATCHER = "tests/integration/booking_client/test_client_dispatcher.py::"
_settled = partial(Breakage, promise=6, file="client/booking_client/sql/settled_since.sql")
_bookings = partial(Breakage, promise=6, file="client/booking_client/bookings.py")
_async_bookings = partial(Breakage, promise=6, file="client/booking_client/async_bookings.py")

CLIENTS = (
    Breakage(
        name="a-lock-is-a-server-that-is-gone",
        promise=1,
        file="client/booking_client/sql/in_time.sql",
        old="IS NOT NULL THEN set_config(",
        new="IS NULL THEN set_config(",
        test="tests/integration/booking_client/test_client_locked.py::"
        "test_a_lock_of_another_transaction_is_said_to_be_one[a client]",
    ),
    Breakage(
        name="a-lock-has-a-number-alone",
        promise=1,
        file="client/booking_client/database/errors.py",
        old='_HINTS.get(state, "")',
        new='""',
        test="tests/integration/booking_client/test_client_locked.py::"
        "test_a_lock_of_another_transaction_is_said_to_be_one[a client]",
    ),
    Breakage(
        name="a-kept-row-shows-its-key",
        promise=7,
        file="client/booking_client/insertion.py",
        old='return f"Kept(id={self.id}, status={self.status!r})"',
        new="return tuple.__repr__(self)",
        test="tests/integration/appointments/test_db_insertion.py::"
        "test_what_a_caller_wrote_is_in_no_trace_of_a_kept_row",
    ),
    Breakage(
        name="an-address-with-two-dots-in-a-row",
        promise=1,
        file="client/booking_client/request/fields.py",
        old="(?:\\.[A-Za-z0-9_+'-]+)*\"",
        new="(?:\\.*[A-Za-z0-9_+'-]+)*\"",
        test="tests/unit/request/test_attendee.py::test_an_email_that_cal_com_would_refuse_is_refused[a..b@example.com]",
    ),
    _insert(
        name="client-counts-as-published",
        old="WHEN waits_for IS NULL AND :published THEN now()",
        new="WHEN waits_for IS NULL THEN now()",
        test=f"{_KEPT}test_a_kept_request_is_a_pending_row_that_nobody_has_published",
    ),
    _insert(
        name="client-wakes-nobody",
        old="WHERE NOT :published AND status = 'pending'",
        new="WHERE false",
        test=f"{_DISPATCHED}test_one_transaction_of_a_client_notifies_once_and_nobody_else_does",
    ),
    _insert(
        name="everybody-notifies",
        old="WHERE NOT :published AND status = 'pending'",
        new="WHERE status = 'pending'",
        test=f"{_DISPATCHED}test_one_transaction_of_a_client_notifies_once_and_nobody_else_does",
    ),
    _insert(
        name="written-into-the-hosts-table",
        old="INSERT INTO /* schema */appointments",
        new="INSERT INTO appointments",
        test=f"{_IN_TRANSACTION}test_an_error_is_ours_whatever_the_driver[psycopg]",
    ),
    _transactions(
        name="parameters-by-name-only",
        old='if _style(connection) == "format"',
        new="if False",
        test=f"{_IN_TRANSACTION}test_an_error_is_ours_whatever_the_driver[pg8000]",
    ),
    _transactions(
        name="rows-as-the-caller-has-them",
        old="connection.cursor(row_factory=tuple_row), query, query.sql",
        new="connection.cursor(), query, query.sql",
        test=f"{_IN_TRANSACTION}test_rows_are_read_by_their_order_whatever_the_caller_has[psycopg]",
    ),
    _requested(
        name="dispatched-while-the-breaker-is-open",
        old="        WHEN account_id = ANY (CAST(:blocked AS integer[])) THEN 'breaker_open'\n",
        new="",
        test=f"{_DISPATCHED}test_while_the_breaker_is_open_it_is_held_at_once",
    ),
    _requested(
        name="client-overtakes",
        old="WHERE held.account_id = own.account_id AND status = 'held' AND hold_reason = 'throttled'",
        new="WHERE false",
        test=f"{_DISPATCHED}test_while_others_wait_it_waits_behind_them",
    ),
    _requested(
        name="client-knows-no-lead",
        old="line_at = least(line_at, last_place)",
        new="line_at = line_at",
        test=f"{_DISPATCHED}test_its_place_in_the_line_is_before_its_time_is_over",
    ),
    Breakage(
        name="a-turn-is-taken-again",
        promise=1,
        file="client/booking_client/database/turns.py",
        old="            if self._waiting:\n",
        new="            if False:\n",
        test="tests/unit/request/test_turns.py::test_a_turn_that_is_given_back_goes_to_the_thread_that_waits",
    ),
    Breakage(
        name="kept-by-a-client-is-lost",
        promise=4,
        file="db/queue/kinds.py",
        old="\"(status = 'retrying' OR updated_at > created_at)\"",
        new='"true"',
        test="tests/integration/appointments/test_db_unsent.py::test_what_a_client_kept_is_the_dispatchers",
    ),
    _settled(
        name="late-commits-passed-by",
        old="NOT pg_visible_in_snapshot(ended.xid, given.since)",
        new="ended.xid >= pg_snapshot_xmax(given.since)",
        test=f"{_SETTLED}test_what_commits_late_is_not_passed_by",
    ),
    _settled(
        name="pages-of-another-snapshot",
        old="pg_visible_in_snapshot(ended.xid, given.until)",
        new="true",
        test=f"{_SETTLED}test_a_long_list_comes_in_pages_and_a_late_commit_between_two",
    ),
    _settled(
        name="cursor-of-another-cluster",
        old="WHEN pg_snapshot_xmax(CAST(:since AS pg_snapshot)) <= pg_snapshot_xmax(pg_current_snapshot())",
        new="WHEN true",
        test=f"{_SETTLED}test_in_a_restored_cluster_a_cursor_from_before_begins_anew",
    ),
    Breakage(
        name="cursor-counts-what-a-crash-forgets",
        promise=6,
        file="client/booking_client/cursors.py",
        old="end = min(int(xmax), last + 1)",
        new="end = int(xmax)",
        test=f"{_CURSOR}test_a_cursor_of_now_counts_nothing_as_seen_that_a_crash_forgets[after]",
    ),
    _bookings(
        name="listens-for-ever-to-a-frozen-postgres",
        old="        with deadline(patience()):\n            found",
        new="        with deadline(None):\n            found",
        test=f"{_LISTENS}test_who_listens_hangs_up_on_a_frozen_postgres",
    ),
    _async_bookings(
        name="coroutine-listens-for-ever-to-a-frozen-postgres",
        old="        with deadline(patience()):\n            found",
        new="        with deadline(None):\n            found",
        test=f"{_LISTENS}test_a_coroutine_that_listens_hangs_up_on_a_frozen_postgres",
    ),
    _async_bookings(
        name="connection-that-listened-is-lent-again",
        old="                        _closing(conn),\n",
        new="",
        test=f"{_LISTENS}test_a_connection_that_listened_is_nobodys_afterwards",
    ),
    _bookings(
        name="heard-of-once-at-most",
        old="for settled in _listen(conn, cursor, self._schema, every)",
        new="for settled in _listen(conn, self.cursor(), self._schema, every)",
        test=f"{_LISTENS}test_each_end_is_heard_in_order_through_a_killed_listener_and_a_killed_postgres[listener]",
    ),
    Breakage(
        name="dispatcher-listens-once",
        promise=1,
        file="worker/dispatcher.py",
        old="        _ending.wait(PAUSE)\n",
        new="        return\n",
        test=f"{_DISPATCHER}test_killed_postgres_is_listened_to_again",
    ),
    Breakage(
        name="ends-wait-for-a-bulk",
        promise=6,
        file="tasks/maintenance/dispatch.py",
        old="        meanwhile()\n",
        new="",
        test=f"{_DISPATCHER}test_a_bulk_keeps_neither_ends_nor_single_requests_waiting",
    ),
)
