"""All that is in a database, line by line: two dumps of databases with the same content are equal."""

from collections.abc import Iterable

import psycopg
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from tests.support.schema import catalogue

Dump = catalogue.Described

# What `catalogue` does not tell: who may do what, other schemas than our own, and the settings of this database.
_MORE = """
SELECT 'schema', nspname, coalesce(nspacl::text, ''), '' FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'
UNION ALL
SELECT 'relation', relkind::text, concat_ws('.', nspname, relname), coalesce(relacl::text, '')
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE c.oid >= 16384 AND nspname !~ '^pg_(toast|temp_)'
UNION ALL
SELECT 'function', nspname, proname, coalesce(proacl::text, '')
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = pronamespace
WHERE p.oid >= 16384 AND nspname !~ '^pg_temp_'
UNION ALL
SELECT 'extension', extname, extversion, '' FROM pg_extension
UNION ALL
SELECT 'event trigger', evtname, evtenabled::text, '' FROM pg_event_trigger
UNION ALL
SELECT 'setting', coalesce(rolname, 'every role'), array_to_string(setconfig, ' '), ''
FROM pg_db_role_setting
LEFT JOIN pg_roles AS r ON r.oid = setrole
WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_TABLES = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind = 'r' AND oid >= 16384 AND relnamespace::regnamespace::text !~ '^pg_(toast|temp_)'
"""


def dump(conn: "psycopg.Connection[tuple[str, ...]]") -> Dump:
    """Describe a database, its rows and sequences, too."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: conn, poolclass=StaticPool)
    with engine.connect() as described:
        found = catalogue.everything(described)
    found |= {tuple(map(str, row)) for row in conn.execute(_MORE)}
    for (table,) in conn.execute(_TABLES).fetchall():
        rows = sql.SQL("SELECT to_jsonb(t)::text FROM {} AS t").format(sql.SQL(table))
        found |= {("row", table, row, "") for (row,) in conn.execute(rows)}
    return found | {("sequence", name, *map(str, state)) for name, state in sequences(conn).items()}


def sequences(conn: "psycopg.Connection[tuple[str, ...]]") -> dict[str, tuple[int, bool]]:
    """Return each sequence's last value, and whether that was handed out."""
    named = conn.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'S'").fetchall()
    asked = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}, last_value, is_called FROM {}").format(sql.Literal(name), sql.SQL(name))
        for (name,) in named
    )
    return {name: (value, called) for name, value, called in conn.execute(asked)} if named else {}


def differences(before: Dump, after: Dump) -> list[str]:
    """Return each line that only one of two dumps has."""
    return [f"{word} {' '.join(line)}" for word, some in _told(before, after) for line in sorted(some)]


def _told(before: Dump, after: Dump) -> Iterable[tuple[str, Dump]]:
    return ("more:", after - before), ("missing:", before - after)
