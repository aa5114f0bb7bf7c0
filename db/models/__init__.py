"""The tables, as SQLAlchemy's Core knows them: for migrations and for `db.schema`."""
