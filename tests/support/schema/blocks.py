"""How many of PostgreSQL's blocks questions read, once their statements are planned for all values."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, text

PREPARED = 12  # psycopg prepares a statement from its fifth run on, and PostgreSQL then weighs a plan for all values
Questions = Mapping[str, Callable[[Connection], Any]]


def blocks_read(engine: Engine, fills: Sequence[str], questions: Questions, read: str) -> dict[str, int]:
    """Fill the tables, and return the blocks that each question then reads; the statement `read` counts them so far."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for fill in fills:
            conn.execute(text(fill))
        for _ in range(PREPARED):
            for ask in questions.values():
                ask(conn)
    with engine.begin() as conn:
        found: dict[str, int] = {}
        before = conn.execute(text(read)).scalar_one()
        for name, ask in questions.items():
            ask(conn)
            after = conn.execute(text(read)).scalar_one()
            found[name], before = after - before, after
    return found
