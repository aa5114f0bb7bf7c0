"""Connections of one's own, for who reads beside the work: the page, and what Prometheus asks.

On the product's, what they give up in time would be failures of the service `database`.
"""

from dataclasses import replace

from db.engine import make_engine
from db.namespace import OPTION
from tasks.dependencies import Dependencies

POOL_PATIENCE = 1.0  # seconds that one waits for a connection


def with_own_connections(deps: Dependencies, database_url: str, *, connections: int, patience: float) -> Dependencies:
    """Return a copy that reads by so many connections of its own; no statement takes longer than `patience` seconds.

    The URL is as the settings have it: an engine's own shows no `sslmode`, nor anything else that was given with it.
    """
    bound_ms = int(patience * 1000)
    engine = make_engine(
        database_url,
        pool_size=connections,
        pool_timeout_s=POOL_PATIENCE,
        statement_timeout_ms=bound_ms,
        lock_timeout_ms=bound_ms,
        schema=deps.engine.get_execution_options().get(OPTION),
    )
    return replace(deps, engine=engine, autocommit=engine.execution_options(isolation_level="AUTOCOMMIT"))
