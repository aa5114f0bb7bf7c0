"""The PostgreSQL of a test process, and its databases: one that is kept and emptied, others for those who need them."""

from collections.abc import Generator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    # The package `worker` imports Celery, which most unit tests do without.
    from tests.support.databases.pool import Databases
    from worker.local.embedded import Postgres

FRESH = "fresh_database"
FAILED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", f"{FRESH}: `database_url` is made for the test, which changes the schema or fills big tables"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Remember what has failed: the traceback keeps all that the test has opened."""
    if call.excinfo is not None:
        for node in item.listchain():
            node.stash[FAILED] = True
    return (yield)


@pytest.fixture(scope="session")
def session_postgres() -> Iterator["Postgres"]:
    """Run the session's PostgreSQL; tests that hurt it take `postgres`."""
    from tests.support.servers import migrated  # noqa: PLC0415 - see above

    with migrated.running() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(session_postgres: "Postgres") -> str:
    """URL of the session's PostgreSQL: a database without tables; do not make any there."""
    return session_postgres.url


@pytest.fixture
def postgres(session_postgres: "Postgres") -> Iterator["Postgres"]:
    """Hand out the session's PostgreSQL to be killed, paused or restarted; it runs again afterwards."""
    yield session_postgres
    session_postgres.recover()


@pytest.fixture(scope="session")
def databases(session_postgres: "Postgres") -> Iterator["Databases"]:
    """Make and lend databases; those that were lent are as the migrations have made them at the end."""
    from tests.support.databases.pool import Databases  # noqa: PLC0415 - see above
    from tests.support.servers import migrated  # noqa: PLC0415 - see above

    made = Databases(session_postgres, lambda: migrated.template(session_postgres))
    yield made
    made.close()


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest, databases: "Databases") -> Iterator[str]:
    """URL of a database without tables, dropped after the test."""
    with databases.made(request.node.nodeid, migrated=False) as url:
        yield url


@pytest.fixture
def fresh_database_url(request: pytest.FixtureRequest, databases: "Databases") -> Iterator[str]:
    """URL of a database with the newest migrations, made for the test and dropped after it: it may do what it likes."""
    with databases.made(request.node.nodeid, migrated=True) as url:
        yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest, databases: "Databases", session_postgres: "Postgres") -> Iterator[str]:
    """URL of a database with the newest migrations and no rows, which others had before: leave what is no row as it is.

    A test that is marked `fresh_database` has one of its own.
    """
    if request.node.get_closest_marker(FRESH):
        yield request.getfixturevalue("fresh_database_url")
        return
    with databases.lent(request.node.nodeid, failed=partial(request.node.stash.get, FAILED, False)) as url:
        yield url
        if "postgres" in request.fixturenames:  # that fixture ends later if it began first
            session_postgres.recover()


@pytest.fixture(scope="module")
def module_database_url(request: pytest.FixtureRequest, databases: "Databases") -> Iterator[str]:
    """URL of a database with the newest migrations, for all tests of a module."""
    with databases.lent(request.node.nodeid, failed=partial(request.node.stash.get, FAILED, False)) as url:
        yield url
