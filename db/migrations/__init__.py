"""Alembic's revisions; `db.revisions` runs them."""
