"""Alembic's entry: run the revisions over the connection that `db.revisions` hands in, inside its one transaction."""

from alembic import context

from db.models.bookings import metadata
from db.namespace import VERSION_TABLE, schema_of

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    version_table_schema=schema_of(connection),
)
context.run_migrations()
