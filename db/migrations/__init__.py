"""Alembic's revisions; `db.revisions` runs them, and says what the parts of one are."""
