"""Alembic's entry: run the revisions over the connection that `db.revisions` hands in, inside its one transaction."""

from alembic import context

from db.models.bookings import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
