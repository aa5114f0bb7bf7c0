"""Separate connections for the page and the exporter, which read beside the work.

On the product's connections, a read that they give up would count as a failure of the service `database`.
"""

from dataclasses import replace

from db.engine import make_engine
from db.namespace import OPTION
from tasks.dependencies import Dependencies

POOL_PATIENCE = 1.0  # seconds to wait for a connection


def with_own_connections(deps: Dependencies, database_url: str, *, connections: int, patience: float) -> Dependencies:
    """Return a copy with `connections` of its own, on which no statement takes longer than `patience` seconds.

    The URL is the settings': an engine's own has lost `sslmode` and other options.
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
