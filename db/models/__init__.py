"""The tables as classes: for migrations and for `db.schema`."""
