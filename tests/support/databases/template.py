"""What a copy of the migrated database is compared with, and the statements that make it like the template again."""

import json
from collections.abc import Iterable
from itertools import chain, starmap
from typing import Any

import psycopg
from psycopg import sql

from tests.support.databases.dump import dump, sequences

Connection = psycopg.Connection[tuple[Any, ...]]


class Template:
    """What the template has, and the statements that compare a copy with it, or make a copy like it again."""

    def __init__(self, url: str) -> None:
        with connect(url) as conn:
            self.dump = dump(conn)
            tables, values = _rows(conn), sequences(conn)
        emptied = [
            sql.SQL("{0} AS (DELETE FROM {0})").format(sql.Identifier(name)) for name in tables if not tables[name]
        ]
        set_back = [sql.SQL("setval({}, {}, {})").format(name, *state) for name, state in values.items()]
        deleted = sql.SQL("WITH {} SELECT {}").format(_listed(emptied), _listed(set_back))
        filled = [_set_back(sql.Identifier(name), rows) for name, rows in tables.items() if rows]
        differing = [*starmap(_differs, tables.items()), *starmap(_moved, values.items())]
        self.empty = [(one.as_bytes(None), given) for one, given in ((deleted, []), *chain.from_iterable(filled))]
        self.differing = sql.SQL(" UNION ALL ").join(differing).as_bytes(None)


def _rows(conn: Connection) -> dict[str, list[Any]]:
    """Return the rows of each table of ours, as JSON."""
    named = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
    asked = sql.SQL("SELECT coalesce({}, '[]')")
    return {
        name: one(conn.execute(asked.format(_as_json(sql.Identifier(name)))))
        for (name,) in conn.execute(named).fetchall()
    }


def _as_json(table: sql.Identifier) -> sql.Composed:
    return sql.SQL("(SELECT jsonb_agg(to_jsonb(t) ORDER BY to_jsonb(t)) FROM {} AS t)").format(table)


def _set_back(table: sql.Identifier, rows: list[Any]) -> list[tuple[sql.Composable, list[str]]]:
    """Return what makes a table have these rows and no others."""
    wanted = sql.SQL("jsonb_array_elements(%s::jsonb) AS r (wanted)")
    deleted = sql.SQL("DELETE FROM {} AS t WHERE to_jsonb(t) NOT IN (SELECT wanted FROM {})").format(table, wanted)
    inserted = sql.SQL(
        "INSERT INTO {0} OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(NULL::{0}, wanted)).* FROM {1}"
        " WHERE wanted NOT IN (SELECT to_jsonb(t) FROM {0} AS t)"
    ).format(table, wanted)
    given = [json.dumps(rows)]
    return [(deleted, given), (inserted, given)]


def _differs(table: str, rows: list[Any]) -> sql.Composed:
    """Return a query of one line, or none where the table has these rows and no others."""
    name, told = sql.Identifier(table), f"a row in {table}"
    if not rows:
        return sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(told, name)
    wanted = sql.Literal(json.dumps(rows))
    return sql.SQL("SELECT {} WHERE {} IS DISTINCT FROM {}::jsonb").format(told, _as_json(name), wanted)


def _moved(sequence: str, state: tuple[int, bool]) -> sql.Composed:
    """Return a query of one line, or none where the sequence has not moved."""
    asked = sql.SQL("SELECT {} FROM {} WHERE (last_value, is_called) <> ({}, {})")
    return asked.format(f"the sequence {sequence} moved", sql.SQL(sequence), *state)  # type: ignore[arg-type] - a name


def _listed(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def connect(url: str) -> Connection:
    """Connect as who empties a database: as a replica, for which no trigger and no foreign key has a say."""
    options = "-c session_replication_role=replica -c timezone=UTC -c statement_timeout=0 -c lock_timeout=0"
    return psycopg.connect(url, autocommit=True, options=options, application_name="tests")


def one(cursor: "psycopg.Cursor[tuple[Any, ...]]") -> Any:
    """Return the one value that was asked for."""
    row = cursor.fetchone()
    assert row is not None
    return row[0]
