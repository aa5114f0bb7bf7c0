"""What a database is made of, by PostgreSQL's own catalogue, so that two can be compared."""

from typing import Any

from sqlalchemy import Connection, text

Described = set[tuple[str, ...]]

_OURS = (
    "c.relnamespace = CAST(:schema AS regnamespace) AND c.relname NOT IN ('alembic_version', 'booking_schema_version')"
)
_TABLES = f"""
SELECT 'column', c.relname, a.attname,
       concat_ws(
           ' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END, a.attidentity,
           pg_get_expr(d.adbin, d.adrelid)
       )
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind = 'r' AND {_OURS}
UNION ALL
SELECT 'constraint', c.relname, x.conname, pg_get_constraintdef(x.oid)
FROM pg_class AS c
JOIN pg_constraint AS x ON x.conrelid = c.oid
WHERE {_OURS}
UNION ALL
SELECT 'index', c.relname, i.relname, pg_get_indexdef(i.oid)
FROM pg_class AS c
JOIN pg_index AS x ON x.indrelid = c.oid
JOIN pg_class AS i ON i.oid = x.indexrelid
WHERE c.relkind = 'r' AND {_OURS}
"""  # noqa: S608 - our own words
_OTHERS = f"""
SELECT 'relation', CAST(c.relkind AS text), c.relname, coalesce(array_to_string(c.reloptions, ' '), '')
FROM pg_class AS c
WHERE {_OURS} AND c.relname NOT LIKE 'alembic%' AND c.relname NOT LIKE 'booking_schema_version%'
UNION ALL
SELECT 'trigger', c.relname, t.tgname, concat_ws(' ', CAST(t.tgenabled AS text), pg_get_triggerdef(t.oid))
FROM pg_class AS c
JOIN pg_trigger AS t ON t.tgrelid = c.oid AND NOT t.tgisinternal
WHERE {_OURS}
UNION ALL
SELECT 'function', p.proname, pg_get_function_identity_arguments(p.oid), pg_get_functiondef(p.oid)
FROM pg_proc AS p
WHERE p.pronamespace = CAST(:schema AS regnamespace)
UNION ALL
SELECT 'type', CAST(t.typtype AS text), t.typname, ''
FROM pg_type AS t
WHERE t.typnamespace = CAST(:schema AS regnamespace) AND t.typtype <> 'c' AND t.typelem = 0
UNION ALL
SELECT 'comment', '', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description
FROM pg_description AS d
WHERE d.objoid IN (
    SELECT c.oid FROM pg_class AS c WHERE {_OURS}
    UNION ALL SELECT p.oid FROM pg_proc AS p WHERE p.pronamespace = CAST(:schema AS regnamespace)
)
"""  # noqa: S608 - the same


def tables(conn: Connection, schema: str = "public") -> Described:
    """Describe every column, constraint and index, but for the schema's name."""
    return _described(conn, _TABLES, schema)


def everything(conn: Connection) -> Described:
    """Describe relations, columns, constraints, indexes, triggers, functions, types and comments."""
    return _described(conn, _TABLES, "public") | _described(conn, _OTHERS, "public")


def _described(conn: Connection, query: str, schema: str) -> Described:
    rows: Any = conn.execute(text(query), {"schema": schema})
    return {tuple(str(value).replace(f"{schema}.", "").strip() for value in row) for row in rows}
