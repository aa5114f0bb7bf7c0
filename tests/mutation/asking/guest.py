"""What keeps an application that calls us, and its database, as they are, taken away, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_HOST = "tests/integration/host/test_host_application.py::"
_TABLES = "tests/integration/database/test_other_tables.py::"
_namespace = partial(Breakage, promise=1, file="db/namespace.py")

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
        test="tests/unit/worker/test_settings.py::test_an_empty_hour_with_our_prefix_means_never",
    ),
    _namespace(
        name="our-version-in-a-hosts-alembic",
        old='VERSION_TABLE = "booking_schema_version"',
        new='VERSION_TABLE = "alembic_version"',
        test=f"{_TABLES}test_a_hosts_alembic_is_none_of_our_business",
    ),
    _namespace(
        name="a-table-without-its-schema",
        old='"heartbeats", ',
        new="",
        test=f"{_TABLES}test_every_table_has_its_name_here",
    ),
)
