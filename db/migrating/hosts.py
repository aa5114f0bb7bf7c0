"""What another program has beside our tables: its `alembic_version`, which earlier releases shared, and its tables."""

from collections.abc import Collection

from sqlalchemy import Connection, String, column, inspect, select, table, text

from db.namespace import TABLES, VERSION_TABLE, schema_of

_LEFT = "also_in_alembic_version"  # our table's comment where a copy of our id stays


def id_among_alembics(conn: Connection, known: Collection[str]) -> str | None:
    """Return our id from `alembic_version`, where earlier releases wrote it; a host's may be named alike.

    So it is ours only beside a table of bookings as ours.
    """
    there, schema = inspect(conn), schema_of(conn)
    if not all(there.has_table(name, schema=schema) for name in ("alembic_version", "appointments")):
        return None
    if "idempotency_key" not in {column["name"] for column in there.get_columns("appointments", schema=schema)}:
        return None
    versions = table("alembic_version", column("version_num", String), schema=schema)
    found: str | None = conn.execute(select(versions.c.version_num).where(versions.c.version_num.in_(known))).scalar()
    return found


def move_id(conn: Connection, at: str, *, stays: bool) -> None:
    """Write our id into a table of our own, and take it out of a host's `alembic_version`.

    In one that is ours alone it stays: pods of 0.1.0 that restart during a deploy look there, and nowhere else.
    """
    conn.exec_driver_sql(f"CREATE TABLE {VERSION_TABLE} (version_num varchar(32) PRIMARY KEY)")
    conn.execute(table(VERSION_TABLE, column("version_num", String)).insert(), {"version_num": at})
    others = conn.execute(text("SELECT 1 FROM alembic_version WHERE version_num <> :at"), {"at": at}).all()
    if others or not stays:
        conn.execute(text("DELETE FROM alembic_version WHERE version_num = :at"), {"at": at})
    else:
        conn.exec_driver_sql(f"COMMENT ON TABLE {VERSION_TABLE} IS '{_LEFT}'")


def take_back_id(conn: Connection, ids: Collection[str]) -> None:
    """Take out of `alembic_version` the id that we left there: our tables go, and the release before looks there."""
    if not conn.execute(text("SELECT to_regclass('alembic_version')")).scalar():
        return
    left = conn.execute(text("SELECT obj_description(to_regclass(:ours), 'pg_class')"), {"ours": VERSION_TABLE})
    if left.scalar() == _LEFT:
        conn.execute(text("DELETE FROM alembic_version WHERE version_num = ANY(:ids)"), {"ids": list(ids)})
        conn.exec_driver_sql(f"COMMENT ON TABLE {VERSION_TABLE} IS NULL")


def others_named_as_ours(conn: Connection) -> str | None:
    """Say which tables of another program have the names of ours; None: none has."""
    schema, others = conn.execute(
        text(
            "SELECT current_schema, array_agg(CAST(relname AS text) ORDER BY relname) FROM pg_class"
            " WHERE relnamespace = CAST(current_schema AS regnamespace) AND relkind <> 'c' AND relname = ANY(:names)"
        ),
        {"names": list(TABLES)},
    ).one()
    if not others:
        return None
    return (
        f"the schema {schema} has {', '.join(others)} of another program: set DATABASE_SCHEMA to a schema for our"
        " tables alone, which is made if it is not there; nothing was changed"
    )
