"""The commands in a database whose tables of our names are a host's: ours have a schema of their own."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from db.namespace import TABLES


@pytest.fixture
def apart(settings: Callable[..., dict[str, str]], call: Callable[..., Any], empty_database_url: str) -> Any:
    """Run `booking ...` beside a host's tables, with our own migrated into DATABASE_SCHEMA."""
    with psycopg.connect(empty_database_url, autocommit=True) as host:
        for name in TABLES:
            host.execute(f"CREATE TABLE {name} (id int)")
    settings(DATABASE_URL=empty_database_url, DATABASE_SCHEMA="bw")
    assert call("migrate").out.endswith("nothing -> 0001_initial\n")
    return call


def test_report_check_and_breaker_read_our_tables(apart: Any) -> None:
    """None of them finds a column of the host's table, which has none of ours."""
    assert apart("migrate", "--status").code == 0
    assert apart("report", "--json").json["lines"]
    findings = {finding["about"]: finding["ok"] for finding in apart("check", "--json").json["findings"]}
    assert findings["migrations"] is True
    assert apart("breaker", "open", "--why", "a test").code == 0
    assert "a test" in apart("breaker", "status").out
