"""What keeps an application that calls us, and its database, as they are, taken away, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_HOST = "tests/integration/host/test_host_application.py::"
_TABLES = "tests/integration/database/test_other_tables.py::"
_revisions = partial(Breakage, promise=1, file="db/revisions.py")

GUEST = (
    Breakage(
        name="our-celery-becomes-the-hosts",
        promise=1,
        file="tasks/host/application.py",
        old="set_as_current=False",
        new="set_as_current=True",
        test=f"{_HOST}test_booking_changes_nothing_of_the_host[in_code0]",
    ),
    Breakage(
        name="a-hosts-worker-becomes-ours",
        promise=1,
        file="worker/signals.py",
        old="    if sender.app is not app:\n",
        new="    if False:\n",
        test=f"{_HOST}test_a_worker_of_the_host_is_left_as_it_is[threads]",
    ),
    Breakage(
        name="a-hosts-setting-wins",
        promise=1,
        file="worker/settings/environment.py",
        old="(own, field):",
        new="(field, own):",
        test="tests/unit/worker/test_settings.py::test_a_name_with_our_prefix_wins_over_the_hosts",
    ),
    Breakage(
        name="our-version-in-a-hosts-alembic",
        promise=1,
        file="db/namespace.py",
        old='VERSION_TABLE = "booking_schema_version"',
        new='VERSION_TABLE = "alembic_version"',
        test=f"{_TABLES}test_a_hosts_alembic_is_none_of_our_business",
    ),
    _revisions(
        name="a-hosts-table-taken-for-ours",
        old="        _refuse_others(conn)\n",
        new="        pass\n",
        test=f"{_TABLES}test_a_table_of_a_host_that_is_named_as_ours_is_named",
    ),
    _revisions(
        name="old-pods-find-no-version",
        old="    if others or at not in _ids():\n",
        new="    if True:\n",
        test=f"{_TABLES}test_our_id_alone_stays_for_processes_of_the_release_before",
    ),
    Breakage(
        name="a-schema-not-named",
        promise=1,
        file="db/engine.py",
        old="    if schema:\n",
        new="    if False:\n",
        test=f"{_TABLES}test_a_schema_of_our_own_is_made_and_nothing_else_is_touched",
    ),
)
