"""What lets a migration go beside workers and callers, taken away, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_BESIDE = "tests/migrating/test_beside.py::"
_locks = partial(Breakage, promise=1, file="db/migrating/locks.py")
_run = partial(Breakage, promise=1, file="db/revisions.py")
_TAKEN_OVER = "tests/integration/database/test_takeover.py::"

MIGRATING = (
    _locks(
        name="callers-wait-behind-a-migration",
        old="LOCK_SECONDS = 0.5",
        new="LOCK_SECONDS = 3600.0",
        test=f"{_BESIDE}test_a_lock_that_is_held_is_waited_for_and_callers_go_on",
    ),
    _locks(
        name="a-deadlock-ends-a-migration",
        old="{_DEADLOCK, _NO_LOCK, *more}",
        new="{_NO_LOCK, *more}",
        test=f"{_BESIDE}test_a_deadlock_or_a_time_out_is_tried_again[40P01]",
    ),
    _locks(
        name="a-lock-time-out-ends-a-migration",
        old="{_DEADLOCK, _NO_LOCK, *more}",
        new="{_DEADLOCK, *more}",
        test=f"{_BESIDE}test_a_deadlock_or_a_time_out_is_tried_again[55P03]",
    ),
    _locks(
        name="a-migration-locks-against-the-workers-order",
        old='_FIRST = ("appointments", "booking_changes",',
        new='_FIRST = ("booking_changes", "appointments",',
        test=f"{_BESIDE}test_tables_are_locked_in_the_workers_order",
    ),
    _locks(
        name="what-is-left-of-an-index-stays",
        old="    if _is_whole(engine, part.name):\n",
        new="    if _is_whole(engine, part.name) is not None:\n",
        test=f"{_BESIDE}test_an_index_that_was_broken_off_is_built_again",
    ),
    _locks(
        name="an-index-keeps-others-from-writing",
        old="_at_ease(engine, part.concurrent_sql)",
        new="_at_ease(engine, part.sql)",
        test=f"{_BESIDE}test_big_tables_have_their_indexes_built_while_all_go_on",
    ),
    _run(
        name="a-migration-locks-its-tables-one-by-one",
        old='_part(script, "LOCKED"), lambda',
        new="(), lambda",
        test=f"{_BESIDE}test_tables_are_locked_in_the_workers_order",
    ),
    _run(
        name="a-deploy-with-nothing-to-do-locks-all-tables",
        old="            if at == goal:\n",
        new="            if False:\n",
        test=f"{_BESIDE}test_where_nothing_is_to_do_nobody_is_waited_for",
    ),
    # -- a database from before 0.2.0
    _run(
        name="a-database-of-before-is-not-taken-over",
        old="    if _current(conn) == before.LAST:\n",
        new="    if False:\n",
        test=f"{_TAKEN_OVER}test_a_database_at_the_last_of_them_is_taken_over",
    ),
    _run(
        name="a-takeover-locks-the-bookings",
        old="locks.in_transaction(engine, waits, (), lambda conn: _begin(conn, goal_of))",
        new="locks.in_transaction(engine, waits, TABLES, lambda conn: _begin(conn, goal_of))",
        test=f"{_TAKEN_OVER}test_a_takeover_waits_for_nobody",
    ),
    _run(
        name="an-older-database-is-called-a-newer-one",
        old="    if at in before.OLDER:\n",
        new="    if False:\n",
        test=f"{_TAKEN_OVER}test_an_older_database_is_told_which_commit_migrates_it_first[0029_times]",
    ),
    _run(
        name="the-id-of-0-1-0-is-not-seen",
        old="    return _version(conn) or hosts.id_among_alembics(conn, before.OLDER)\n",
        new="    return _version(conn)\n",
        test=f"{_TAKEN_OVER}test_a_database_of_0_1_0_is_told_so_too",
    ),
    Breakage(
        name="what-is-taken-over-lacks-an-index",
        promise=1,
        file="db/migrations/initial/events.sql",
        old="CREATE INDEX appointment_events_settled ON appointment_events (xid, id)",
        new="CREATE INDEX appointment_events_settled ON appointment_events (id, xid)",
        test=f"{_TAKEN_OVER}test_the_first_migration_makes_what_those_before_it_made",
    ),
)
