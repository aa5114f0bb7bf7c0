"""`booking serve` as a process, before a database of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.engine import make_engine
from tests.support.api.agents import SECRETS
from tests.support.api.served import Serving
from tests.support.zygote import Zygote


@pytest.fixture
def serving(database_url: str, redis_url: str, tmp_path: Path, zygote: Zygote) -> Iterator[Serving]:
    """Start APIs of the test's own, before its own database."""
    engine = make_engine(database_url)
    with Serving({"DATABASE_URL": database_url, "REDIS_URL": redis_url, **SECRETS}, engine, tmp_path, zygote) as made:
        yield made
    engine.dispose()
