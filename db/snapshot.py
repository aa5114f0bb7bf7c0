"""Reads that belong together."""

from sqlalchemy import Connection, Engine


def snapshot(engine: Engine) -> Connection:
    """Connect for reads that belong together: one transaction, so all of them see the same moment."""
    return engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
