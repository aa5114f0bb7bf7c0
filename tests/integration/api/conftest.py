"""`booking serve` as a process, before a database of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.engine import make_engine
from tests.support.api.agents import SECRETS
from tests.support.api.served import Api, Serving


@pytest.fixture(scope="module")
def api(
    template: str, new_database: Callable[..., str], valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """Serve one API to all tests of a module; each has keys, and so bookings, of its own."""
    url = new_database(template)
    engine = make_engine(url)
    folder = tmp_path_factory.mktemp("served")
    with Serving({"DATABASE_URL": url, "REDIS_URL": valkey_url, **SECRETS}, engine, folder) as serving:
        yield serving.start()
    engine.dispose()


@pytest.fixture
def serving(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Serving]:
    """Start APIs of the test's own, before its own database."""
    engine = make_engine(database_url)
    with Serving({"DATABASE_URL": database_url, "REDIS_URL": redis_url, **SECRETS}, engine, tmp_path) as made:
        yield made
    engine.dispose()
