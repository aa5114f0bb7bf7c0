"""Who reads by connections of its own reaches the same server in the same way."""

from typing import Any

from sqlalchemy import text

from tasks import dependencies
from worker.own_connections import with_own_connections


def test_what_the_url_asks_for_holds_for_a_readers_own_connections(settings: Any, database_url: str) -> None:
    """As `sslmode` would, which an engine's own URL does not show any more; and each statement has its bound."""
    settings()
    deps = dependencies.current()
    url = f"{database_url}?application_name=reader"
    own = with_own_connections(deps, url, connections=1, patience=0.5)

    with own.autocommit.connect() as conn:
        assert conn.execute(text("SHOW application_name")).scalar_one() == "reader"
        assert conn.execute(text("SHOW statement_timeout")).scalar_one() == "500ms"
    assert own.engine.pool is not deps.engine.pool
    own.engine.dispose()
    deps.engine.dispose()
