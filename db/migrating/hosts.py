"""What another program has beside our tables: its `alembic_version`, which 0.1.0 shared, and its tables."""

from collections.abc import Collection

from sqlalchemy import Connection, String, column, inspect, select, table, text

from db.namespace import TABLES, schema_of


def id_among_alembics(conn: Connection, known: Collection[str]) -> str | None:
    """Return our id from `alembic_version`, where 0.1.0 wrote it; a host's may be named alike.

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
